-- The facts are the history; every other table is derived from them in the transaction that writes them.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,       -- 'schema': number of the last step; 'accepted': once, by the central system; 'replaced': not told yet
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (               -- of the process
    boot INTEGER PRIMARY KEY,
    id TEXT NOT NULL,            -- namespace of the ids of its messages
    utc_offset_s REAL            -- utc - mono_s, when UTC was first trusted in it; NULL: never
) STRICT;

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

CREATE TABLE failure (           -- of the head of the queue; a row of a message that is done means nothing
    seq INTEGER PRIMARY KEY,
    attempts INTEGER NOT NULL
) STRICT;

CREATE TABLE abandoned (
    seq INTEGER PRIMARY KEY,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL          -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE availability (
    connector INTEGER PRIMARY KEY,
    is_operative INTEGER NOT NULL,
    is_scheduled INTEGER NOT NULL
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
