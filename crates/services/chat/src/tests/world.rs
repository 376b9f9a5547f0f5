//! A chat service over a store of its own, without the pipeline: for what happens below the handlers.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock as _, ResourceId, Secret, Timestamp};
use trunkline_store::blobs::{BlobPlace, Blobs, SIZE_BYTES_MAX};
use trunkline_store::jobs::{JobRunner, RetryPolicy};
use trunkline_store::{Event, Key, StoreError, Tx, params};
use trunkline_tasks::Tasks;
use trunkline_testkit::TestStore;
use trunkline_web::ports::{FindUsers, HeldToken, PortFuture};
use uuid::Uuid;

use crate::changes::{self, Committed, Edit, NewMember, NewMessage, NewThread, ThreadUpdate};
use crate::error::ChatError;
use crate::metrics::Metrics;
use crate::rows::{self, MemberRow, MessageKind, MessageRow, MessagesFrom, ThreadRow};
use crate::rules::access::{self, Caller, Wanted};
use crate::rules::threads::{key, new_id};
use crate::{ChatService, ERASE_JOB, Parts, RETENTION_JOB, SLICE, Settings};

/// The tables a test of this crate needs.
pub(super) const SLICES: &[trunkline_store::Slice] = &[SLICE, trunkline_web::SLICE];

/// The resource of every test.
pub(super) const RESOURCE: ResourceId = ResourceId(Uuid::from_u128(0x2dee_53b4));

/// Everybody is a user of every resource.
struct Everybody;

impl FindUsers for Everybody {
    fn known(&self, _: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(async move { Ok(vec![true; raw_ids.len()]) })
    }

    fn still_good(&self, _: ResourceId, tokens: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(async move { Ok(vec![true; tokens.len()]) })
    }
}

/// A service and its store.
pub(super) struct World {
    pub(super) test: TestStore,
    pub(super) chat: Arc<ChatService>,
}

/// The raw id of a user of the test's resource.
pub(super) fn raw_id(name: &str) -> Arc<str> {
    format!("8:acs:{RESOURCE}_{name}").into()
}

/// Somebody to be added, with a name and all history.
pub(super) fn member(name: &str) -> NewMember {
    NewMember {
        raw_id: raw_id(name),
        name: Some(format!("{name}'s name")),
        metadata: None,
        share_history_at: Timestamp::from_micros(0),
    }
}

impl World {
    pub(super) async fn open(test: TestStore) -> Self {
        let place = match test.folder() {
            Some(folder) => BlobPlace::Folder(folder.join("blobs")),
            None => BlobPlace::Memory,
        };
        let parts = Parts {
            store: test.store().clone(),
            clock: Arc::clone(test.clock()) as _,
            entropy: Arc::clone(test.entropy()) as _,
            blobs: Blobs::open(&place, SIZE_BYTES_MAX).expect("a place for blobs"),
            users: Arc::new(Everybody),
            tasks: Tasks::new(),
            node: "one".to_owned(),
            settings: Settings::of(LimitSet::Generous),
            secret: Secret::new(vec![7; 32]),
            metrics: Metrics::register(&mut Registry::default()),
        };
        let chat = ChatService::open(parts).await.expect("the service opens");
        Self { test, chat }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.test.clock().now()
    }

    pub(super) fn tick(&self) {
        self.test.clock().advance(Duration::from_millis(10));
    }

    pub(super) async fn caller(&self, name: &str) -> Caller {
        self.chat.caller(RESOURCE, &raw_id(name)).await.expect("a caller")
    }

    /// A thread of `names`, made by the first.
    pub(super) async fn thread(&self, topic: &str, names: &[&str]) -> ThreadRow {
        self.thread_kept_for(topic, names, None).await
    }

    pub(super) async fn thread_kept_for(
        &self,
        topic: &str,
        names: &[&str],
        retention_days: Option<u32>,
    ) -> ThreadRow {
        let new = NewThread {
            resource: RESOURCE,
            id: new_id(&**self.test.entropy()).into(),
            topic: topic.to_owned(),
            metadata: "{}".to_owned(),
            retention_days,
            creator_raw: raw_id(names[0]),
            members: names.iter().map(|name| member(name)).collect(),
        };
        let now = self.now();
        let made: (ThreadRow, Vec<Committed>) = self
            .test
            .write(key(RESOURCE, &new.id), move |tx| changes::create_thread(tx, &new, now))
            .await
            .expect("the thread is made");
        made.0
    }

    /// Does something in a thread as somebody.
    pub(super) async fn act<T, F>(&self, thread: &str, name: &str, act: F) -> Result<T, ChatError>
    where
        F: Fn(&mut Tx<'_>, &mut rows::ThreadView, &Caller, Timestamp) -> Result<T, ChatError>
            + Send
            + Sync
            + 'static,
        T: Send + 'static,
    {
        let (caller, thread, now) = (self.caller(name).await, thread.to_owned(), self.now());
        self.test
            .write(key(RESOURCE, &thread), move |tx| {
                let (mut view, _) = access::enter(tx, RESOURCE, &thread, &caller, Wanted::Write)?;
                act(tx, &mut view, &caller, now)
            })
            .await
    }

    pub(super) async fn send(&self, thread: &str, name: &str, body: &str) -> Arc<MessageRow> {
        self.try_send(thread, name, body, &[]).await.expect("the message is sent").0
    }

    pub(super) async fn try_send(
        &self,
        thread: &str,
        name: &str,
        body: &str,
        images: &[&str],
    ) -> Result<(Arc<MessageRow>, Committed), ChatError> {
        let words = self.chat.keyed_words(RESOURCE, body);
        let images: Vec<String> = images.iter().map(|id| (*id).to_owned()).collect();
        let (body, sender_name) = (body.to_owned(), format!("{name}'s name"));
        self.act(thread, name, move |tx, view, caller, now| {
            let new = NewMessage {
                kind: MessageKind::Text,
                sender: caller.person,
                sender_raw: Arc::clone(&caller.raw_id),
                sender_name: sender_name.clone(),
                body: body.clone(),
                metadata: "{}".to_owned(),
                images: images.clone(),
                reply_to: None,
                mentions: String::new(),
                client_id: String::new(),
                words: words.clone(),
            };
            changes::send_message(tx, view, &new, now)
        })
        .await
    }

    pub(super) async fn edit(&self, thread: &str, name: &str, id: i64, body: &str) -> Arc<MessageRow> {
        self.try_edit(thread, name, id, body).await.expect("the message is edited").0
    }

    pub(super) async fn try_edit(
        &self,
        thread: &str,
        name: &str,
        id: i64,
        body: &str,
    ) -> Result<(Arc<MessageRow>, Committed), ChatError> {
        let edit = Edit {
            body: Some(body.to_owned()),
            words: self.chat.keyed_words(RESOURCE, body),
            ..Edit::default()
        };
        self.act(thread, name, move |tx, view, _, now| {
            let message = rows::find_message(tx, view.number, id)?.ok_or(ChatError::MessageNotFound)?;
            changes::edit_message(tx, view, &message, &edit, now)
        })
        .await
    }

    pub(super) async fn delete(&self, thread: &str, name: &str, id: i64) -> Option<Committed> {
        self.act(thread, name, move |tx, view, _, now| {
            let message = rows::find_message(tx, view.number, id)?.ok_or(ChatError::MessageNotFound)?;
            Ok(changes::delete_message(tx, view, &message, now)?.map(|(_, committed)| committed))
        })
        .await
        .expect("the message is deleted")
    }

    pub(super) async fn add(&self, thread: &str, by: &str, names: &[&str]) -> Option<Committed> {
        let members: Vec<NewMember> = names.iter().map(|name| member(name)).collect();
        self.act(thread, by, move |tx, view, caller, now| {
            changes::add_participants(tx, view, caller, &members, 1000, now)
        })
        .await
        .expect("they are added")
    }

    pub(super) async fn remove(&self, thread: &str, by: &str, name: &str) -> Option<Committed> {
        let raw_id = raw_id(name);
        self.act(thread, by, move |tx, view, caller, now| {
            changes::remove_participant(tx, view, caller, &raw_id, now)
        })
        .await
        .expect("they are removed")
    }

    pub(super) async fn update(&self, thread: &str, by: &str, update: ThreadUpdate) -> Committed {
        self.act(thread, by, move |tx, view, caller, now| {
            changes::update_thread(tx, view, caller, &update, now)
        })
        .await
        .expect("the thread is changed")
    }

    pub(super) async fn delete_thread(&self, thread: &str, by: &str) -> Committed {
        self.act(thread, by, |tx, view, caller, now| changes::delete_thread(tx, view, Some(caller), now))
            .await
            .expect("the thread is deleted")
    }

    pub(super) async fn read_up_to(&self, thread: &str, name: &str, id: i64) -> Option<Committed> {
        self.act(thread, name, move |tx, view, caller, now| {
            let message = rows::find_message(tx, view.number, id)?.ok_or(ChatError::MessageNotFound)?;
            changes::send_receipt(tx, view, caller, &message, now)
        })
        .await
        .expect("the receipt is taken")
    }

    /// One page of messages as somebody sees them.
    pub(super) async fn page(
        &self,
        thread: &str,
        name: &str,
        from: &MessagesFrom,
        limit: u32,
    ) -> Result<(Vec<MessageRow>, Option<MessagesFrom>), ChatError> {
        let (caller, thread, from) = (self.caller(name).await, thread.to_owned(), from.clone());
        self.test
            .read(move |tx| {
                let (view, window) = access::enter(tx, RESOURCE, &thread, &caller, Wanted::Read)?;
                Ok(rows::list_messages(tx, view.number, &window, &from, limit)?)
            })
            .await
    }

    /// All messages as somebody sees them.
    pub(super) async fn messages(&self, thread: &str, name: &str) -> Vec<MessageRow> {
        let (messages, next) =
            self.page(thread, name, &MessagesFrom::default(), 10_000).await.expect("a list");
        assert!(next.is_none());
        messages
    }

    pub(super) async fn members(&self, thread: &ThreadRow) -> Vec<MemberRow> {
        let number = thread.number;
        self.test
            .read(move |tx| {
                Ok::<_, ChatError>(rows::list_members(
                    tx,
                    number,
                    rows::members::MembersFrom::default(),
                    10_000,
                )?)
            })
            .await
            .expect("a list")
    }

    /// What can still be told of a thread since a change.
    pub(super) async fn log(&self, thread: &ThreadRow, after: i64) -> Vec<Committed> {
        let number = thread.number;
        self.test
            .read(move |tx| Ok::<_, ChatError>(rows::changes_since(tx, number, after, 10_000)?))
            .await
            .expect("a log")
    }

    /// The events of chat in the outbox.
    pub(super) async fn events(&self) -> Vec<Event> {
        let rows = |tx: &mut Tx<'_>| {
            let rows = tx.query_all(
                "SELECT id, resource, kind, subject, payload, created_at FROM outbox ORDER BY id",
                &[],
            )?;
            rows.iter()
                .map(|row| {
                    Ok(Event {
                        sequence: row.get(0)?,
                        resource: row.get(1)?,
                        kind: row.get(2)?,
                        subject: row.get(3)?,
                        payload: row.get(4)?,
                        created_at: row.get(5)?,
                    })
                })
                .collect::<Result<Vec<_>, ChatError>>()
        };
        self.test.read(rows).await.expect("events")
    }

    /// Changes rows behind the service's back.
    pub(super) async fn act_on_rows<F>(&self, act: F)
    where
        F: Fn(&mut Tx<'_>) -> Result<u64, StoreError> + Send + Sync + 'static,
    {
        self.test.write(Key::system("test"), act).await.expect("rows are changed");
    }

    /// How many rows a table has.
    pub(super) async fn count(&self, table: &'static str) -> i64 {
        self.test
            .read(move |tx| {
                Ok::<i64, ChatError>(
                    tx.query_one(&format!("SELECT COUNT(*) FROM {table}"), params![])?.get(0)?,
                )
            })
            .await
            .expect("a count")
    }

    /// Runs the jobs that are due, and those that these make due, to their end.
    pub(super) async fn run_jobs(&self) {
        let runner = self.runner();
        while runner.run_due().await.expect("jobs run") > 0 {}
        assert_eq!(self.count("jobs WHERE failed_at IS NOT NULL OR attempts > 0").await, 0, "a job failed");
    }

    /// A runner of chat's jobs.
    pub(super) fn runner(&self) -> JobRunner {
        let (erase, retain) = (Arc::clone(&self.chat), Arc::clone(&self.chat));
        let retry = RetryPolicy::default();
        JobRunner::new(self.test.store().clone())
            .handle(ERASE_JOB, retry, move |job| {
                let chat = Arc::clone(&erase);
                async move { chat.run_erasure(job).await }
            })
            .handle(RETENTION_JOB, retry, move |job| {
                let chat = Arc::clone(&retain);
                async move { chat.run_retention(job).await }
            })
    }
}
