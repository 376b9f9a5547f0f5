-- Times are microseconds since the epoch; truth is 0 or 1; JSON is text.

-- Whoever takes part. The number stands for the person everywhere else, so that of an erased one nothing is left but
-- the id that the server gave them.
CREATE TABLE chat_people (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    resource_id TEXT NOT NULL,
    raw_id TEXT NOT NULL,
    -- How many threads the person ever joined: the place of the newest in the person's own list.
    joins INTEGER NOT NULL DEFAULT 0,
    last_seen_at INTEGER,
    erased_at INTEGER,
    -- When the row came, whatever the times of what was imported: a resource made again with its id keeps its own.
    inserted_at INTEGER NOT NULL,
    UNIQUE (resource_id, raw_id)
) STRICT;

CREATE TABLE chat_threads (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    resource_id TEXT NOT NULL,
    id TEXT NOT NULL,
    topic TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    retention_days INTEGER,
    -- Counts everything that happens in the thread, from 1 and dense.
    last_change INTEGER NOT NULL,
    -- Counts messages and their edits.
    last_sequence INTEGER NOT NULL,
    -- Shared by message ids and versions, in milliseconds: no two of a thread are equal.
    last_version_ms INTEGER NOT NULL,
    last_message_at INTEGER,
    changed_at INTEGER NOT NULL,
    -- Grows whenever somebody joins or leaves.
    members_version INTEGER NOT NULL,
    member_count INTEGER NOT NULL,
    next_ordinal INTEGER NOT NULL,
    -- While a thread is being imported, only servers see it.
    is_importing INTEGER NOT NULL DEFAULT 0,
    -- When the row came; created_at of an imported thread is the time from elsewhere.
    inserted_at INTEGER NOT NULL,
    -- Its texts go at once, the row and its numbers a while later: events and clients that come late are read from them.
    deleted_at INTEGER,
    UNIQUE (resource_id, id)
) STRICT;
-- For the list that applications see.
CREATE INDEX chat_threads_by_resource ON chat_threads (resource_id, number);
-- For what is left of deleted threads.
CREATE INDEX chat_threads_deleted ON chat_threads (deleted_at) WHERE deleted_at IS NOT NULL;
-- For the deletion of people whom nothing names.
CREATE INDEX chat_threads_by_creator ON chat_threads (created_by);

-- One row per person and thread, kept when removed: a removed participant sees history up to removed_change.
CREATE TABLE chat_members (
    thread INTEGER NOT NULL,
    person INTEGER NOT NULL,
    -- The order of adding, never given twice: ids of events derive from it.
    ordinal INTEGER NOT NULL,
    -- The place in the person's own list of threads.
    joined INTEGER NOT NULL,
    name TEXT NOT NULL,
    metadata TEXT NOT NULL,
    share_history_at INTEGER NOT NULL,
    added_change INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    removed_change INTEGER,
    removed_at INTEGER,
    -- The newest message the person has read; 0 for none.
    read_id INTEGER NOT NULL DEFAULT 0,
    read_at INTEGER,
    read_change INTEGER,
    PRIMARY KEY (thread, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_members_by_person ON chat_members (person, joined);
CREATE INDEX chat_members_by_ordinal ON chat_members (thread, ordinal) WHERE removed_change IS NULL;
CREATE INDEX chat_members_read ON chat_members (thread, read_change) WHERE read_change IS NOT NULL;

-- The column "change" is that of the last edit, first_change that of sending. Kinds: 0 text, 1 html, 2 topicUpdated,
-- 3 participantAdded, 4 participantRemoved.
CREATE TABLE chat_messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    thread INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    change INTEGER NOT NULL,
    first_change INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- The initiator of a system message.
    sender INTEGER NOT NULL,
    sender_name TEXT NOT NULL,
    -- The topic of a topicUpdated message.
    body TEXT NOT NULL,
    metadata TEXT NOT NULL,
    attachments TEXT NOT NULL,
    reply_to INTEGER,
    mentions TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    edited_at INTEGER,
    deleted_at INTEGER,
    client_id TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX chat_messages_by_id ON chat_messages (thread, id);
CREATE UNIQUE INDEX chat_messages_by_change ON chat_messages (thread, change);
-- For the erasure of a person.
CREATE INDEX chat_messages_by_sender ON chat_messages (sender);
CREATE INDEX chat_messages_replies ON chat_messages (thread, reply_to) WHERE reply_to IS NOT NULL;
-- For taking an erased person out.
CREATE INDEX chat_messages_mentions ON chat_messages (thread) WHERE mentions <> '';
-- The same message sent twice by an application that names its messages.
CREATE UNIQUE INDEX chat_messages_by_client ON chat_messages (thread, sender, client_id) WHERE client_id <> '';

-- Who was added or removed, apart from the message, so that an erased person's name can go.
CREATE TABLE chat_message_people (
    message INTEGER NOT NULL,
    person INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    metadata TEXT NOT NULL,
    share_history_at INTEGER NOT NULL,
    PRIMARY KEY (message, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_message_people_by_person ON chat_message_people (person);

-- Changes of the thread itself: 'created', 'properties', 'deleted'. Nothing but numbers: texts are read from the thread.
-- A system message with the same change is part of it.
CREATE TABLE chat_notes (
    thread INTEGER NOT NULL,
    change INTEGER NOT NULL,
    kind TEXT NOT NULL,
    person INTEGER NOT NULL,
    reason TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (thread, change)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_notes_by_person ON chat_notes (person);

CREATE TABLE chat_reactions (
    thread INTEGER NOT NULL,
    message INTEGER NOT NULL,
    person INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (thread, message, emoji, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_reactions_by_person ON chat_reactions (person);

CREATE TABLE chat_images (
    id TEXT NOT NULL PRIMARY KEY,
    thread INTEGER NOT NULL,
    uploader INTEGER NOT NULL,
    -- The number of the message that shows it; NULL while none does.
    message INTEGER,
    name TEXT NOT NULL,
    has_small INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- Nobody sees it any more; the row stays until the files are gone.
    is_discarded INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_images_by_thread ON chat_images (thread);
CREATE INDEX chat_images_by_uploader ON chat_images (uploader) WHERE is_discarded = 0;
-- For counting: whoever has many that no message took uploads no more.
CREATE INDEX chat_images_unused_by_uploader ON chat_images (uploader) WHERE message IS NULL AND is_discarded = 0;
CREATE INDEX chat_images_by_message ON chat_images (message) WHERE message IS NOT NULL;
CREATE INDEX chat_images_unused ON chat_images (created_at) WHERE message IS NULL;

-- One row per ChatClient object. The number in "connection" says who serves it; every takeover raises it.
CREATE TABLE chat_endpoints (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL,
    epid TEXT NOT NULL,
    node TEXT NOT NULL,
    connection INTEGER NOT NULL,
    is_released INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    UNIQUE (person, epid)
) STRICT;
CREATE INDEX chat_endpoints_by_seen ON chat_endpoints (seen_at);

-- Up to which change an endpoint acknowledged a thread; only threads with deliveries have a row.
CREATE TABLE chat_positions (
    endpoint INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    change INTEGER NOT NULL,
    PRIMARY KEY (endpoint, thread)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_positions_by_thread ON chat_positions (thread);

-- What is being erased. Rows go first, then the bytes in the database's log; done_at says that both are gone.
CREATE TABLE chat_erasures (
    id TEXT NOT NULL PRIMARY KEY,
    resource_id TEXT NOT NULL,
    what TEXT NOT NULL,
    -- Of a person: what they did until then goes.
    until INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    rows_done_at INTEGER,
    done_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_erasures_done ON chat_erasures (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX chat_erasures_waiting ON chat_erasures (rows_done_at) WHERE done_at IS NULL;

-- Keyed hashes of the words of messages, never the words themselves.
--@sqlite
CREATE TABLE chat_words (message INTEGER PRIMARY KEY, thread INTEGER NOT NULL, words TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE chat_search USING fts5(words, content='chat_words', content_rowid='message', tokenize='ascii', columnsize=0);
INSERT INTO chat_search (chat_search, rank) VALUES ('secure-delete', 1);
--@postgres
CREATE TABLE chat_words (message BIGINT PRIMARY KEY, thread BIGINT NOT NULL, words tsvector NOT NULL);
CREATE INDEX chat_words_index ON chat_words USING GIN (words) WITH (fastupdate = off);
--@end
