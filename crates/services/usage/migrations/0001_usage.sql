-- That a resource reached its spend limit in a month: so that it is said once, by whichever node sees it first. A limit
-- that was raised and reached again is said again.
CREATE TABLE usage_limits_reached (
    resource_id TEXT NOT NULL,
    month INTEGER NOT NULL,
    limit_micros INTEGER NOT NULL,
    reached_at INTEGER NOT NULL,
    PRIMARY KEY (resource_id, month)
) STRICT, WITHOUT ROWID;
