//! Putting the sources together: who wins, what is unknown, what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::kind::{Value, Written};
use super::table::{
    Known, MOVED, OTHER_VARIABLES, Preset, SETTINGS, Setting, WILDCARD, find_key, key_of_variable, list_keys,
    variable_of,
};
use super::{Inputs, Profile, file};

/// How the variables of the environment that count begin.
const PREFIX: &str = "TRUNKLINE_";

/// Where a value came from, in rising order of rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The table of settings.
    Default,
    /// Worked out from other settings.
    Derived,
    /// The configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1; `None` when the whole file is meant.
        line: Option<usize>,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line, as it was written.
    Flag(String),
}

impl Source {
    /// Whether both are the same layer: two values there contradict each other.
    fn is_same_layer(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Derived => formatter.write_str("derived"),
            Self::File { path, line: Some(line) } => write!(formatter, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(formatter, "{}", path.display()),
            Self::Environment(name) => write!(formatter, "environment {name}"),
            Self::Flag(name) => write!(formatter, "flag {name}"),
        }
    }
}

/// A key and a value as some source wrote them.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The dotted key, known or not.
    pub(crate) key: String,
    /// The value.
    pub(crate) written: Written,
    /// Who says so.
    pub(crate) source: Source,
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where it stands.
    pub(crate) source: Source,
    /// The key, or nothing when the source as a whole is meant.
    pub(crate) key: String,
    /// What is wrong and what would be right; never holds a secret.
    pub(crate) message: String,
}

impl Problem {
    /// About a source as a whole.
    pub(crate) fn of_source(source: Source, message: String) -> Self {
        Self { source, key: String::new(), message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(formatter, "{}: {}", self.source, self.message)
        } else {
            write!(formatter, "{}: {}: {}", self.source, self.key, self.message)
        }
    }
}

/// A value with where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The value.
    pub(crate) value: Value,
    /// The winner among the sources.
    pub(crate) source: Source,
}

/// All settings with their winning values; wildcards only where some source names them.
pub(crate) type Values = BTreeMap<String, Resolved>;

/// Reads all sources. What is wrong goes to `problems`; the default stands in for it.
pub(crate) fn resolve(inputs: &Inputs, problems: &mut Vec<Problem>) -> Values {
    let mut entries = Vec::new();
    let above = [environment_entries(inputs, problems), flag_entries(inputs)].concat();
    if let Some(path) = locate_file(inputs, &above) {
        entries.extend(file::read_file(&path, problems));
    }
    entries.extend(above);
    let mut values = Values::new();
    for entry in entries {
        match find_key(&entry.key) {
            Some(known) => take(&known, entry, &mut values, problems),
            None => problems.push(unknown_key(&entry)),
        }
    }
    let profile = profile_of(&values);
    for setting in SETTINGS.iter().filter(|setting| !setting.key.ends_with(WILDCARD)) {
        let default = || Resolved { value: default_value(setting, profile), source: Source::Default };
        values.entry(setting.key.to_owned()).or_insert_with(default);
    }
    values
}

/// The profile that `values` name; the default stands in for a missing one.
pub(crate) fn profile_of(values: &Values) -> Profile {
    match values.get("profile").map(|resolved| &resolved.value) {
        Some(Value::Text(text)) if text == "production" => Profile::Production,
        _ => Profile::Development,
    }
}

/// The file that was asked for, else the first that exists of the data folder's and the machine's.
fn locate_file(inputs: &Inputs, above: &[Entry]) -> Option<PathBuf> {
    if inputs.file.is_some() {
        return inputs.file.clone();
    }
    let find = |key: &str| {
        above.iter().rev().find_map(|entry| match &entry.written {
            Written::Text(text) if entry.key == key => Some(text.as_str()),
            _ => None,
        })
    };
    let profile =
        if find("profile") == Some("production") { Profile::Production } else { Profile::Development };
    let default = default_value(setting_named("data"), profile).to_string();
    let in_data = Path::new(find("data").unwrap_or(&default)).join("trunkline.toml");
    [in_data, inputs.machine_file.clone()].into_iter().find(|path| path.is_file())
}

fn environment_entries(inputs: &Inputs, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, text) in &inputs.environment {
        if !name.starts_with(PREFIX) || OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let source = Source::Environment(name.clone());
        let Some(key) = key_of_variable(name) else {
            // Without the prefix that all share, or everything would look alike.
            let bare = |name: &str| name.trim_start_matches(PREFIX).to_owned();
            let names: Vec<_> = list_keys().iter().map(|key| bare(&variable_of(key))).collect();
            let hint = nearest(&bare(name), &names)
                .map_or(String::new(), |near| format!("; did you mean {PREFIX}{near}?"));
            problems.push(Problem::of_source(source, format!("no setting has this variable{hint}")));
            continue;
        };
        entries.push(Entry { key, written: Written::Text(text.clone()), source });
    }
    entries
}

fn flag_entries(inputs: &Inputs) -> Vec<Entry> {
    let entry = |flag: &super::Flag| Entry {
        key: flag.key.clone(),
        written: Written::Text(flag.value.clone()),
        source: Source::Flag(flag.shown.clone()),
    };
    inputs.flags.iter().map(entry).collect()
}

/// Checks one entry and lets it win over what came before.
fn take(known: &Known, entry: Entry, values: &mut Values, problems: &mut Vec<Problem>) {
    let Known { setting, key, from_file } = known;
    let written = if *from_file {
        match read_secret(&entry.written) {
            Ok(text) => Written::Text(text),
            Err(message) => {
                problems.push(Problem { source: entry.source, key: format!("{key}_file"), message });
                return;
            }
        }
    } else {
        entry.written
    };
    let Some(value) = setting.kind.accept(&written) else {
        let message = if setting.secret {
            format!("*** is not allowed; expected {}", setting.kind.describe())
        } else {
            setting.kind.refuse(&written)
        };
        problems.push(Problem { source: entry.source, key: key.clone(), message });
        return;
    };
    let earlier = values.insert(key.clone(), Resolved { value, source: entry.source.clone() });
    if setting.secret && earlier.is_some_and(|earlier| earlier.source.is_same_layer(&entry.source)) {
        let message = format!("given both as {key} and as {key}_file; keep one");
        problems.push(Problem { source: entry.source, key: key.clone(), message });
    }
}

/// The first line of the file that holds a secret.
fn read_secret(written: &Written) -> Result<String, String> {
    let (Written::Text(path) | Written::Quoted(path)) = written else {
        return Err(format!("{} is not allowed; expected a path", written.shown()));
    };
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(format!("{path} is empty; its first line must be the secret")),
    }
}

fn unknown_key(entry: &Entry) -> Problem {
    let moved = MOVED.iter().find(|(old, _)| *old == entry.key).map(|(_, new)| *new);
    let message = match (moved, nearest(&entry.key, &list_keys())) {
        (Some(new), _) => format!("is now {new}; see docs/configuration.md"),
        (None, Some(near)) => format!("no such setting; did you mean {near}?"),
        (None, None) => "no such setting".to_owned(),
    };
    Problem { source: entry.source.clone(), key: entry.key.clone(), message }
}

/// The known name closest to `name`, unless nothing is close.
fn nearest<'n>(name: &str, known: &'n [String]) -> Option<&'n str> {
    const LIKENESS_MIN: f64 = 0.7; // Below it the hint misleads more often than it helps.
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |candidate: &String| {
        // A setting looked for in the wrong section is as close as a mistyped one.
        let same_last = if last(candidate) == last(name) { 0.9 } else { 0.0 };
        strsim::jaro_winkler(name, candidate).max(same_last)
    };
    let best =
        known.iter().map(|key| (likeness(key), key)).max_by(|left, right| left.0.total_cmp(&right.0))?;
    (best.0 >= LIKENESS_MIN).then_some(best.1.as_str())
}

fn setting_named(key: &str) -> &'static Setting {
    SETTINGS.iter().find(|setting| setting.key == key).expect("the caller names a setting of the table")
}

fn default_value(setting: &Setting, profile: Profile) -> Value {
    let text = match (setting.preset, profile) {
        (Preset::Same(text), _)
        | (Preset::Differs { development: text, .. }, Profile::Development)
        | (Preset::Differs { production: text, .. }, Profile::Production) => text,
        (Preset::Derived(_), _) => return Value::Unset,
    };
    setting.kind.accept_text(text).expect("a test checks every default against its kind")
}
