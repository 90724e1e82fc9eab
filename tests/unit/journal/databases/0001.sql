-- A journal of schema 1: a delivered transaction, one cut off with a MeterValues owed, a setting, a connector out of service.
PRAGMA page_size = 512;
PRAGMA journal_mode = WAL;
PRAGMA application_id = 1667786596;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE abandoned (
    seq INTEGER PRIMARY KEY,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL
);
CREATE TABLE auth_cache (
    id_tag_key TEXT PRIMARY KEY, -- the id tag without case
    id_tag TEXT NOT NULL,
    status TEXT NOT NULL,
    parent_id_tag TEXT,
    expiry_utc REAL,
    connector INTEGER NOT NULL,
    seq INTEGER NOT NULL         -- when it was last heard of
) WITHOUT ROWID;
INSERT INTO "auth_cache" VALUES('04a2b1c3','04A2B1C3','Accepted','PARENT',1900000000.0,1,5);
CREATE TABLE availability (
    connector INTEGER PRIMARY KEY,
    is_operative INTEGER NOT NULL,
    is_scheduled INTEGER NOT NULL
);
INSERT INTO "availability" VALUES(2,0,0);
CREATE TABLE boot (
    boot INTEGER PRIMARY KEY,
    utc_offset_s REAL NOT NULL   -- utc - mono_s, when UTC was first trusted in this run
);
INSERT INTO "boot" VALUES(1,1760000000.0);
CREATE TABLE fact (
    seq INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL,
    mono_s REAL NOT NULL,
    utc REAL,                    -- seconds since 1970; NULL while UTC was not trusted
    connector INTEGER NOT NULL,
    kind TEXT NOT NULL,
    is_owed INTEGER NOT NULL,    -- makes a message to the central system
    body TEXT NOT NULL
);
INSERT INTO "fact" VALUES(1,1,1.0,NULL,1,'TransactionStarted',1,'{"connector":1,"local_id":"a","id_tag":"04A2B1C3","meter_start_wh":1000}');
INSERT INTO "fact" VALUES(2,1,2.0,1760000002.0,1,'TransactionConfirmed',0,'{"connector":1,"local_id":"a","remote_id":17,"status":"Accepted","settles":1}');
INSERT INTO "fact" VALUES(3,1,3.0,1760000003.0,1,'TransactionStopped',1,'{"connector":1,"local_id":"a","reason":"Local","meter_stop_wh":1800,"id_tag":"04A2B1C3"}');
INSERT INTO "fact" VALUES(4,1,4.0,1760000004.0,1,'StopConfirmed',0,'{"connector":1,"local_id":"a","settles":3}');
INSERT INTO "fact" VALUES(5,1,4.0,1760000004.0,1,'TokenCached',0,'{"connector":1,"id_tag":"04A2B1C3","status":"Accepted","parent_id_tag":"PARENT","expiry_utc_s":1900000000.0}');
INSERT INTO "fact" VALUES(6,1,5.0,1760000005.0,1,'TransactionStarted',1,'{"connector":1,"local_id":"b","id_tag":"04A2B1C3","meter_start_wh":1800}');
INSERT INTO "fact" VALUES(7,1,6.0,1760000006.0,1,'TransactionConfirmed',0,'{"connector":1,"local_id":"b","remote_id":18,"status":"Accepted","settles":6}');
INSERT INTO "fact" VALUES(8,1,6.0,1760000006.0,0,'SettingChanged',0,'{"connector":0,"name":"heartbeat_interval_s","value":"120"}');
INSERT INTO "fact" VALUES(9,1,6.0,1760000006.0,2,'AvailabilityChanged',0,'{"connector":2,"is_operative":false,"is_scheduled":false}');
INSERT INTO "fact" VALUES(10,1,7.0,1760000007.0,1,'MeterSampled',1,'{"connector":1,"local_id":"b","energy_wh":2400,"context":"Sample.Periodic","values":[["Energy.Active.Import.Register",1500.0,"Wh"]]}');
INSERT INTO "fact" VALUES(11,1,8.0,1760000008.0,2,'AuthorizationAsked',0,'{"connector":2,"ticket":1,"id_tag":"X"}');
CREATE TABLE meta (
    name TEXT PRIMARY KEY,       -- 'station': namespace of the message ids; 'boot': number of the present run
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "meta" VALUES('boot','1');
INSERT INTO "meta" VALUES('station','6f1c2f9e-7f0a-4d57-9d3e-2a4f5b6c7d8e');
CREATE TABLE owed (
    queue TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,        -- the last fact that is settled; what is owed comes after it
    attempts INTEGER NOT NULL    -- failed transmissions of the next one
) WITHOUT ROWID;
INSERT INTO "owed" VALUES('transactions',6,1);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL          -- JSON
) WITHOUT ROWID;
INSERT INTO "setting" VALUES('heartbeat_interval_s','120');
CREATE TABLE tx (
    local_id TEXT PRIMARY KEY,
    connector INTEGER NOT NULL,
    remote_id INTEGER,
    id_tag TEXT NOT NULL,
    parent_id_tag TEXT,
    meter_start_wh INTEGER NOT NULL,
    meter_stop_wh INTEGER,
    reason TEXT,
    started_seq INTEGER NOT NULL,
    stopped_seq INTEGER,
    start_state TEXT NOT NULL,   -- owed, confirmed, abandoned
    stop_state TEXT NOT NULL     -- running, owed, confirmed, abandoned
) WITHOUT ROWID;
INSERT INTO "tx" VALUES('a',1,17,'04A2B1C3',NULL,1000,1800,'Local',1,3,'confirmed','confirmed');
INSERT INTO "tx" VALUES('b',1,18,'04A2B1C3',NULL,1800,NULL,NULL,6,NULL,'confirmed','running');
CREATE INDEX tx_unfinished ON tx (started_seq) WHERE stop_state IN ('running', 'owed');
COMMIT;
