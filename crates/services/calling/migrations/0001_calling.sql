-- Times are microseconds since the epoch; truth is 0 or 1; JSON is text. Numbers of kinds, states and roles are those of
-- rows/words.rs.

-- One lease per resource: the node where its sessions and calls are.
CREATE TABLE calling_owners (
    resource_id TEXT NOT NULL PRIMARY KEY,
    node TEXT NOT NULL,
    -- Where clients are sent to from other nodes.
    url TEXT NOT NULL,
    -- Grows with every change of node.
    epoch INTEGER NOT NULL,
    -- When the node counts as gone, unless it says otherwise before.
    held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE calling_calls (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    resource_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    -- The id of the group or room; empty for none.
    locator TEXT NOT NULL,
    server_call_id TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    -- What the application gave along; empty for nothing.
    custom_context TEXT NOT NULL,
    -- The number of the participant who began it, and their raw id.
    started_by INTEGER NOT NULL,
    started_by_raw TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    -- When two were in it for the first time.
    live_at INTEGER,
    next_p INTEGER NOT NULL,
    ended_at INTEGER,
    end_code INTEGER,
    end_sub_code INTEGER,
    -- The participant who ended it; none when the service did.
    ended_by INTEGER,
    UNIQUE (resource_id, id)
) STRICT;
-- An id that people join with names one running call.
CREATE UNIQUE INDEX calling_calls_open ON calling_calls (resource_id, kind, locator)
    WHERE ended_at IS NULL AND locator <> '';
-- For a node that takes a resource over.
CREATE INDEX calling_calls_running ON calling_calls (resource_id) WHERE ended_at IS NULL;
-- For the end of what is kept.
CREATE INDEX calling_calls_by_end ON calling_calls (ended_at) WHERE ended_at IS NOT NULL;
-- For the list that operators see.
CREATE INDEX calling_calls_by_resource ON calling_calls (resource_id, number);
-- For the erasure of people.
CREATE INDEX calling_calls_by_starter ON calling_calls (resource_id, started_by_raw);

CREATE TABLE calling_legs (
    call INTEGER NOT NULL,
    -- The participant's number in the call.
    p INTEGER NOT NULL,
    id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    -- These three are empty once the person is erased.
    raw_id TEXT NOT NULL,
    name TEXT NOT NULL,
    agent TEXT NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    role INTEGER NOT NULL,
    -- SHA-256 of what lets the leg in again; none before somebody took the call.
    token_hash BLOB,
    -- The one before, until the client is known to have the new one.
    previous_token_hash BLOB,
    may_speak INTEGER NOT NULL,
    may_show INTEGER NOT NULL,
    waits_in_lobby INTEGER NOT NULL,
    invited_by INTEGER,
    ring_until INTEGER,
    joined_at INTEGER,
    connected_at INTEGER,
    over_at INTEGER,
    end_code INTEGER,
    end_sub_code INTEGER,
    PRIMARY KEY (call, p)
) STRICT, WITHOUT ROWID;
-- For the erasure of people.
CREATE INDEX calling_legs_by_person ON calling_legs (resource_id, raw_id);
-- For what a client says of a leg by its id.
CREATE INDEX calling_legs_by_id ON calling_legs (resource_id, id);

-- How media of a participant was, and what the person says of it.
CREATE TABLE calling_reports (
    call INTEGER NOT NULL,
    p INTEGER NOT NULL,
    -- 0 as the server saw it, 1 as the client saw it last, 2 what the person says.
    view INTEGER NOT NULL,
    -- JSON.
    body TEXT NOT NULL,
    reported_at INTEGER NOT NULL,
    PRIMARY KEY (call, p, view)
) STRICT, WITHOUT ROWID;
