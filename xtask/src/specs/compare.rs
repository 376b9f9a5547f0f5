//! Differences between two descriptions, and the list of those that are meant.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use toml::{Table, Value};

use super::flatten::Facts;

/// One place where the two sides disagree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Where.
    pub(crate) at: String,
    published: Option<String>,
    ours: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: published `{}`, ours `{}`", self.at, say(&self.published), say(&self.ours))
    }
}

/// Compares fact by fact. What stands below a place that one side lacks is not reported again.
pub(crate) fn differences(published: &Facts, ours: &Facts) -> Vec<Difference> {
    let places: BTreeSet<_> = published.keys().chain(ours.keys()).collect();
    let mut found: Vec<Difference> = Vec::new();
    for at in places {
        let (theirs, mine) = (published.get(at), ours.get(at));
        let is_below = |known: &Difference| {
            let lacking = known.published.is_none() || known.ours.is_none();
            lacking
                && at.strip_prefix(known.at.as_str()).is_some_and(|rest| rest.starts_with([' ', '.', '[']))
        };
        let is_promise = is_promise(at, theirs, mine);
        if theirs != mine && !is_promise && !found.iter().any(is_below) {
            found.push(Difference { at: at.clone(), published: theirs.cloned(), ours: mine.cloned() });
        }
    }
    found
}

/// Whether ours only promises more: a field of a reply that is always there breaks no client.
fn is_promise(at: &str, published: Option<&String>, ours: Option<&String>) -> bool {
    let is_reply = at.split(' ').nth(3) == Some("body")
        || at.split(' ').nth(3).is_some_and(|part| part.starts_with("body."));
    let published = published.and_then(|text| text.strip_prefix("optional "));
    let ours = ours.and_then(|text| text.strip_prefix("required "));
    is_reply && published.is_some() && published == ours
}

/// Whether `at` is the place that an entry names; `*` in the entry stands for anything.
fn matches(pattern: &str, at: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = at.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(index) = rest.find(part) else { return false };
        rest = &rest[index + part.len()..];
    }
    true
}

/// `xtask/specs-differences.toml`.
pub(crate) struct Listed {
    entries: BTreeSet<Entry>,
    used: RefCell<BTreeSet<Entry>>,
}

/// Service, version, place.
type Entry = (String, String, String);

impl Listed {
    /// Reads `[[difference]]` tables with `service`, `versions`, `at` and `reason`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let document: Table = toml::from_str(text).context("xtask/specs-differences.toml is no TOML")?;
        let mut entries = BTreeSet::new();
        for table in document.get("difference").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| table.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (service, at) = (text("service"), text("at"));
            ensure!(!service.is_empty() && !at.is_empty(), "a difference needs `service` and `at`: {table}");
            ensure!(text("reason").len() >= 10, "the difference at `{at}` needs a `reason`");
            let versions = table.get("versions").and_then(Value::as_array);
            let versions = versions.with_context(|| format!("the difference at `{at}` needs `versions`"))?;
            for version in versions.iter().filter_map(Value::as_str) {
                entries.insert((service.clone(), version.to_owned(), at.clone()));
            }
        }
        Ok(Self { entries, used: RefCell::default() })
    }

    /// Whether this difference is meant; remembers that it was met.
    pub(crate) fn covers(&self, service: &str, version: &str, at: &str) -> bool {
        let is_it = |entry: &&Entry| entry.0 == service && entry.1 == version && matches(&entry.2, at);
        let covering: Vec<_> = self.entries.iter().filter(is_it).cloned().collect();
        let covered = !covering.is_empty();
        self.used.borrow_mut().extend(covering);
        covered
    }

    /// Entries that describe no difference any more.
    pub(crate) fn unused(&self) -> Vec<String> {
        let line = |(service, version, at): &Entry| {
            format!("xtask/specs-differences.toml: {service} {version} `{at}` is no difference: remove it")
        };
        self.entries.difference(&self.used.borrow()).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Listed, differences, matches};

    fn facts(pairs: &[(&str, &str)]) -> Facts {
        pairs.iter().map(|(at, what)| ((*at).to_owned(), (*what).to_owned())).collect()
    }

    #[test]
    fn a_missing_branch_is_reported_once() {
        let published = facts(&[("GET /a", "x"), ("GET /a 200 body.b", "x"), ("GET /a 200 body.b.c", "x")]);
        let found = differences(&published, &facts(&[("GET /a", "x")]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].to_string(), "GET /a 200 body.b: published `x`, ours `nothing`");
    }

    #[test]
    fn neighbours_with_a_common_start_are_apart() {
        let published = facts(&[("GET /a", "x"), ("GET /a 200 body.b", "x"), ("GET /a 200 body.bee", "x")]);
        assert_eq!(differences(&published, &facts(&[("GET /a", "y")])).len(), 3);
    }

    #[test]
    fn a_reply_may_promise_more_and_a_request_may_not_ask_for_more() {
        let published =
            facts(&[("GET /a 200 body.b", "optional string"), ("GET /a request.b", "optional string")]);
        let ours =
            facts(&[("GET /a 200 body.b", "required string"), ("GET /a request.b", "required string")]);
        let found = differences(&published, &ours);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].at, "GET /a request.b");
        assert_eq!(differences(&ours, &published).len(), 2, "a reply may not promise less");
    }

    #[test]
    fn an_entry_may_stand_for_many_places() {
        for (pattern, is_match) in [
            ("GET /a/{} x", true),
            ("* x", true),
            ("GET * x", true),
            ("GET*{}*", true),
            ("* y", false),
            ("PUT *", false),
        ] {
            assert_eq!(matches(pattern, "GET /a/{} x"), is_match, "{pattern}");
        }
    }

    #[test]
    fn listed_differences_must_exist() {
        let listed = Listed::parse(
            "[[difference]]\nservice = \"identity\"\nversions = [\"1\", \"2\"]\nat = \"GET /a\"\nreason = \"ours is stricter\"",
        )
        .unwrap();
        assert!(listed.covers("identity", "1", "GET /a"));
        assert!(!listed.covers("identity", "1", "GET /b"));
        assert_eq!(listed.unused().len(), 1);
        assert!(Listed::parse("[[difference]]\nservice = \"identity\"\nversions = []\nat = \"x\"").is_err());
    }
}
