//! One connection with its prepared statements, used from one thread.
//!
//! The thread owns a small runtime that drives both the request and the connection, so that an answer
//! wakes no other thread. Requests are sent together whenever their answers are not needed one by one.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{AsyncMessage, Client, Statement};
use trunkline_kernel::{Clock as _, SystemClock};

use super::connect::{Address, Messages, unavailable};
use super::value::{read_row, signature, type_of};
use crate::config::Bounds;
use crate::dialect;
use crate::error::StoreError;
use crate::value::{Row, Value};

/// Prepared statements a connection keeps; beyond that all are forgotten, which only costs time.
const STATEMENTS_KEPT: usize = 1024;
/// Requests sent without waiting for an answer: enough to hide the round trip, little to hold.
const PIPELINED_MAX: usize = 128;
/// After this time without use a connection is looked at before it is used: the server may have gone.
const IDLE_BEFORE_CHECK: Duration = Duration::from_millis(500);
/// What the network may add to a statement's own time limit before the connection counts as broken.
const NETWORK_MARGIN: Duration = Duration::from_secs(10);

pub(crate) const LOCK: &str = "SELECT pg_advisory_xact_lock(?1)";

pub(crate) struct Session {
    runtime: Runtime,
    client: Client,
    messages: Messages,
    statements: HashMap<Box<str>, HashMap<Vec<u8>, Statement>>,
    statements_kept: usize,
    answer_wait_max: Duration,
    used_at: Duration,
}

/// One request of a group that is sent together.
pub(crate) enum Request<'a> {
    /// Transaction control, without parameters.
    Command(&'static str),
    Change {
        statement: Statement,
        params: &'a [Value],
    },
    Query {
        statement: Statement,
        params: &'a [Value],
    },
}

/// What came back for one request.
pub(crate) enum Answer {
    Done,
    Changed(u64),
    Rows(Vec<tokio_postgres::Row>),
}

/// A failure, sorted by what can be done about it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection is gone or did not answer; what it was doing is rolled back by the server.
    Broken(StoreError),
    /// A serialization failure or deadlock: the closure may run again.
    Conflict,
    /// The server refused the statement.
    Refused(StoreError),
}

impl Failure {
    pub(crate) fn into_store_error(self) -> StoreError {
        match self {
            Self::Broken(failure) | Self::Refused(failure) => failure,
            Self::Conflict => StoreError::Busy,
        }
    }
}

impl Session {
    pub(crate) fn connect(address: &Address, bounds: &Bounds) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|failure| StoreError::Unavailable { reason: failure.to_string() })?;
        let (client, messages) = runtime.block_on(address.connect())?;
        let mut session = Self {
            runtime,
            client,
            messages,
            statements: HashMap::new(),
            statements_kept: 0,
            answer_wait_max: bounds.closure_duration_max + NETWORK_MARGIN,
            used_at: SystemClock.monotonic(),
        };
        session.configure(bounds).map_err(Failure::into_store_error)?;
        Ok(session)
    }

    fn configure(&mut self, bounds: &Bounds) -> Result<(), Failure> {
        // An acknowledged write is durable even where the server's default says otherwise.
        // Outside of a transaction that says otherwise nothing can be written: should BEGIN be refused, the
        // statements sent together with it must not take effect one by one.
        let sql = format!(
            "SET default_transaction_read_only = on; SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = {idle}; SET jit = off; \
             SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') = 'off'",
            limit = bounds.closure_duration_max.as_millis(),
            idle = (bounds.closure_duration_max + NETWORK_MARGIN).as_millis(),
        );
        let Self { runtime, client, messages, answer_wait_max, .. } = self;
        drive(runtime, messages, *answer_wait_max, client.batch_execute(&sql))?
            .map_err(|failure| classify(&failure, "SET"))
    }

    /// Whether the connection can be used. A server that went away is noticed here rather than later.
    pub(crate) fn is_usable(&mut self) -> bool {
        let now = SystemClock.monotonic();
        if now.saturating_sub(self.used_at) > IDLE_BEFORE_CHECK {
            // Yielding lets the runtime look at the socket.
            let looked =
                drive(&self.runtime, &mut self.messages, self.answer_wait_max, tokio::task::yield_now());
            if looked.is_err() {
                return false;
            }
        }
        self.used_at = now;
        !self.client.is_closed()
    }

    /// The prepared form of `sql` for parameters of these types.
    pub(crate) fn prepare(&mut self, sql: &str, params: &[Value]) -> Result<Statement, Failure> {
        let signature = signature(params);
        if let Some(found) = self.statements.get(sql).and_then(|variants| variants.get(&signature)) {
            return Ok(found.clone());
        }
        let types: Vec<_> = params.iter().map(type_of).collect();
        let translated = dialect::statement(sql);
        let Self { runtime, client, messages, answer_wait_max, .. } = self;
        let preparing = client.prepare_typed(&translated, &types);
        let prepared = drive(runtime, messages, *answer_wait_max, preparing)?;
        let prepared = prepared.map_err(|failure| classify(&failure, sql))?;
        // The server takes more types than there are placeholders without a word.
        let expected = dialect::placeholders(sql);
        if expected != params.len() {
            let message = format!("{expected} parameters expected, {} given", params.len());
            return Err(Failure::Refused(StoreError::Statement { sql: sql.to_owned(), message }));
        }
        if self.statements_kept >= STATEMENTS_KEPT {
            self.statements.clear();
            self.statements_kept = 0;
        }
        self.statements_kept += 1;
        self.statements.entry(sql.into()).or_default().insert(signature, prepared.clone());
        Ok(prepared)
    }

    /// Sends all requests and collects their answers, in order.
    ///
    /// The outer error is a lost connection or a server that did not answer in time.
    pub(crate) fn send(
        &mut self,
        requests: Vec<Request<'_>>,
    ) -> Result<Vec<Result<Answer, tokio_postgres::Error>>, Failure> {
        let mut answers = Vec::with_capacity(requests.len());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let Self { runtime, client, messages, answer_wait_max, .. } = self;
            let group: Vec<_> = requests
                .by_ref()
                .take(PIPELINED_MAX)
                .map(|request| Box::pin(answer(client, request)))
                .collect();
            answers.append(&mut drive(runtime, messages, *answer_wait_max, InOrder::new(group))?);
        }
        Ok(answers)
    }
}

async fn answer(client: &Client, request: Request<'_>) -> Result<Answer, tokio_postgres::Error> {
    match request {
        Request::Command(sql) => client.batch_execute(sql).await.map(|()| Answer::Done),
        Request::Change { statement, params } => {
            client.execute_raw(&statement, params).await.map(Answer::Changed)
        }
        Request::Query { statement, params } => {
            let rows = client.query_raw(&statement, params).await?;
            futures_util::pin_mut!(rows);
            let mut found = Vec::new();
            while let Some(row) = rows.next().await {
                found.push(row?);
            }
            Ok(Answer::Rows(found))
        }
    }
}

pub(crate) fn read_rows(rows: &[tokio_postgres::Row]) -> Result<Vec<Row>, StoreError> {
    rows.iter().map(read_row).collect()
}

/// Sorts a failure by the server's code (PostgreSQL documentation, appendix A).
pub(crate) fn classify(failure: &tokio_postgres::Error, sql: &str) -> Failure {
    let Some(answer) = failure.as_db_error() else {
        // Without an answer of the server it is either the connection or a value that cannot be sent.
        return Failure::Broken(unavailable(failure));
    };
    let code = answer.code();
    if is_last_word(failure) {
        return Failure::Broken(unavailable(failure));
    }
    match code.code().get(..2) {
        Some("08" | "53" | "57" | "58") if *code != SqlState::QUERY_CANCELED => {
            return Failure::Refused(unavailable(failure));
        }
        _ => {}
    }
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        return Failure::Conflict;
    }
    Failure::Refused(if *code == SqlState::QUERY_CANCELED {
        StoreError::TooSlow
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        StoreError::ReadOnly
    } else {
        StoreError::Statement { sql: sql.to_owned(), message: answer.message().to_owned() }
    })
}

/// Whether the server ended the connection with this.
pub(crate) fn is_last_word(failure: &tokio_postgres::Error) -> bool {
    failure
        .as_db_error()
        .is_none_or(|answer| matches!(answer.parsed_severity(), Some(Severity::Fatal | Severity::Panic)))
}

/// Runs `future` and the connection on this thread until the future ends.
fn drive<F: Future>(
    runtime: &Runtime,
    messages: &mut Messages,
    patience: Duration,
    future: F,
) -> Result<F::Output, Failure> {
    let mut future = std::pin::pin!(future);
    let both = poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(output);
        }
        receive(messages, context);
        // What was received may be the answer.
        future.as_mut().poll(context)
    });
    runtime.block_on(async { tokio::time::timeout(patience, both).await }).map_err(|_| {
        Failure::Broken(StoreError::Unavailable { reason: "PostgreSQL did not answer in time".to_owned() })
    })
}

/// Moves data in both directions until there is nothing left to do.
///
/// A connection that ended is dropped, which fails the requests that still wait for an answer; while it
/// exists they would wait until they are out of time.
fn receive(messages: &mut Messages, context: &mut Context<'_>) {
    while let Poll::Ready(message) = messages.poll_next_unpin(context) {
        match message {
            Some(Ok(AsyncMessage::Notice(notice))) => {
                tracing::debug!(notice = notice.message(), "PostgreSQL says");
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => *messages = Box::pin(stream::pending()),
        }
    }
}

/// Polls futures in their order, so that their requests are sent in that order.
struct InOrder<F: Future> {
    waiting: Vec<Option<Pin<Box<F>>>>,
    done: Vec<Option<F::Output>>,
}

impl<F: Future> InOrder<F> {
    fn new(futures: Vec<Pin<Box<F>>>) -> Self {
        let done = futures.iter().map(|_| None).collect();
        Self { waiting: futures.into_iter().map(Some).collect(), done }
    }
}

// No field is pinned in place: the futures are boxed.
impl<F: Future> Unpin for InOrder<F> {}

impl<F: Future> Future for InOrder<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiting, done } = &mut *self;
        for (slot, output) in waiting.iter_mut().zip(done.iter_mut()) {
            if let Some(future) = slot
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
                *slot = None;
            }
        }
        if waiting.iter().all(Option::is_none) {
            return Poll::Ready(done.drain(..).flatten().collect());
        }
        Poll::Pending
    }
}
