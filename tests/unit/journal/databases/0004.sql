-- A journal of schema 4: a delivered transaction, one cut off with a MeterValues owed, a setting, a connector out of service,
-- a latched fault, a local list, a reservation, and a charging profile.
PRAGMA page_size = 512;
PRAGMA journal_mode = WAL;
PRAGMA application_id = 1667786596;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE abandoned (
    seq INTEGER PRIMARY KEY,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;
CREATE TABLE auth_cache (
    id_tag_key TEXT PRIMARY KEY, -- the id tag without case
    id_tag TEXT NOT NULL,
    status TEXT NOT NULL,
    parent_id_tag TEXT,
    expiry_utc REAL,
    connector INTEGER NOT NULL,
    seq INTEGER NOT NULL         -- when something new was heard of it
) STRICT, WITHOUT ROWID;
INSERT INTO "auth_cache" VALUES('04a2b1c3','04A2B1C3','Accepted','PARENT',1900000000.0,1,5);
CREATE TABLE availability (
    connector INTEGER PRIMARY KEY,
    is_operative INTEGER NOT NULL,
    is_scheduled INTEGER NOT NULL
) STRICT;
INSERT INTO "availability" VALUES(2,0,0);
CREATE TABLE fact (
    seq INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL,
    mono_s REAL NOT NULL,
    utc REAL,                    -- seconds since 1970; NULL while UTC was not trusted
    connector INTEGER NOT NULL,
    kind TEXT NOT NULL,
    owed INTEGER NOT NULL,       -- 0: makes no message; 1: makes one; 2: made one, which was thinned out of too long a queue
    settled INTEGER NOT NULL,    -- the last fact whose message was done then; what is owed comes after that of the newest fact
    body TEXT NOT NULL
) STRICT;
INSERT INTO "fact" VALUES(1,1,1.0,NULL,1,'TransactionStarted',1,0,'{"local_id":"a","id_tag":"04A2B1C3","meter_start_wh":1000}');
INSERT INTO "fact" VALUES(2,1,2.0,1760000002.0,1,'TransactionConfirmed',0,1,'{"local_id":"a","remote_id":17,"status":"Accepted","settles":1}');
INSERT INTO "fact" VALUES(3,1,3.0,1760000003.0,1,'TransactionStopped',1,1,'{"local_id":"a","reason":"Local","meter_stop_wh":1800,"id_tag":"04A2B1C3"}');
INSERT INTO "fact" VALUES(4,1,4.0,1760000004.0,1,'StopConfirmed',0,3,'{"local_id":"a","settles":3}');
INSERT INTO "fact" VALUES(5,1,4.0,1760000004.0,1,'TokenCached',0,3,'{"id_tag":"04A2B1C3","status":"Accepted","parent_id_tag":"PARENT","expiry_utc_s":1900000000.0}');
INSERT INTO "fact" VALUES(6,1,5.0,1760000005.0,1,'TransactionStarted',1,3,'{"local_id":"b","id_tag":"04A2B1C3","meter_start_wh":1800}');
INSERT INTO "fact" VALUES(7,1,6.0,1760000006.0,1,'TransactionConfirmed',0,6,'{"local_id":"b","remote_id":18,"status":"Accepted","settles":6}');
INSERT INTO "fact" VALUES(8,1,6.0,1760000006.0,0,'SettingChanged',0,6,'{"name":"heartbeat_interval_s","value":"120"}');
INSERT INTO "fact" VALUES(9,1,6.0,1760000006.0,2,'AvailabilityChanged',0,6,'{"is_operative":false,"is_scheduled":false}');
INSERT INTO "fact" VALUES(10,1,7.0,1760000007.0,1,'MeterSampled',1,6,'{"local_id":"b","energy_wh":2400,"context":"Sample.Periodic","values":[[6,1500.0],[[21,"L1"],230.5]]}');
INSERT INTO "fact" VALUES(11,1,8.0,1760000008.0,2,'AuthorizationAsked',0,6,'{"ticket":1,"id_tag":"X"}');
INSERT INTO "fact" VALUES(12,1,9.0,1760000009.0,2,'FaultRaised',0,6,'{"code":"contactor-welded","error_code":"PowerSwitchFailure","is_latching":true}');
INSERT INTO "fact" VALUES(13,2,500.0,1800000500.0,0,'LocalListChanged',0,6,'{"version":7,"is_full":true,"entries":[["04A2B1C3","Accepted","FLEET"],["04D5E6F7","Blocked",null,1900000000.0]]}');
CREATE TABLE failure (           -- of the head of the queue; a row of a message that is done means nothing
    seq INTEGER PRIMARY KEY,
    attempts INTEGER NOT NULL
) STRICT;
INSERT INTO "failure" VALUES(10,1);
CREATE TABLE latch (             -- faults that stay until a technician has cleared them, whatever is forgotten of the facts
    connector INTEGER NOT NULL,
    code TEXT NOT NULL,
    error_code TEXT NOT NULL,
    info TEXT NOT NULL,
    PRIMARY KEY (connector, code)
) STRICT, WITHOUT ROWID;
INSERT INTO "latch" VALUES(2,'contactor-welded','PowerSwitchFailure','');
CREATE TABLE local_list (        -- the local authorisation list; its version is 'local_list_version' in meta
    id_tag_key TEXT PRIMARY KEY, -- the id tag without case
    id_tag TEXT NOT NULL,
    status TEXT NOT NULL,
    parent_id_tag TEXT,
    expiry_utc REAL
) STRICT, WITHOUT ROWID;
INSERT INTO "local_list" VALUES('04a2b1c3','04A2B1C3','Accepted','FLEET',NULL);
INSERT INTO "local_list" VALUES('04d5e6f7','04D5E6F7','Blocked',NULL,1900000000.0);
CREATE TABLE meta (
    name TEXT PRIMARY KEY,       -- 'schema': number of the last step; 'accepted': once, by the central system; 'replaced': not told yet
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('accepted','1');
INSERT INTO "meta" VALUES('local_list_version','7');
INSERT INTO "meta" VALUES('schema','4');
CREATE TABLE reservation (         -- those that stand
    reservation_id INTEGER PRIMARY KEY,
    connector INTEGER NOT NULL,    -- 0: one of the station's, whichever
    id_tag TEXT NOT NULL,
    expiry_utc REAL NOT NULL,
    parent_id_tag TEXT
) STRICT;
INSERT INTO "reservation" VALUES(5,1,'04D5E6F7',1900000000.0,'FLEET');
CREATE TABLE profile (             -- charging profiles that are installed
    profile_id INTEGER PRIMARY KEY,
    connector INTEGER NOT NULL,    -- 0: all of them, or the station as a whole
    seq INTEGER NOT NULL,          -- when it came
    body TEXT NOT NULL             -- the fact ProfileInstalled, as in `fact`
) STRICT;
INSERT INTO "profile" VALUES(3,0,9,'{"profile":[3,1,"ChargePointMaxProfile","Recurring","W",[[0,"6000"],[3600,"7.5",1]],"Daily",1700000000000]}');
CREATE TABLE run (               -- of the process
    boot INTEGER PRIMARY KEY,
    id TEXT NOT NULL,            -- namespace of the ids of its messages
    utc_offset_s REAL            -- utc - mono_s, when UTC was first trusted in it; NULL: never
) STRICT;
INSERT INTO "run" VALUES(1,'6f1c2f9e-7f0a-4d57-9d3e-2a4f5b6c7d8e',1760000000.0);
INSERT INTO "run" VALUES(2,'0d05e906-b86b-4cbc-91f9-8f7dc8f64fd9',1800000000.0);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL          -- JSON
) STRICT, WITHOUT ROWID;
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
) STRICT, WITHOUT ROWID;
INSERT INTO "tx" VALUES('a',1,17,'04A2B1C3',NULL,1000,1800,'Local',1,3,'confirmed','confirmed');
INSERT INTO "tx" VALUES('b',1,18,'04A2B1C3',NULL,1800,NULL,NULL,6,NULL,'confirmed','running');
COMMIT;
