//! Parts of a migration for one engine only.
//!
//! ```text
//! CREATE TABLE a (…) STRICT;            -- both engines, translated for PostgreSQL
//! --@sqlite
//! CREATE VIRTUAL TABLE b USING fts5(…); -- as it stands, on SQLite alone
//! --@postgres
//! CREATE TABLE b (words tsvector);      -- translated like the rest, on PostgreSQL alone
//! --@end
//! ```
//!
//! The checksum of a migration is that of its whole text.

use crate::config::Engine;

/// The start of a line that is not SQL but says for whom the lines after it are.
const MARK: &str = "--@";

/// The lines of `sql` that are for `engine`.
///
/// **Errors**: a sentence about a mark that is not known, or stands where it means nothing.
pub(crate) fn for_engine(sql: &str, engine: Engine) -> Result<String, String> {
    let mut kept = String::with_capacity(sql.len());
    // `None` outside of a block.
    let mut block: Option<Engine> = None;
    for line in sql.split_inclusive('\n') {
        let Some(mark) = line.trim().strip_prefix(MARK) else {
            if block.is_none_or(|wanted| wanted == engine) {
                kept.push_str(line);
            }
            continue;
        };
        block = match (mark, block) {
            ("sqlite", _) => Some(Engine::Sqlite),
            ("postgres", _) => Some(Engine::Postgres),
            ("end", Some(_)) => None,
            ("end", None) => return Err("'--@end' stands outside of a block".to_owned()),
            (other, _) => return Err(format!("'--@{other}' is not known")),
        };
    }
    match block {
        None => Ok(kept),
        Some(_) => Err("a block has no '--@end'".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "a;\n--@sqlite\nb;\n-- a comment\n  --@postgres\nc;\n--@end\nd;";

    #[test]
    fn each_engine_gets_what_is_for_both_and_its_own() {
        assert_eq!(for_engine(SQL, Engine::Sqlite), Ok("a;\nb;\n-- a comment\nd;".to_owned()));
        assert_eq!(for_engine(SQL, Engine::Postgres), Ok("a;\nc;\nd;".to_owned()));
        assert_eq!(for_engine("a;", Engine::Postgres), Ok("a;".to_owned()));
    }

    #[test]
    fn marks_that_mean_nothing_are_refused() {
        for sql in
            ["--@mysql\n--@end", "--@end", "--@sqlite\na;", "--@ sqlite\na;\n--@end", "--@sqlite a;\n--@end"]
        {
            assert!(for_engine(sql, Engine::Sqlite).is_err(), "{sql}");
        }
    }
}
