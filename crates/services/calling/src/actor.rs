//! Calls as they run: one actor each.
//!
//! ```text
//! sessions ──► registry ──► mailbox ─┐
//! media thread ──► events ───────────┼─► actor ── one step at a time:
//! timers ────────────────────────────┘     rules, media's answer, rows, reply, notices, timers
//! ```
//!
//! A request is tried on a copy of the call first: one that is refused, whose media is refused or whose rows cannot be
//! written has changed nothing.

pub(crate) mod asks;
mod effects;
mod live;
pub(crate) mod media;
pub(crate) mod notices;
mod outside;
mod records;
mod requests;
mod run;
mod saving;
#[cfg(test)]
mod tests;
mod timers;

use std::sync::Arc;

use tokio::sync::mpsc;
use trunkline_calling_wire::{CustomContext, Joined};
use trunkline_web::ResourceView;

use crate::error::CallingError;
use crate::rows::owners::Lease;
use crate::rules::{Input, LegId};
use asks::{Answer, Caller, Doing, Done, JoinCall, RejoinCall, StartCall, TakeCall};

pub(crate) use live::Live;
pub(crate) use run::{Actor, Begin};

/// Mail that may wait for one call: all of a large call at once, three times over. What comes beyond it is refused.
const MAILBOX_MAX: usize = 1_024;

/// What is true of a call from its beginning, and is no matter of rules.
#[derive(Clone, Debug)]
pub(crate) struct CallFacts {
    /// Whose call it is.
    pub(crate) resource: Arc<ResourceView>,
    /// What this node has the resource by.
    pub(crate) lease: Lease,
    /// The call's id, as clients have it.
    pub(crate) id: Arc<str>,
    /// The call's id, as other interfaces have it.
    pub(crate) server_call_id: Arc<str>,
    /// Ties together everything about the call.
    pub(crate) correlation_id: Arc<str>,
    /// What the application gave along.
    pub(crate) custom_context: Option<CustomContext>,
}

/// What comes to a call.
pub(crate) enum Mail {
    /// Begins it.
    Start { caller: Caller, ask: StartCall, answer: Answer<Joined> },
    /// Somebody joins it, or begins it by that.
    Join { caller: Caller, ask: JoinCall, answer: Answer<Joined> },
    /// A device takes it.
    Take { caller: Caller, leg: LegId, ask: TakeCall, answer: Answer<Joined> },
    /// A leg comes back.
    Rejoin { caller: Caller, leg: LegId, ask: RejoinCall, answer: Answer<Joined> },
    /// A leg asks for something.
    Ask { caller: Caller, leg: LegId, doing: Doing, answer: Answer<Done> },
    /// Something happens to it.
    News(Input),
    /// It runs on elsewhere: nothing of it is written here any more.
    Stop,
    /// Its task panics.
    #[cfg(test)]
    Panic,
}

impl Mail {
    /// Refuses a request; news are dropped.
    pub(crate) fn refuse(self, why: CallingError) {
        match self {
            Self::Start { answer, .. }
            | Self::Join { answer, .. }
            | Self::Take { answer, .. }
            | Self::Rejoin { answer, .. } => answer(Err(why)),
            Self::Ask { answer, .. } => answer(Err(why)),
            Self::News(_) | Self::Stop => {}
            #[cfg(test)]
            Self::Panic => {}
        }
    }
}

/// The way to a running call. Clones lead to the same one.
#[derive(Clone, Debug)]
pub(crate) struct CallHandle {
    pub(crate) id: Arc<str>,
    mailbox: mpsc::Sender<Mail>,
}

impl CallHandle {
    pub(crate) fn new(id: Arc<str>) -> (Self, mpsc::Receiver<Mail>) {
        let (mailbox, mails) = mpsc::channel(MAILBOX_MAX);
        (Self { id, mailbox }, mails)
    }

    /// Whether both lead to the same call.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.mailbox.same_channel(&other.mailbox)
    }

    /// Puts `mail` into the mailbox.
    ///
    /// **Errors**: the mail, when the mailbox is full or the call is over.
    pub(crate) fn send(&self, mail: Mail) -> Result<(), (Box<Mail>, Full)> {
        self.mailbox.try_send(mail).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(mail) => (Box::new(mail), Full::ForNow),
            mpsc::error::TrySendError::Closed(mail) => (Box::new(mail), Full::Over),
        })
    }

    /// Puts `mail` into the mailbox when there is room: for what must not be lost.
    pub(crate) async fn send_patiently(&self, mail: Mail) {
        // A call that is over needs no news.
        let _ = self.mailbox.send(mail).await;
    }
}

/// Why a mailbox takes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Full {
    /// Too much waits in it.
    ForNow,
    /// The call is over.
    Over,
}
