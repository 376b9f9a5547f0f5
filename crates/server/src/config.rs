//! Configuration: a TOML file, the environment and flags, in rising order, checked as a whole.
//!
//! | module | what |
//! |---|---|
//! | [`table`] | every setting as data |
//! | [`kind`] | what values a setting takes |
//! | [`mod@file`] | the TOML file as dotted keys with lines |
//! | [`resolve`] | which source wins, what is unknown |
//! | [`tables`] | settings that are arrays of tables |
//! | [`rules`] | what must hold between settings; what production refuses |
//! | [`typed`] | the result as types |
//! | `document` | `docs/configuration.md`, in tests |

#[cfg(test)]
mod document;
mod file;
mod kind;
mod resolve;
mod rules;
mod table;
mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod typed;

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::chat;
use resolve::Values;
pub(crate) use resolve::{Problem, Source};
pub(crate) use typed::{Config, Log};

/// Which defaults and refusals apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Convenient on one machine; the default.
    Development,
    /// Refuses every convenience of development.
    Production,
}

/// A setting given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    /// The dotted key, known or not.
    pub(crate) key: String,
    /// The value.
    pub(crate) value: String,
    /// How the flag was written, such as `--port`.
    pub(crate) shown: String,
}

/// The sources to read.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    /// The file that was asked for; `None` looks in the data folder and then at `machine_file`.
    pub(crate) file: Option<PathBuf>,
    /// The file for the whole machine.
    pub(crate) machine_file: PathBuf,
    /// Variables of the environment; those without the prefix `TRUNKLINE_` are ignored.
    pub(crate) environment: Vec<(String, String)>,
    /// Flags, a later one winning over an earlier.
    pub(crate) flags: Vec<Flag>,
}

impl Inputs {
    /// The sources of this process. `file` is that of `--config`; else `TRUNKLINE_CONFIG` counts.
    pub(crate) fn of_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
        Self {
            file: file.or_else(|| std::env::var_os("TRUNKLINE_CONFIG").map(PathBuf::from)),
            machine_file: PathBuf::from("/etc/trunkline/trunkline.toml"),
            environment,
            flags,
        }
    }
}

/// The configuration with where each value came from.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// One for every setting, in the order of the table; wildcards where they are named.
    pub(crate) origins: Vec<Origin>,
}

/// A setting, its value as text, and where that came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Origin {
    /// The dotted key.
    pub(crate) key: String,
    /// The value; `***` for a secret that is set, empty for what is unset.
    pub(crate) value: String,
    /// Where it came from, in words.
    pub(crate) source: String,
    /// What it does, with unit and range; empty for a setting with a name of the operator's own.
    pub(crate) description: &'static str,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) struct ConfigErrors(pub(crate) Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let noun = if count == 1 { "error" } else { "errors" };
        write!(formatter, "the configuration has {count} {noun}:")?;
        for problem in &self.0 {
            write!(formatter, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// Reads and checks the configuration.
///
/// **Errors**: all that is wrong, at once.
pub(crate) fn load(inputs: &Inputs) -> Result<Loaded, ConfigErrors> {
    let mut problems = Vec::new();
    let values = resolve::resolve(inputs, &mut problems);
    rules::check(&values, &mut problems);
    if !problems.is_empty() {
        return Err(ConfigErrors(problems));
    }
    let config = Config::from_values(&values);
    let origins = list_origins(&values, &config);
    Ok(Loaded { config, origins })
}

/// `docs/configuration.md`, which a test keeps equal to the table.
#[cfg(test)]
pub(crate) fn documentation() -> String {
    document::render(table::SETTINGS)
}

fn list_origins(values: &Values, config: &Config) -> Vec<Origin> {
    let mut origins = Vec::new();
    for setting in table::SETTINGS {
        let prefix = setting.key.strip_suffix(table::WILDCARD).map(|prefix| format!("{prefix}."));
        let is_of_setting = |key: &str| match &prefix {
            Some(prefix) => key.starts_with(prefix.as_str()),
            None => key == setting.key,
        };
        for (key, resolved) in values.iter().filter(|(key, _)| is_of_setting(key)) {
            let derived =
                if resolved.value == kind::Value::Unset { find_derived(setting.key, config) } else { None };
            let shown = match &resolved.value {
                kind::Value::Unset if setting.key == "admin.port" => "off".to_owned(),
                kind::Value::Unset => derived.clone().unwrap_or_default(),
                _ if setting.secret => "***".to_owned(),
                value => value.to_string(),
            };
            let source = if derived.is_some() { Source::Derived } else { resolved.source.clone() };
            let setting = table::SETTINGS.iter().find(|setting| setting.key == key);
            origins.push(Origin {
                key: key.clone(),
                value: shown,
                source: source.to_string(),
                description: setting.map_or("", |setting| setting.doc),
            });
        }
    }
    origins
}

/// What a setting works out to when no source names it.
fn find_derived(key: &str, config: &Config) -> Option<String> {
    match key {
        "public_url" if config.http.port == 0 => Some(config.public_url(0).replace(":0", ":PORT")),
        "public_url" => Some(config.public_url(config.http.port)),
        "vault.master_key_file" => Some(config.master_key_file.display().to_string()),
        "backup.folder" => Some(config.backup_folder.display().to_string()),
        "node.name" => Some(config.node_name.clone()),
        "node.url" => find_derived("public_url", config),
        "chat.participants_max" => Some(chat::settings(config).participants_max.to_string()),
        "chat.receipts_max" => Some(chat::settings(config).receipts_max.unwrap_or(0).to_string()),
        "chat.retention_days_max" => Some(chat::settings(config).retention_days.end().to_string()),
        _ => None,
    }
}
