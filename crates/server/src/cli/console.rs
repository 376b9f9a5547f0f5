//! Where commands write and ask: results to standard output, everything else to standard error.

use std::io::{BufRead as _, IsTerminal as _, Write};

use serde_json::{Value, json};

use super::client::CliError;

/// The user's end of a command.
pub(crate) struct Console<'c> {
    /// Whether results are JSON.
    pub(crate) is_json: bool,
    /// Results.
    pub(crate) output: &'c mut (dyn Write + Send),
    /// Progress, hints, questions and errors.
    pub(crate) notes: &'c mut (dyn Write + Send),
    /// Asks a question and takes yes or no; `None` without a terminal.
    pub(crate) ask: Option<&'c mut (dyn FnMut(&str) -> bool + Send)>,
}

impl Console<'_> {
    /// Writes a result: `value` for machines, `human` for people.
    pub(crate) fn result(&mut self, value: &Value, human: &str) -> Result<(), CliError> {
        if self.is_json {
            let text = serde_json::to_string_pretty(value).unwrap_or_default();
            writeln!(self.output, "{text}")?;
        } else if !human.is_empty() {
            writeln!(self.output, "{}", human.trim_end())?;
        }
        Ok(())
    }

    /// Writes a hint for people; machines get none.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.is_json {
            // A closed standard error loses hints, never results.
            let _ = writeln!(self.notes, "{text}");
        }
    }

    /// Writes why the command failed.
    pub(crate) fn failure(&mut self, error: &CliError) {
        if matches!(error, CliError::Found) {
            return;
        }
        let _ = if self.is_json {
            writeln!(
                self.notes,
                "{}",
                json!({ "error": { "code": error.code(), "message": error.to_string() } })
            )
        } else {
            writeln!(self.notes, "error: {error}")
        };
    }

    /// Asks before something that cannot be taken back, unless `is_agreed` (`--yes`).
    ///
    /// **Errors**: [`CliError::Declined`]; [`CliError::Usage`] where nobody can be asked.
    pub(crate) fn confirm(&mut self, question: &str, is_agreed: bool) -> Result<(), CliError> {
        if is_agreed {
            return Ok(());
        }
        match &mut self.ask {
            Some(ask) if !self.is_json => {
                if ask(question) {
                    Ok(())
                } else {
                    Err(CliError::Declined)
                }
            }
            _ => Err(CliError::Usage(format!("{question} Say --yes to do it without being asked."))),
        }
    }
}

/// Asks on the terminal; `None` when standard input or error is none.
pub(crate) fn terminal_question() -> Option<impl FnMut(&str) -> bool + Send> {
    (std::io::stdin().is_terminal() && std::io::stderr().is_terminal()).then_some(|question: &str| {
        let mut notes = std::io::stderr();
        let _ = write!(notes, "{question} [y/N] ");
        let mut answer = String::new();
        let _ = std::io::stdin().lock().read_line(&mut answer);
        matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    })
}

/// An aligned table; without rows only `empty`.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>], empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([heads[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<_> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(heads.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// One field a line, the values aligned; fields without a value are left out.
pub(crate) fn fields(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<_> = pairs.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    pairs.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
}

/// A member of an object as text for people: empty when absent, `a=1, b=2` for an object.
pub(crate) fn text(value: &Value, name: &str) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let text = match &value[name] {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| format!("{key}={}", plain(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => plain(other),
    };
    printable(&text)
}

/// Control characters replaced, so that a stored text cannot steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
