//! Log lines on standard error: for people, or one JSON object a line.
//!
//! Lines carry the fields of their spans, so a request's id stands on every line written while it runs.
//! Values that must not be seen have types without `Debug` or `Display`; nothing is filtered here.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::config::Log;

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoggingError {
    /// The level is no filter.
    #[error("log.level is not a level or filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Some other code has taken the place.
    #[error("logging is already set up in this process")]
    Taken(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Sends the log of the whole process to standard error. Call once, before anything is logged.
pub(crate) fn start(log: &Log) -> Result<(), LoggingError> {
    let is_colourful = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing::subscriber::set_global_default(subscriber(log, is_colourful, std::io::stderr)?)?;
    Ok(())
}

/// The subscriber that writes to `writer`.
fn subscriber<W>(
    log: &Log,
    is_colourful: bool,
    writer: W,
) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let registry = tracing_subscriber::registry().with(EnvFilter::try_new(&log.level)?);
    Ok(if log.is_json {
        Box::new(registry.with(json(writer)))
    } else {
        Box::new(registry.with(human(is_colourful, writer)))
    })
}

/// One object a line: `timestamp`, `level`, `target`, the event's fields, and the fields of its spans.
fn json<S, W>(writer: W) -> impl tracing_subscriber::Layer<S> + Send + Sync
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(writer)
}

/// A line as one reads it.
fn human<S, W>(is_colourful: bool, writer: W) -> impl tracing_subscriber::Layer<S> + Send + Sync
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer().with_ansi(is_colourful).with_target(false).with_writer(writer)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    /// Collects what is written.
    #[derive(Clone, Default)]
    struct Collector(Arc<Mutex<Vec<u8>>>);

    impl Write for Collector {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(is_json: bool, level: &str) -> String {
        let collector = Collector::default();
        let writer = collector.clone();
        let log = Log { is_json, level: level.to_owned() };
        let subscriber = subscriber(&log, false, move || writer.clone()).expect("a filter");
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("request", request_id = "r-1").entered();
            tracing::info!(duration_ms = 3, "request answered");
            tracing::debug!("too detailed");
        });
        let bytes = collector.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn json_lines_carry_fields_and_the_request_id() {
        let text = lines_of(true, "info");
        let line: serde_json::Value = serde_json::from_str(text.trim()).expect("one line of JSON");
        assert_eq!(line["message"], "request answered");
        assert_eq!(line["duration_ms"], 3);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["spans"][0]["request_id"], "r-1");
    }

    #[test]
    fn human_lines_carry_the_same_and_the_level_filters() {
        let text = lines_of(false, "info");
        assert!(text.contains("request answered duration_ms=3"), "{text}");
        assert!(text.contains("r-1"), "{text}");
        assert_eq!(text.lines().count(), 1);
        assert_eq!(lines_of(false, "debug").lines().count(), 2);
        assert_eq!(lines_of(false, "warn"), "");
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let log = Log { is_json: false, level: "loud=very=much".to_owned() };
        assert!(subscriber(&log, false, std::io::stderr).is_err());
    }
}
