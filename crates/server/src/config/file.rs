//! Reading the TOML file into dotted keys with their lines.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::kind::Written;
use super::resolve::{Entry, Problem, Source};
use super::table::{ALIASES, find_key};

/// The largest configuration file; a bigger one is a mistaken path.
const FILE_BYTES_MAX: u64 = 1_048_576;

/// Reads `path` into entries; syntax errors are all reported, and what could be read still is.
pub(crate) fn read_file(path: &Path, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let at = |line| Source::File { path: path.to_owned(), line };
    let text = match load_text(path) {
        Ok(text) => text,
        Err(message) => {
            problems.push(Problem::of_source(at(None), message));
            return Vec::new();
        }
    };
    let (table, errors) = DeTable::parse_recoverable(&text);
    for error in errors {
        let line = error.span().map(|span| line_of(&text, span.start));
        problems.push(Problem::of_source(at(line), error.message().to_owned()));
    }
    let mut found = Vec::new();
    flatten("", table.get_ref(), &mut |key, value| found.push((value.span().start, key, value)));
    // In the order of the file, so that its problems are reported in that order.
    found.sort_by_key(|(offset, ..)| *offset);
    let entry = |(offset, key, value): (usize, String, &Spanned<DeValue<'_>>)| Entry {
        key,
        written: convert(value.get_ref()),
        source: at(Some(line_of(&text, offset))),
    };
    found.into_iter().map(entry).collect()
}

/// Reads one value in TOML syntax; `None` when it is not that.
pub(crate) fn parse_value(text: &str) -> Option<Written> {
    DeValue::parse(text).ok().map(|value| convert(value.get_ref()))
}

fn load_text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| format!("the file cannot be read: {error}"))?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("the file has {size} bytes, more than {FILE_BYTES_MAX}"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("the file cannot be read: {error}"))
}

/// Walks tables down to settings. A table below a known key (an inline table) stays whole, except where the
/// key is one of a wildcard: the name of a meter has dots of its own.
fn flatten<'t>(
    prefix: &str,
    table: &'t DeTable<'t>,
    found: &mut impl FnMut(String, &'t Spanned<DeValue<'t>>),
) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        let is_alias = ALIASES.iter().any(|(alias, _)| *alias == key);
        match value.get_ref() {
            DeValue::Table(inner) if is_alias || !is_whole(&key) => flatten(&key, inner, found),
            _ => found(key, value),
        }
    }
}

fn is_whole(key: &str) -> bool {
    find_key(key).is_some_and(|known| known.setting.key == key)
}

fn convert(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Quoted(text.to_string()),
        DeValue::Boolean(on) => Written::Switch(*on),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Written::Integer(number),
            Err(_) => Written::Other(number.as_str().to_owned()),
        },
        DeValue::Array(items) => Written::Array(items.iter().map(|item| convert(item.get_ref())).collect()),
        DeValue::Table(table) => {
            let entries =
                table.iter().map(|(key, value)| (key.get_ref().to_string(), convert(value.get_ref())));
            Written::Table(entries.collect::<BTreeMap<_, _>>())
        }
        DeValue::Float(number) => Written::Other(number.as_str().to_owned()),
        DeValue::Datetime(date) => Written::Other(date.to_string()),
    }
}

/// The line, from 1, of a byte offset.
fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}
