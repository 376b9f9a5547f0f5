//! Every setting as data: key, kind, defaults, meaning.
//!
//! The reader of sources, `config show`, `config check` and `docs/configuration.md` all walk this table,
//! so a setting exists in one place.

mod calling;
mod chat;
mod events;
mod running;
mod server;

use super::kind::Kind;

/// What a setting is when no source names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    /// The same text in both profiles; empty means unset.
    Same(&'static str),
    /// A text for each profile; empty means unset.
    Differs {
        /// In the profile `development`.
        development: &'static str,
        /// In the profile `production`.
        production: &'static str,
    },
    /// Follows from other settings; the text says how.
    Derived(&'static str),
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The dotted key in the file; `limits.requests.*` stands for any last part.
    pub(crate) key: &'static str,
    /// What values it takes.
    pub(crate) kind: Kind,
    /// Its value when no source names it.
    pub(crate) preset: Preset,
    /// Whether its value is never shown. A secret can also come from the file that `KEY_file` names.
    pub(crate) secret: bool,
    /// What it means, in one or two sentences.
    pub(crate) doc: &'static str,
}

/// The variables of the environment that start with `TRUNKLINE_` and are no settings.
pub(crate) const OTHER_VARIABLES: &[&str] =
    &["TRUNKLINE_BIN", "TRUNKLINE_CONFIG", "TRUNKLINE_OPERATOR_TOKEN", "TRUNKLINE_TEST_POSTGRES"];

/// Short spellings: `limits = "acs"` means `limits.set = "acs"`.
pub(crate) const ALIASES: &[(&str, &str)] = &[("limits", "limits.set")];

/// Keys of earlier versions and the ones that took their place.
pub(crate) const MOVED: &[(&str, &str)] = &[("teams_exchange.issuers", "directory.issuers")];

/// What the last part of a wildcard key is written as in the table.
pub(crate) const WILDCARD: &str = ".*";

/// All settings, in the order of the documentation.
pub(crate) static SETTINGS: &[Setting] = &joined::<{ count(TABLES) }>(TABLES);

const TABLES: &[&[Setting]] =
    &[server::SERVER, events::EVENTS, chat::CHAT, calling::CALLING, running::RUNNING];

const fn count(tables: &[&[Setting]]) -> usize {
    let (mut table, mut sum) = (0, 0);
    while table < tables.len() {
        sum += tables[table].len();
        table += 1;
    }
    sum
}

const fn joined<const COUNT: usize>(tables: &[&[Setting]]) -> [Setting; COUNT] {
    let mut all = [tables[0][0]; COUNT];
    let (mut table, mut next) = (0, 0);
    while table < tables.len() {
        let mut index = 0;
        while index < tables[table].len() {
            all[next] = tables[table][index];
            (index, next) = (index + 1, next + 1);
        }
        table += 1;
    }
    all
}

const fn setting(key: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Setting {
    Setting { key, kind, preset, secret: false, doc }
}

const fn secret(key: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Setting {
    Setting { key, kind, preset, secret: true, doc }
}

const fn differs(development: &'static str, production: &'static str) -> Preset {
    Preset::Differs { development, production }
}

const fn integer(min: i64, max: i64, unit: &'static str) -> Kind {
    Kind::Integer { min, max, unit }
}

/// A key that some source named, found in the table.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The setting.
    pub(crate) setting: &'static Setting,
    /// The full key: differs from the setting's for a wildcard.
    pub(crate) key: String,
    /// Whether the value is the path of a file that holds the secret.
    pub(crate) from_file: bool,
}

/// Finds a dotted key: itself, an alias, a wildcard, or `KEY_file` of a secret.
pub(crate) fn find_key(key: &str) -> Option<Known> {
    let key = ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, target)| target);
    SETTINGS.iter().find_map(|setting| {
        let known = |from_file| Known { setting, key: key.to_owned(), from_file };
        match setting.key.strip_suffix(WILDCARD) {
            Some(prefix) => {
                let name = key.strip_prefix(prefix)?.strip_prefix('.')?;
                (!name.is_empty()).then(|| known(false))
            }
            None if setting.key == key => Some(known(false)),
            None if setting.secret && key.strip_suffix("_file") == Some(setting.key) => {
                Some(Known { key: setting.key.to_owned(), ..known(true) })
            }
            None => None,
        }
    })
}

/// Every key that can be written down, for the hint at a mistyped one.
pub(crate) fn list_keys() -> Vec<String> {
    let mut keys = Vec::new();
    for setting in SETTINGS {
        keys.push(setting.key.to_owned());
        if setting.secret {
            keys.push(format!("{}_file", setting.key));
        }
    }
    keys
}

/// The variable of the environment for a dotted key: `TRUNKLINE_HTTP_PORT` for `http.port`.
pub(crate) fn variable_of(key: &str) -> String {
    format!("TRUNKLINE_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The dotted key of a variable; `None` for a wildcard, whose letters' case a variable cannot carry.
pub(crate) fn key_of_variable(name: &str) -> Option<String> {
    let aliases = ALIASES.iter().map(|(alias, _)| (*alias).to_owned());
    list_keys().into_iter().chain(aliases).find(|key| !key.ends_with(WILDCARD) && variable_of(key) == name)
}
