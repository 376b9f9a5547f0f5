-- Resource groups. `name` is in lower case, `shown_name` as it was first written.
-- `deletion` is the long-running operation that deletes the group, while that runs.
CREATE TABLE resources_groups (
    name TEXT NOT NULL PRIMARY KEY,
    shown_name TEXT NOT NULL,
    location TEXT NOT NULL,
    tags TEXT NOT NULL,
    deletion TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where resources are that were made without naming a group.
INSERT INTO resources_groups (name, shown_name, location, tags, deletion, created_at)
VALUES ('default', 'default', 'global', '{}', NULL, 0);

-- `shown_name` is empty where the name was given in lower case; `details` is a JSON object.
ALTER TABLE resources_resources ADD COLUMN resource_group TEXT NOT NULL DEFAULT 'default';
ALTER TABLE resources_resources ADD COLUMN shown_name TEXT NOT NULL DEFAULT '';
ALTER TABLE resources_resources ADD COLUMN is_local_auth_disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE resources_resources ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
CREATE INDEX resources_resources_by_group ON resources_resources (resource_group, name);

-- Notification hubs linked to resources; the connection string is sealed.
CREATE TABLE resources_notification_hubs (
    resource_id TEXT NOT NULL PRIMARY KEY,
    hub_id TEXT NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
