CREATE TABLE reservation (         -- those that stand
    reservation_id INTEGER PRIMARY KEY,
    connector INTEGER NOT NULL,    -- 0: one of the station's, whichever
    id_tag TEXT NOT NULL,
    expiry_utc REAL NOT NULL,
    parent_id_tag TEXT
) STRICT;
