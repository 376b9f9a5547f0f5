-- Which identity of a resource belongs to a directory user who exchanges Entra tokens: always the same one,
-- until it is deleted. The tenant is the issuer where a directory has none.
CREATE TABLE identity_directory_users (
    resource_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    raw_id TEXT NOT NULL,
    PRIMARY KEY (resource_id, tenant_id, object_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identity_directory_users_by_raw_id ON identity_directory_users (resource_id, raw_id);

-- Who may use a resource through the Teams extension, with which applications: client_ids is a JSON list,
-- empty for every application. written_at is the time of the last replacement.
CREATE TABLE identity_teams_extension_assignments (
    resource_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    principal_type TEXT NOT NULL,
    client_ids TEXT NOT NULL,
    written_at INTEGER NOT NULL,
    PRIMARY KEY (resource_id, tenant_id, object_id)
) STRICT, WITHOUT ROWID;
