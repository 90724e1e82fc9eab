CREATE TABLE reservation (         -- those that stand
    reservation_id INTEGER PRIMARY KEY,
    connector INTEGER NOT NULL,    -- 0: one of the station's, whichever
    id_tag TEXT NOT NULL,
    expiry_utc REAL NOT NULL,
    parent_id_tag TEXT
) STRICT;
CREATE TABLE profile (             -- charging profiles that are installed
    profile_id INTEGER PRIMARY KEY,
    connector INTEGER NOT NULL,    -- 0: all of them, or the station as a whole
    seq INTEGER NOT NULL,          -- when it came
    body TEXT NOT NULL             -- the fact ProfileInstalled, as in `fact`
) STRICT;
