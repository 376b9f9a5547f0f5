//! `trunkline chat import`: JSON lines, as `export` prints them, into a resource.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use serde_json::{Value, json};

use super::super::arguments::Import;
use super::super::client::encode;
use super::super::console::{Console, text};
use super::{CliError, Session, path_in};

/// Messages of one request; the most that the server takes.
const BATCH_MAX: usize = 200;
/// Bytes of the messages of one request: half of what the server takes, for a single message may be a whole line.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Read receipts of one request; the most that the server takes.
const RECEIPTS_MAX: usize = 1000;
/// The longest line: a thread with ten thousand participants.
const LINE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Messages between two words about progress.
const PROGRESS_EVERY: u64 = 10_000;

/// Imports a file.
pub(super) async fn import(
    asked: &Import,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let chat = path_in(session, &asked.place).await?;
    let mut importer = Importer {
        session,
        chat,
        is_unfinished: asked.unfinished,
        open: None,
        batch: Vec::new(),
        batch_bytes: 0,
        receipts: Vec::new(),
        ids: HashSet::new(),
        totals: Totals::default(),
    };
    let shown = asked.file.display().to_string();
    let mut lines = Lines { input: open(&asked.file)?, number: 0 };
    loop {
        let line = lines.next().map_err(|reason| at_line(&shown, lines.number, &reason))?;
        let Some(line) = line else { break };
        let done = importer.take(line, console).await;
        done.map_err(|error| located(error, &shown, lines.number))?;
    }
    if let Some(id) = &importer.open {
        return Err(at_line(
            &shown,
            lines.number,
            &format!(
                "the file ends in the middle of the thread {id}, which stays closed; import the whole file again"
            ),
        ));
    }
    importer.totals.show(asked.unfinished, console)
}

fn open(file: &Path) -> Result<Box<dyn BufRead + Send>, CliError> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let opened = File::open(file);
    let opened = opened.map_err(|cause| CliError::File(format!("{}: {cause}", file.display())))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn at_line(file: &str, line: u64, reason: &str) -> CliError {
    CliError::File(format!("{file}, line {line}: {reason}"))
}

/// The same error, with where the import had come.
fn located(error: CliError, file: &str, line: u64) -> CliError {
    match error {
        CliError::Refused { status, code, message } => CliError::Refused {
            status,
            code,
            message: format!("{file}, before line {}: {message}", line + 1),
        },
        CliError::File(reason) => at_line(file, line, &reason),
        other => other,
    }
}

/// The lines of the file, counted from 1.
struct Lines {
    input: Box<dyn BufRead + Send>,
    number: u64,
}

impl Lines {
    /// The next line that is not empty, as JSON; `None` at the end.
    fn next(&mut self) -> Result<Option<Value>, String> {
        loop {
            let mut line = Vec::new();
            let read = self.input.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line);
            let read = read.map_err(|cause| cause.to_string())?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.len() as u64 > LINE_BYTES_MAX {
                return Err(format!("the line is longer than {LINE_BYTES_MAX} bytes"));
            }
            if !line.trim_ascii().is_empty() {
                return serde_json::from_slice(&line).map(Some).map_err(|cause| format!("no JSON: {cause}"));
            }
        }
    }
}

struct Importer<'s> {
    session: &'s Session<'s>,
    chat: String,
    is_unfinished: bool,
    /// The thread whose messages come.
    open: Option<String>,
    batch: Vec<Value>,
    /// The messages of the batch as they are sent.
    batch_bytes: usize,
    receipts: Vec<Value>,
    /// The ids in the batch: each may be there once.
    ids: HashSet<String>,
    totals: Totals,
}

impl Importer<'_> {
    async fn take(&mut self, mut line: Value, console: &mut Console<'_>) -> Result<(), CliError> {
        if line["thread"].is_object() {
            return self.begin(line["thread"].take(), console).await;
        }
        if line["message"].is_object() {
            return self.message(line["message"].take(), console).await;
        }
        if line["receipt"].is_object() {
            return self.receipt(line["receipt"].take(), console).await;
        }
        match line["end"].as_str() {
            Some(id) if self.open.as_deref() == Some(id) => self.end(console).await,
            Some(_) => Err(CliError::File("it ends another thread than the one that began".to_owned())),
            None => Err(CliError::File("it is neither a thread, a message, a receipt nor an end".to_owned())),
        }
    }

    async fn begin(&mut self, thread: Value, console: &mut Console<'_>) -> Result<(), CliError> {
        if let Some(id) = &self.open {
            return Err(CliError::File(format!("the thread {id} has not ended")));
        }
        let id = text(&thread, "id");
        if id.is_empty() {
            return Err(CliError::File("the thread has no id".to_owned()));
        }
        let path = format!("{}/import/threads/{}", self.chat, encode(&id));
        let mut answer = self.session.request("PUT", &path, Some(thread)).await?;
        if let Value::Array(invalid) = answer["invalidParticipants"].take() {
            for one in &invalid {
                console.note(&format!(
                    "{id}: {} is no user of this resource and is not in the thread.",
                    text(one, "target")
                ));
            }
            self.totals.left_out_people += invalid.len() as u64;
        }
        self.open = Some(id);
        Ok(())
    }

    async fn message(&mut self, message: Value, console: &mut Console<'_>) -> Result<(), CliError> {
        if self.open.is_none() {
            return Err(CliError::File("a message comes before its thread".to_owned()));
        }
        let (id, bytes) = (text(&message, "id"), message.to_string().len());
        let is_full = self.batch.len() == BATCH_MAX || self.batch_bytes + bytes > BATCH_BYTES_MAX;
        // What was changed during an export stands in it twice.
        if is_full || self.ids.contains(&id) {
            self.send(false, console).await?;
        }
        self.ids.insert(id);
        self.batch_bytes += bytes;
        self.batch.push(message);
        Ok(())
    }

    async fn receipt(&mut self, receipt: Value, console: &mut Console<'_>) -> Result<(), CliError> {
        if self.open.is_none() {
            return Err(CliError::File("a receipt comes before its thread".to_owned()));
        }
        if self.receipts.len() == RECEIPTS_MAX {
            self.send(false, console).await?;
        }
        self.receipts.push(receipt);
        Ok(())
    }

    async fn end(&mut self, console: &mut Console<'_>) -> Result<(), CliError> {
        self.send(!self.is_unfinished, console).await?;
        self.open = None;
        self.totals.threads += 1;
        Ok(())
    }

    async fn send(&mut self, is_last: bool, console: &mut Console<'_>) -> Result<(), CliError> {
        let Some(id) = &self.open else { return Ok(()) };
        if self.batch.is_empty() && self.receipts.is_empty() && !is_last {
            return Ok(());
        }
        self.ids.clear();
        self.batch_bytes = 0;
        let mut body = json!({ "messages": std::mem::take(&mut self.batch), "isLast": is_last });
        if !self.receipts.is_empty() {
            body["readReceipts"] = Value::Array(std::mem::take(&mut self.receipts));
        }
        let path = format!("{}/import/threads/{}/messages:import", self.chat, encode(id));
        let answer = self.session.request("POST", &path, Some(body)).await?;
        self.totals.add(&answer, console);
        Ok(())
    }
}

/// What came of it.
#[derive(Default)]
struct Totals {
    threads: u64,
    added: u64,
    updated: u64,
    unchanged: u64,
    left_out_attachments: u64,
    left_out_people: u64,
}

impl Totals {
    fn add(&mut self, answer: &Value, console: &mut Console<'_>) {
        let number = |name: &str| answer[name].as_u64().unwrap_or_default();
        let before = self.messages();
        self.added += number("added");
        self.updated += number("updated");
        self.unchanged += number("unchanged");
        self.left_out_attachments += number("attachmentsLeftOut");
        if self.messages() / PROGRESS_EVERY > before / PROGRESS_EVERY {
            console.note(&format!("{} messages, in thread {} …", self.messages(), self.threads + 1));
        }
    }

    const fn messages(&self) -> u64 {
        self.added + self.updated + self.unchanged
    }

    fn show(&self, is_unfinished: bool, console: &mut Console<'_>) -> Result<(), CliError> {
        let value = json!({
            "threads": self.threads, "added": self.added, "updated": self.updated, "unchanged": self.unchanged,
            "attachmentsLeftOut": self.left_out_attachments, "participantsLeftOut": self.left_out_people,
        });
        let human = format!(
            "Threads: {}. Messages: {} new, {} newer than those here, {} here already.",
            self.threads, self.added, self.updated, self.unchanged
        );
        console.result(&value, &human)?;
        if self.left_out_attachments > 0 {
            console.note(&format!("{} pictures and files were left out.", self.left_out_attachments));
        }
        if self.left_out_people > 0 {
            console.note(
                "Whoever was left out can be made a user (trunkline user create --id) before the import is repeated.",
            );
        }
        if is_unfinished {
            console.note("The threads stay closed until they are imported without --unfinished.");
        }
        Ok(())
    }
}
