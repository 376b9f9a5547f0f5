-- What the store itself needs. Times are microseconds since the epoch.

-- One row per event. `sequence` is its place among the committed events.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sequence INTEGER UNIQUE,
    resource TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Committed rows that PostgreSQL's sequencer has yet to number.
CREATE INDEX outbox_unnumbered ON outbox (id) WHERE sequence IS NULL;

-- The last number given out; rows of the outbox go away, so their maximum does not tell.
CREATE TABLE outbox_sequence (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL
) STRICT;

INSERT INTO outbox_sequence (one, last) VALUES (1, 0);

-- How far each consumer has come, and which worker holds it.
CREATE TABLE outbox_cursors (
    consumer TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER NOT NULL
) STRICT;

-- `ready_at` is the due time of a waiting job and the end of the lease of a running one.
CREATE TABLE jobs (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    resource TEXT NOT NULL,
    payload TEXT NOT NULL,
    due INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    token TEXT,
    failed_at INTEGER,
    last_error TEXT,
    PRIMARY KEY (kind, key)
) STRICT;

CREATE INDEX jobs_ready ON jobs (ready_at) WHERE failed_at IS NULL;

-- A text sealed under the master key: tells a lost or foreign key file at start.
CREATE TABLE vault_check (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    sealed BLOB NOT NULL
) STRICT;

-- Written to find out whether writing works again.
CREATE TABLE store_probe (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    probes INTEGER NOT NULL
) STRICT;

INSERT INTO store_probe (one, probes) VALUES (1, 0);
