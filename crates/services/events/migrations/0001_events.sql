-- Subscriptions to events, deliveries that wait, and the log of attempts. Times are microseconds since the epoch.

-- `spec` is JSON; the whole address and secret headers are `sealed`. `number` is what due rows and the log
-- carry: the generation it was made in, so never used twice.
-- `proposal` and `proposal_sealed` are the changed spec that waits for its handshake; what is in `spec` stays in
-- force until then. A deleted subscription stays as a tombstone (state 'Deleting', name '#NUMBER') until its due
-- rows are gone. `replayed` is the generation in which rows were last written for it. `name` is in lower case; `system_topic` is empty for one of the resource itself.
CREATE TABLE events_subscriptions (
    number INTEGER PRIMARY KEY,
    resource_id TEXT NOT NULL,
    system_topic TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL,
    shown_name TEXT NOT NULL,
    spec TEXT NOT NULL,
    sealed BLOB NOT NULL,
    proposal TEXT,
    proposal_sealed BLOB,
    state TEXT NOT NULL,
    operation TEXT,
    failure TEXT,
    from_sequence INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    replayed INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER,
    UNIQUE (resource_id, system_topic, name)
) STRICT;

-- Who delivers loads what changed since the generation it knows.
CREATE INDEX events_subscriptions_by_generation ON events_subscriptions (generation);

-- Counts the changes of subscriptions.
CREATE TABLE events_generation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL
) STRICT;

INSERT INTO events_generation (one, last) VALUES (1, 0);

-- `group_name` and `name` are in lower case; `tags` and `identity` are JSON.
CREATE TABLE events_system_topics (
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    shown_name TEXT NOT NULL,
    resource_id TEXT NOT NULL UNIQUE,
    location TEXT NOT NULL,
    tags TEXT NOT NULL,
    identity TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (group_name, name)
) STRICT, WITHOUT ROWID;

-- One row per delivery that waits. No payload: the outbox keeps it. `reason` is set when it waits for the
-- dead-letter blob instead of an attempt.
CREATE TABLE events_pending (
    subscription INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    base_at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    last_at INTEGER,
    last_outcome TEXT,
    last_status INTEGER,
    reason TEXT,
    PRIMARY KEY (subscription, sequence, ordinal)
) STRICT, WITHOUT ROWID;

-- Two indexes, so that a million rows that wait for an attempt do not hide the few that wait for the blob.
CREATE INDEX events_pending_due ON events_pending (subscription, due, sequence, ordinal) WHERE reason IS NULL;

CREATE INDEX events_pending_dead ON events_pending (subscription, due, sequence, ordinal) WHERE reason IS NOT NULL;

-- The oldest event that is still needed.
CREATE INDEX events_pending_sequence ON events_pending (sequence);

-- One row per request. `positions` are varints: the first sequence and ordinal, then the distance of each
-- further sequence and its ordinal.
CREATE TABLE events_attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took_us INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    detail TEXT NOT NULL,
    tries INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    positions BLOB NOT NULL,
    next_at INTEGER,
    is_late INTEGER NOT NULL
) STRICT;

CREATE INDEX events_attempts_by_time ON events_attempts (subscription, at, id);

-- The handshake under way; `code` is random, gone when answered.
CREATE TABLE events_handshakes (
    subscription INTEGER NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    attempts INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events_dead_letters (
    id TEXT NOT NULL PRIMARY KEY,
    subscription INTEGER NOT NULL,
    resource_id TEXT NOT NULL,
    blob TEXT NOT NULL,
    event_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX events_dead_letters_by_time ON events_dead_letters (resource_id, created_at);
