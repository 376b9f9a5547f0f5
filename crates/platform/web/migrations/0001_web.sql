-- Secrets all nodes share (sealed under the master key).
CREATE TABLE web_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What a repeated request gets again. `reference` names the effect; it holds no secret.
CREATE TABLE web_repeatability (
    key_hash BLOB NOT NULL PRIMARY KEY,
    body_hash BLOB NOT NULL,
    reference TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX web_repeatability_by_age ON web_repeatability (created_at);

-- Long-running operations, for polling.
CREATE TABLE web_operations (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    result TEXT,
    error_code TEXT,
    error_message TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX web_operations_by_age ON web_operations (updated_at);

-- Every change made through the operator API.
CREATE TABLE web_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    occurred_at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    operation TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT;
