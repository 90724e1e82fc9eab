CREATE TABLE local_list (        -- the local authorisation list; its version is 'local_list_version' in meta
    id_tag_key TEXT PRIMARY KEY, -- the id tag without case
    id_tag TEXT NOT NULL,
    status TEXT NOT NULL,
    parent_id_tag TEXT,
    expiry_utc REAL
) STRICT, WITHOUT ROWID;
