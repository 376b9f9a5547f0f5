//! Search for messages by their words, in what the caller may read.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use trunkline_chat_wire::users::ChatSearchResult;
use trunkline_kernel::ResourceId;
use trunkline_store::{StoreError, Tx};
use trunkline_web::{ApiError, Context, Reply};

use super::load_shown;
use crate::api::caller;
use crate::convert::users::{Shown, user_message};
use crate::error::ChatError;
use crate::rows::search::{self, Phrase};
use crate::rows::{PersonNumber, ThreadNumber, messages, people};
use crate::rules::access::{self, Caller, Wanted};
use crate::rules::threads::check_id;
use crate::{ChatService, convert};

/// Messages on a page.
const PAGE_MAX: u32 = 50;
/// Threads that are looked in, those that changed last: each is a list in the index that is read.
const THREADS_MAX: u32 = 1000;
/// Messages with the words that are looked at together.
const CANDIDATES_AT_ONCE: u32 = 500;
/// Messages with the words that one request looks at; the next page goes on behind them.
const CANDIDATES_MAX: u32 = 10_000;

/// What is looked for, and where.
struct Search {
    resource: ResourceId,
    caller: Caller,
    /// The id of the only thread to look in.
    thread: Option<String>,
    phrases: Vec<Phrase>,
    /// The raw id of the only sender.
    from: Option<String>,
    wanted: search::Wanted,
}

/// Where a page starts: below this message's number.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct SearchFrom {
    before: i64,
}

/// Messages with the ids of their threads, and where the next page starts.
type Found = (Vec<(Shown, String)>, Option<SearchFrom>);

pub(super) async fn chat_users_search(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    if !service.settings.search {
        return Err(ApiError::not_found("Messages are not searched on this server (chat.search)."));
    }
    let page_size = context.page_size_of(PAGE_MAX)?;
    let resource = context.resource().id;
    let thread = context.query("thread").map(str::to_owned);
    if let Some(thread) = &thread {
        check_id(thread)?;
    }
    let search = Search {
        resource,
        caller: caller(&service, &context).await?,
        thread,
        phrases: service.keyed_query(resource, context.query("q").unwrap_or_default())?,
        from: context.query("from").map(str::to_owned),
        wanted: search::Wanted {
            from: None,
            before: context.time_query("before")?,
            after: context.time_query("after")?,
        },
    };
    let from = context.continuation()?.unwrap_or(SearchFrom { before: i64::MAX });
    let (found, next): Found = service.store.read(move |tx| search.page(tx, from, page_size)).await?;
    let page = context.page(found, next.as_ref()).map(|(shown, thread)| ChatSearchResult {
        message: user_message(&shown, &convert::thread_url(&context, &thread)),
        chat_thread_id: thread,
    });
    Ok(Reply::json(StatusCode::OK, &page))
}

impl Search {
    /// One page. Whatever the index finds is looked at again in the rows: there stands who sees it.
    fn page(&self, tx: &mut Tx<'_>, from: SearchFrom, page_size: u32) -> Result<Found, ChatError> {
        let mut wanted = self.wanted;
        if let Some(raw_id) = &self.from {
            let Some(sender) = people::find_person(tx, self.resource, raw_id)? else {
                return Ok((Vec::new(), None));
            };
            wanted.from = Some(sender);
        }
        let threads = self.threads(tx)?;
        let person = self.caller.person;
        let mut visible: Vec<(i64, String)> = Vec::new();
        let (mut before, mut looked_at) = (from.before, 0);
        let wanted_count = page_size.saturating_add(1) as usize;
        let next = loop {
            let candidates =
                search::list_candidates(tx, &threads, &self.phrases, before, CANDIDATES_AT_ONCE)?;
            let missing = u32::try_from(wanted_count - visible.len()).unwrap_or(u32::MAX);
            visible.extend(search::list_visible(tx, person, &candidates, &wanted, missing)?);
            if visible.len() == wanted_count {
                visible.pop();
                break visible.last().map(|(number, _)| *number);
            }
            looked_at += CANDIDATES_AT_ONCE;
            match candidates.last() {
                Some(last) if candidates.len() == CANDIDATES_AT_ONCE as usize => before = *last,
                _ => break None,
            }
            if looked_at >= CANDIDATES_MAX {
                break Some(before);
            }
        };
        Ok((load_found(tx, visible, person)?, next.map(|before| SearchFrom { before })))
    }

    fn threads(&self, tx: &mut Tx<'_>) -> Result<Vec<ThreadNumber>, ChatError> {
        match &self.thread {
            None => Ok(search::list_own_threads(tx, self.caller.person, THREADS_MAX)?),
            Some(id) => {
                let (view, _) = access::enter(tx, self.resource, id, &self.caller, Wanted::Read)?;
                Ok(vec![view.number])
            }
        }
    }
}

fn load_found(
    tx: &mut Tx<'_>,
    visible: Vec<(i64, String)>,
    person: PersonNumber,
) -> Result<Vec<(Shown, String)>, StoreError> {
    let numbers: Vec<i64> = visible.iter().map(|(number, _)| *number).collect();
    let rows = messages::list_by_number(tx, &numbers)?;
    // One transaction read both, in the same order.
    let threads = visible.into_iter().map(|(_, thread)| thread);
    Ok(load_shown(tx, rows, person)?.into_iter().zip(threads).collect())
}
