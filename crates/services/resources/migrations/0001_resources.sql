-- One row: what this installation is.
CREATE TABLE resources_installation (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    subscription_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE resources_resources (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    data_location TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Two access keys a resource, sealed. The generation grows with every regeneration.
CREATE TABLE resources_keys (
    resource_id TEXT NOT NULL,
    slot TEXT NOT NULL,
    sealed BLOB NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (resource_id, slot)
) STRICT, WITHOUT ROWID;

-- Operators; of a token only its hash is kept.
CREATE TABLE resources_operators (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
