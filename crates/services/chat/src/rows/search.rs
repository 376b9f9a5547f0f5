//! `chat_words` and the index over it. The database holds keyed hashes of words only.
//!
//! Before its words each message has a token of its thread, so that looking in a few threads reads the lists of those
//! alone, however often the rest of the installation says the same.

use trunkline_kernel::Timestamp;
use trunkline_store::{Engine, StoreError, Tx, Value, params};

use super::people::numbers_in;
use super::{PersonNumber, ThreadNumber};

/// Hashed words that follow each other.
pub(crate) type Phrase = Vec<String>;

/// Puts the words of a message into the index; nothing for an empty text.
pub(crate) fn insert_words(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    message: i64,
    words: &str,
) -> Result<(), StoreError> {
    if words.is_empty() {
        return Ok(());
    }
    let words = format!("{} {words}", token(thread));
    match tx.engine() {
        Engine::Sqlite => {
            tx.execute(
                "INSERT INTO chat_words (message, thread, words) VALUES (?1, ?2, ?3)",
                params![message, thread, words.as_str()],
            )?;
            tx.execute("INSERT INTO chat_search (rowid, words) VALUES (?1, ?2)", params![message, words])?;
        }
        Engine::Postgres => {
            tx.execute(
                "INSERT INTO chat_words (message, thread, words)
                 VALUES (?1, ?2, to_tsvector('simple', CAST(?3 AS TEXT)))",
                params![message, thread, words],
            )?;
        }
    }
    Ok(())
}

/// What stands for a thread in the index: shorter than a hash, as there are never a trillion threads.
fn token(thread: ThreadNumber) -> String {
    format!("t{}", thread.0)
}

/// Takes the words of a message out of the index.
pub(crate) fn delete_words(tx: &mut Tx<'_>, message: i64) -> Result<(), StoreError> {
    if tx.engine() == Engine::Sqlite {
        // The index keeps no text of its own: it must be told what to take out.
        tx.execute(
            "INSERT INTO chat_search (chat_search, rowid, words)
             SELECT 'delete', message, words FROM chat_words WHERE message = ?1",
            params![message],
        )?;
    }
    tx.execute("DELETE FROM chat_words WHERE message = ?1", params![message])?;
    Ok(())
}

/// The numbers of at most `limit` messages below `before` in some of `threads` that have every phrase, the last sent
/// first. Whether somebody sees them is not looked at.
pub(crate) fn list_candidates(
    tx: &mut Tx<'_>,
    threads: &[ThreadNumber],
    phrases: &[Phrase],
    before: i64,
    limit: u32,
) -> Result<Vec<i64>, StoreError> {
    if threads.is_empty() || phrases.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, query) = match tx.engine() {
        Engine::Sqlite => (
            "SELECT rowid FROM chat_search WHERE chat_search MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3",
            fts_query(threads, phrases),
        ),
        // The index is asked first: by the order of numbers a rare word would be looked for in every row.
        Engine::Postgres => (
            "WITH found AS MATERIALIZED (
                 SELECT message FROM chat_words WHERE words @@ CAST(CAST(?1 AS TEXT) AS tsquery) AND message < ?2)
             SELECT message FROM found ORDER BY message DESC LIMIT ?3",
            tsquery(threads, phrases),
        ),
    };
    tx.query_all(sql, params![query, before, limit])?.iter().map(|row| row.get(0)).collect()
}

/// Nothing in it needs an escape: tokens and hashes are letters and digits.
fn fts_query(threads: &[ThreadNumber], phrases: &[Phrase]) -> String {
    let mut query = format!("({})", join(threads.iter().map(|thread| token(*thread)), " OR "));
    for phrase in phrases {
        query.push_str(&format!(" AND \"{}\"", phrase.join(" ")));
    }
    query
}

fn tsquery(threads: &[ThreadNumber], phrases: &[Phrase]) -> String {
    let mut query = format!("({})", join(threads.iter().map(|thread| token(*thread)), " | "));
    for phrase in phrases {
        query.push_str(&format!(" & ({})", phrase.join(" <-> ")));
    }
    query
}

fn join(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

/// At most `limit` threads in which somebody takes part, the last changed first.
pub(crate) fn list_own_threads(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    limit: u32,
) -> Result<Vec<ThreadNumber>, StoreError> {
    let rows = tx.query_all(
        "SELECT t.number FROM chat_members c JOIN chat_threads t ON t.number = c.thread
         WHERE c.person = ?1 AND c.removed_change IS NULL AND t.deleted_at IS NULL AND t.is_importing = 0
         ORDER BY t.changed_at DESC, t.number DESC LIMIT ?2",
        params![person, limit],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Which messages are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// Only of this sender.
    pub(crate) from: Option<PersonNumber>,
    /// Only those sent before.
    pub(crate) before: Option<Timestamp>,
    /// Only those sent then or later.
    pub(crate) after: Option<Timestamp>,
}

/// Those of the messages that a person sees and wants, at most `limit`, the last sent first, each with the id of its
/// thread.
pub(crate) fn list_visible(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    messages: &[i64],
    wanted: &Wanted,
    limit: u32,
) -> Result<Vec<(i64, String)>, StoreError> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = params![person, limit].to_vec();
    let mut conditions = String::new();
    let mut only = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            conditions.push_str(&format!(" AND {condition} ?{}", values.len()));
        }
    };
    only("m.sender =", wanted.from.map(Value::from));
    only("m.created_at <", wanted.before.map(Value::from));
    only("m.created_at >=", wanted.after.map(Value::from));
    let sql = format!(
        "SELECT m.number, t.id FROM chat_messages m JOIN chat_threads t ON t.number = m.thread
         JOIN chat_members c ON c.thread = m.thread AND c.person = ?1
         WHERE m.number IN ({}) AND m.kind < 2 AND m.deleted_at IS NULL
         AND t.deleted_at IS NULL AND t.is_importing = 0
         AND m.created_at >= c.share_history_at AND (c.removed_change IS NULL OR m.change <= c.removed_change)
         {conditions} ORDER BY m.number DESC LIMIT ?2",
        numbers_in(messages.iter().copied())
    );
    tx.query_all(&sql, &values)?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_threads_and_phrases() {
        let threads = [ThreadNumber(7), ThreadNumber(8)];
        let phrases = [vec!["aa".to_owned(), "bb".to_owned()], vec!["cc".to_owned()]];
        assert_eq!(fts_query(&threads, &phrases), "(t7 OR t8) AND \"aa bb\" AND \"cc\"");
        assert_eq!(tsquery(&threads, &phrases), "(t7 | t8) & (aa <-> bb) & (cc)");
    }
}
