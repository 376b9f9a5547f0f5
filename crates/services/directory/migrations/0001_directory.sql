-- One row: the tenant this installation is.
CREATE TABLE directory_installation (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    tenant_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that sign the directory's tokens. A key is published from its creation and signs from signs_from.
CREATE TABLE directory_signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    signs_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Applications; redirect_uris is a JSON array of texts.
CREATE TABLE directory_applications (
    client_id TEXT NOT NULL PRIMARY KEY,
    object_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    redirect_uris TEXT NOT NULL,
    is_managed_identity INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By what an application proves who it is. material is the SHA-256 of a secret, the DER of a certificate,
-- empty for a federation. hint is what a person recognises it by. is_seeded: the configuration gave it and may
-- take it back.
CREATE TABLE directory_credentials (
    id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    display_name TEXT NOT NULL,
    material BLOB NOT NULL,
    hint TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    audience TEXT NOT NULL,
    expires_at INTEGER,
    is_seeded INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_credentials_by_application ON directory_credentials (client_id, created_at, id);

-- People. user_name is in lower case. failures counts wrong passwords since the last right one. The generation
-- is a random number that changes with the password.
CREATE TABLE directory_users (
    object_id TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_enabled INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    locked_until INTEGER,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a principal (the object id of an application, of a user, or of one at a foreign issuer) may do on a
-- resource; an empty resource_id stands for the whole installation.
CREATE TABLE directory_role_assignments (
    id TEXT NOT NULL PRIMARY KEY,
    principal_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    role TEXT NOT NULL,
    is_seeded INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (principal_id, resource_id, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_role_assignments_by_resource ON directory_role_assignments (resource_id);

-- Authorization codes, by hash. A used one stays until it expires, so that using it again is noticed.
CREATE TABLE directory_codes (
    hash BLOB NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL,
    challenge TEXT NOT NULL,
    nonce TEXT NOT NULL,
    family TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_codes_by_user ON directory_codes (object_id);
CREATE INDEX directory_codes_by_expiry ON directory_codes (expires_at);

-- Refresh tokens, by hash. Those that came from one another share a family, and end together.
CREATE TABLE directory_refresh_tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    client_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_refresh_tokens_by_family ON directory_refresh_tokens (family);
CREATE INDEX directory_refresh_tokens_by_user ON directory_refresh_tokens (object_id);
CREATE INDEX directory_refresh_tokens_by_expiry ON directory_refresh_tokens (expires_at);

-- Sign-ins that ended because a code or refresh token came twice, until no access token of theirs is left.
CREATE TABLE directory_ended_families (
    family TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_ended_families_by_expiry ON directory_ended_families (expires_at);

-- Client assertions that were used, by the hash of client, jti and resource, until they expire.
CREATE TABLE directory_assertions (
    hash BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_assertions_by_expiry ON directory_assertions (expires_at);
