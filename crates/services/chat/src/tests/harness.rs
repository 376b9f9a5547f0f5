//! The service behind the whole pipeline, with two resources and users that exist only in memory.
//!
//! Users have numbers: user 1 of `dev` is `8:acs:DEV_…1`, and calls with a token that says so.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use trunkline_kernel::identifier::Identifier;
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock as _, ResourceId, Secret, Timestamp};
use trunkline_store::blobs::{BlobPlace, Blobs, SIZE_BYTES_MAX};
use trunkline_store::{Slice, StoreError, params};
use trunkline_tasks::Tasks;
use trunkline_testkit::{
    Answer, Call, FixedDirectory, FixedOperators, FixedResources, TestApp, TestStore, app,
};
use trunkline_web::context::encode;
use trunkline_web::ports::{FindUsers, HeldToken, PortFuture, VerifyBearer};
use trunkline_web::{ApiError, Principal, ResourceView};
use uuid::Uuid;

use crate::{ChatService, Metrics, Parts, Settings};

pub(super) const SLICES: &[Slice] = &[trunkline_web::SLICE, crate::SLICE];

/// The api-version of ordinary calls.
pub(super) const VERSION: &str = "2025-03-15";

/// The creator of threads in tests, and others.
pub(super) const ADA: u32 = 1;
pub(super) const BOB: u32 = 2;
pub(super) const EVE: u32 = 3;

/// The raw id of a user of the resource whose id follows from `resource`.
pub(super) fn raw_id_in(resource: u128, number: u32) -> String {
    let user = Uuid::from_u128((4 << 76) | (8 << 60) | u128::from(number));
    Identifier::acs_user(ResourceId(Uuid::from_u128(resource)), user).raw_id()
}

/// The raw id of a user of `dev`.
pub(super) fn raw_id(number: u32) -> String {
    raw_id_in(1, number)
}

/// The identifier of a user of `dev`, as replies have it.
pub(super) fn identifier(number: u32) -> Value {
    json!({ "rawId": raw_id(number), "communicationUser": { "id": raw_id(number) } })
}

/// A participant as requests have it.
pub(super) fn participant(number: u32) -> Value {
    json!({ "communicationIdentifier": { "communicationUser": { "id": raw_id(number) } } })
}

/// A token of that user with those scopes.
pub(super) fn token(raw_id: &str, scopes: &str) -> String {
    format!("user~{scopes}~{raw_id}")
}

/// Users and their tokens. Users 1 to 99 of both resources are there.
#[derive(Debug)]
pub(super) struct FakeUsers {
    users: Mutex<BTreeSet<String>>,
    /// Users whose first generation of tokens ended.
    revoked: Mutex<BTreeSet<String>>,
    /// Whether the access key that tokens are made with was replaced.
    has_new_key: AtomicBool,
    /// When tokens end.
    pub(super) expires: Mutex<Timestamp>,
}

impl Default for FakeUsers {
    fn default() -> Self {
        let of = |resource| (1..100).map(move |number| raw_id_in(resource, number));
        Self {
            users: Mutex::new(of(1).chain(of(2)).collect()),
            revoked: Mutex::default(),
            has_new_key: AtomicBool::new(false),
            expires: Mutex::new(Timestamp::from_seconds(i64::from(u32::MAX))),
        }
    }
}

impl FakeUsers {
    /// Adds one more.
    pub(super) fn add(&self, raw_id: &str) {
        self.users.lock().unwrap().insert(raw_id.to_owned());
    }

    /// Revokes the tokens of a user, and tells nobody.
    pub(super) fn revoke(&self, raw_id: &str) {
        self.revoked.lock().unwrap().insert(raw_id.to_owned());
    }

    /// Replaces the access key behind all tokens, and tells nobody.
    pub(super) fn replace_key(&self) {
        self.has_new_key.store(true, Ordering::Release);
    }

    fn generation(&self, raw_id: &str) -> i64 {
        if self.revoked.lock().unwrap().contains(raw_id) { 2 } else { 1 }
    }

    fn key(&self) -> &'static str {
        if self.has_new_key.load(Ordering::Acquire) { "primary:2" } else { "primary:1" }
    }
}

impl FindUsers for FakeUsers {
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        let users = self.users.lock().unwrap();
        let is_user = |raw_id: &String| {
            let is_foreign =
                Identifier::parse(raw_id).as_acs_user().is_some_and(|(owner, _)| owner != resource);
            !is_foreign && users.contains(raw_id)
        };
        let known = raw_ids.iter().map(is_user).collect();
        Box::pin(async move { Ok(known) })
    }

    fn still_good(&self, _: ResourceId, tokens: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>> {
        let is_good = |token: &HeldToken| {
            token.generation == self.generation(&token.raw_id)
                && token.access_key.as_deref().is_none_or(|key| key == self.key())
        };
        let good = tokens.iter().map(is_good).collect();
        Box::pin(async move { Ok(good) })
    }
}

impl VerifyBearer for FakeUsers {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        resource: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        let principal = (|| {
            let Some((scopes, raw_id)) = token.strip_prefix("user~").and_then(|rest| rest.split_once('~'))
            else {
                return Ok(None);
            };
            let owner = Identifier::parse(raw_id).as_acs_user().map(|(owner, _)| owner);
            if owner.is_some_and(|owner| resource.is_none_or(|resource| resource.id != owner)) {
                return Err(ApiError::denied("TokenOfAnotherResource", "The token is of another resource."));
            }
            Ok(Some(Principal::User {
                raw_id: raw_id.into(),
                scopes: scopes.split(',').map(str::to_owned).collect(),
                expires: *self.expires.lock().unwrap(),
                generation: self.generation(raw_id),
                access_key: Some(self.key().into()),
            }))
        })();
        Box::pin(async move { principal })
    }
}

/// The service and what surrounds it.
pub(super) struct World {
    pub(super) app: Arc<TestApp>,
    pub(super) chat: Arc<ChatService>,
    pub(super) users: Arc<FakeUsers>,
    pub(super) resources: Arc<FixedResources>,
}

impl World {
    pub(super) async fn new(store: TestStore) -> Self {
        Self::with(store, LimitSet::Generous, |_| ()).await
    }

    /// With a set of limits, and settings that `change` changes.
    pub(super) async fn with(store: TestStore, limits: LimitSet, change: impl FnOnce(&mut Settings)) -> Self {
        let users = Arc::new(FakeUsers::default());
        let mut settings = Settings::of(limits);
        change(&mut settings);
        let chat = ChatService::open(Parts {
            store: store.store().clone(),
            clock: Arc::clone(store.clock()) as _,
            entropy: Arc::clone(store.entropy()) as _,
            blobs: Blobs::open(&BlobPlace::Memory, SIZE_BYTES_MAX).expect("memory takes blobs"),
            users: Arc::clone(&users) as _,
            tasks: Tasks::new(),
            node: "node-1".to_owned(),
            settings,
            secret: Secret::new(vec![9; 32]),
            metrics: Metrics::default(),
        })
        .await
        .expect("a new database takes the service");
        let resources = Arc::new(FixedResources::default());
        let app = Arc::new(TestApp::new(
            store,
            chat.routes(),
            Arc::clone(&resources) as _,
            vec![Arc::clone(&users) as _, Arc::new(FixedOperators), Arc::new(FixedDirectory)],
            app::settings(limits),
        ));
        Self { app, chat, users, resources }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    /// The time in milliseconds, as message ids have it.
    pub(super) fn now_ms(&self) -> i64 {
        self.now().as_micros() / 1000
    }

    pub(super) fn advance_ms(&self, milliseconds: u64) {
        self.app.clock().advance(std::time::Duration::from_millis(milliseconds));
    }

    /// Calls as the user `number` of `dev` with the scope `chat`.
    pub(super) async fn call(&self, number: u32, call: Call) -> Answer {
        self.app.call(call.bearer(&token(&raw_id(number), "chat"))).await
    }

    /// A thread made by `creator` with some others; a second passes.
    pub(super) async fn thread(&self, creator: u32, others: &[u32]) -> String {
        let people: Vec<Value> = others.iter().map(|number| participant(*number)).collect();
        let body = json!({ "topic": "Lunch", "participants": people });
        let made = self.call(creator, Call::post(threads()).json(&body)).await.expect(201);
        self.advance_ms(1000);
        text(&made.body["chatThread"]["id"])
    }

    /// Sends a text; a second passes. Returns the id of the message.
    pub(super) async fn send(&self, number: u32, thread: &str, content: &str) -> String {
        let body = json!({ "content": content });
        let sent = self.call(number, Call::post(at(thread, "/messages")).json(&body)).await.expect(201);
        self.advance_ms(1000);
        text(&sent.body["id"])
    }

    /// Reacts to a message.
    pub(super) async fn react(&self, number: u32, thread: &str, id: &str, emoji: &str) {
        let path = own(thread, &format!("/messages/{id}/reactions/{}", encode(emoji)));
        self.call(number, Call::new("PUT", path)).await.expect(204);
    }

    /// Adds somebody, who sees messages since `share_history` (RFC 3339).
    pub(super) async fn add(&self, by: u32, thread: &str, number: u32, share_history: &str) {
        let mut added = participant(number);
        added["shareHistoryTime"] = json!(share_history);
        let call = Call::post(at(thread, "/participants/:add")).json(&json!({ "participants": [added] }));
        assert_eq!(self.call(by, call).await.expect(201).body, json!({}));
        self.advance_ms(1000);
    }

    /// Removes somebody; a second passes.
    pub(super) async fn remove(&self, by: u32, thread: &str, number: u32) {
        let call = Call::post(at(thread, "/participants/:remove")).json(&identifier(number));
        self.call(by, call).await.expect(204);
        self.advance_ms(1000);
    }

    /// The messages `number` sees, newest first.
    pub(super) async fn messages(&self, number: u32, thread: &str) -> Vec<Value> {
        let answer = self.call(number, Call::get(at(thread, "/messages"))).await.expect(200);
        answer.body["value"].as_array().expect("a page").clone()
    }

    /// One message as `number` sees it.
    pub(super) async fn message(&self, number: u32, thread: &str, id: &str) -> Value {
        self.call(number, Call::get(at(thread, &format!("/messages/{id}")))).await.expect(200).body
    }

    /// The participants of a thread.
    pub(super) async fn participants(&self, number: u32, thread: &str) -> Vec<Value> {
        let answer = self.call(number, Call::get(at(thread, "/participants"))).await.expect(200);
        answer.body["value"].as_array().expect("a page").clone()
    }

    /// The kinds of the events so far, oldest first.
    pub(super) async fn event_kinds(&self) -> Vec<String> {
        self.app.events().await.iter().map(|event| text(&event["kind"])).collect()
    }

    /// What the ledger counted: operation, meter, quantity.
    pub(super) async fn usage(&self) -> Vec<(String, String, i64)> {
        let sql = "SELECT operation, meter, CAST(SUM(quantity) AS INTEGER) FROM web_usage
             GROUP BY operation, meter ORDER BY operation, meter";
        let read: Result<_, StoreError> = self
            .app
            .store
            .read(move |tx| {
                tx.query_all(sql, params![])?
                    .iter()
                    .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .collect()
            })
            .await;
        read.expect("usage can be read")
    }

    /// Nobody but participants with one of `scopes` gets anywhere with `call`, which is about `thread` of
    /// [`ADA`]'s and leaves no trace when it is refused.
    pub(super) async fn refuses_others(&self, call: &Call, scopes: &[&str]) {
        let events = self.app.events().await;
        let ask = |call: Call| self.app.call(call);
        ask(call.clone()).await.expect_denied("CredentialsMissing");
        for scope in ["chat", "chat.join", "chat.join.limited", "voip"] {
            let is_enough = scopes.contains(&scope);
            let stranger = ask(call.clone().bearer(&token(&raw_id(98), scope))).await;
            stranger.expect_error(403, "Forbidden");
            if !is_enough {
                ask(call.clone().bearer(&token(&raw_id(ADA), scope))).await.expect_error(403, "Forbidden");
            }
        }
        ask(call.clone().bearer("owner")).await.expect_error(403, "Forbidden");
        let foreign = call.clone().host(app::OTHER_HOST);
        let own_token = token(&raw_id(ADA), "chat");
        ask(foreign.clone().bearer(&own_token)).await.expect_denied("TokenOfAnotherResource");
        let their_token = token(&raw_id_in(2, ADA), "chat");
        ask(foreign.bearer(&their_token)).await.expect_error(404, "NotFound");
        assert_eq!(self.app.events().await, events);
    }

    /// Only users of the resource with a scope of chat get anywhere with `call`, which names no thread.
    pub(super) async fn refuses_callers(&self, call: &Call) {
        let ask = |call: Call| self.app.call(call);
        ask(call.clone()).await.expect_denied("CredentialsMissing");
        ask(call.clone().bearer(&token(&raw_id(ADA), "voip"))).await.expect_error(403, "Forbidden");
        ask(call.clone().bearer("owner")).await.expect_error(403, "Forbidden");
        let key = self.resources.key("dev", trunkline_web::KeySlot::Primary);
        ask(call.clone().signed(&key)).await.expect_error(403, "Forbidden");
        let foreign = call.clone().host(app::OTHER_HOST).bearer(&token(&raw_id(ADA), "chat"));
        ask(foreign).await.expect_denied("TokenOfAnotherResource");
        for scope in ["chat", "chat.join", "chat.join.limited"] {
            let answer = ask(call.clone().bearer(&token(&raw_id(ADA), scope))).await;
            assert!(answer.status < 300, "{scope}: {}", answer.body);
        }
    }
}

/// What is behind the address of a thread for operations beyond the published ones.
pub(super) fn own(thread: &str, rest: &str) -> String {
    format!("/trunkline/chat/threads/{}{rest}", encode(thread))
}

/// The collection of threads.
pub(super) fn threads() -> String {
    format!("/chat/threads?api-version={VERSION}")
}

/// What is behind the address of a thread.
pub(super) fn at(thread: &str, rest: &str) -> String {
    format!("/chat/threads/{}{rest}?api-version={VERSION}", encode(thread))
}

/// The absolute address of a thread.
pub(super) fn url(thread: &str) -> String {
    format!("{}/chat/threads/{}", app::ORIGIN, encode(thread))
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// A date as replies have it.
pub(super) fn date(time: Timestamp) -> String {
    trunkline_chat_wire::Date(time).to_text()
}

/// The path of a `nextLink`.
pub(super) fn next(answer: &Answer) -> Option<String> {
    let link = answer.body["nextLink"].as_str()?;
    Some(link.strip_prefix(app::ORIGIN).expect("links are absolute").to_owned())
}
