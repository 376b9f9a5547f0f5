//! SQL over the tables of this service.

mod attempts;
mod dead_letters;
mod handshakes;
mod pending;
mod subscriptions;
mod system_topics;

pub(crate) use attempts::{AttemptFilter, LoggedAttempt, insert_attempts, list_attempts, purge_attempts};
pub(crate) use dead_letters::{
    DeadLetterRow, find_dead_letter, insert_dead_letter, list_dead_letters, purge_dead_letters,
};
pub(crate) use handshakes::{HandshakeRow, delete_handshake, find_handshake, put_handshake};
pub(crate) use pending::{
    Arrears, DuePage, arrears_of, delete_pending, delete_pending_chunk, insert_pending, list_arrears,
    list_due, list_parked_above, move_holder, upsert_pending,
};
pub(crate) use subscriptions::{
    PageKey, Proposal, Scope, SubscriptionRow, bump_generation, count_subscriptions, delete_tombstone,
    find_subscription, find_subscription_by_number, generation, insert_subscription, last_sequence,
    list_changed, list_replayed, list_subscriptions, mark_deleted, mark_replayed, purpose,
    replace_subscription,
};
pub(crate) use system_topics::{
    SystemTopicRow, delete_system_topic, find_system_topic, find_system_topic_of, insert_system_topic,
    list_system_topics, replace_system_topic,
};
