-- How much of what each resource used on each day (UTC, as the number 20261121). Rows outlive the resource, so the
-- name it had stays with them. Writers at once use different shards, so that none waits for another.
CREATE TABLE web_usage (
    resource_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    operation TEXT NOT NULL,
    meter TEXT NOT NULL,
    shard INTEGER NOT NULL,
    resource_name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (resource_id, day, operation, meter, shard)
) STRICT, WITHOUT ROWID;
CREATE INDEX web_usage_by_day ON web_usage (day);
