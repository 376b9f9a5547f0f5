-- A user of a resource. The generation is a random number that changes with every revocation; a token
-- carries the one it was made with.
CREATE TABLE identity_users (
    resource_id TEXT NOT NULL,
    raw_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (resource_id, raw_id)
) STRICT, WITHOUT ROWID;

-- Labels an operator gives to users, for finding them again.
CREATE TABLE identity_labels (
    resource_id TEXT NOT NULL,
    raw_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (resource_id, raw_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_labels_by_value ON identity_labels (resource_id, name, value, raw_id);

-- Keys that sign user tokens. A key is published from its creation and signs from signs_from.
CREATE TABLE identity_signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    signs_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
