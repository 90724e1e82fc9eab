CREATE TABLE latch (             -- faults that stay until a technician has cleared them, whatever is forgotten of the facts
    connector INTEGER NOT NULL,
    code TEXT NOT NULL,
    error_code TEXT NOT NULL,
    info TEXT NOT NULL,
    PRIMARY KEY (connector, code)
) STRICT, WITHOUT ROWID;
