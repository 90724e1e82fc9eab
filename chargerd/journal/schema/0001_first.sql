-- The facts are the history; every other table is derived from them in the transaction that writes them.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,       -- 'station': namespace of the message ids; 'boot': number of the present run; 'accepted': once, by the central system
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE boot (
    boot INTEGER PRIMARY KEY,
    utc_offset_s REAL NOT NULL   -- utc - mono_s, when UTC was first trusted in this run
);

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

CREATE INDEX tx_unfinished ON tx (started_seq) WHERE stop_state IN ('running', 'owed');

CREATE TABLE owed (
    queue TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,        -- the last fact that is settled; what is owed comes after it
    attempts INTEGER NOT NULL    -- failed transmissions of the next one
) WITHOUT ROWID;

INSERT INTO owed VALUES ('transactions', 0, 0);

CREATE TABLE abandoned (
    seq INTEGER PRIMARY KEY,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL
);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL          -- JSON
) WITHOUT ROWID;

CREATE TABLE availability (
    connector INTEGER PRIMARY KEY,
    is_operative INTEGER NOT NULL,
    is_scheduled INTEGER NOT NULL
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
