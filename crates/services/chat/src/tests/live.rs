//! The service with its hub running and a listener in front, and clients that behave as the SDK does.

use std::time::Duration;

use serde_json::Value;
use trunkline_tasks::Tasks;
use trunkline_testkit::TestStore;
use trunkline_testkit::realtime::{ChatClient, Notification, Options, Origin, Transport, listen};

use super::harness::{World, raw_id, token};
use crate::Settings;

/// How long a test waits for what must happen. Long: the machine may be busy.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
/// How long nothing comes when nothing will: longer than any wait of the hub.
pub(super) const SILENCE: Duration = Duration::from_millis(400);

/// A running service.
pub(super) struct Live {
    pub(super) world: World,
    pub(super) origin: Origin,
    pub(super) tasks: Tasks,
}

impl Live {
    pub(super) async fn new(store: TestStore) -> Self {
        Self::with(store, |_| ()).await
    }

    pub(super) async fn with(store: TestStore, change: impl FnOnce(&mut Settings)) -> Self {
        let world = World::with(store, trunkline_kernel::limits::LimitSet::Generous, change).await;
        let tasks = world.chat.tasks.clone();
        tasks.spawn("chat", std::sync::Arc::clone(&world.chat).run(tasks.shutdown()));
        let origin = listen(&world.app, &tasks).await;
        Self { world, origin, tasks }
    }

    pub(super) fn options(&self, number: u32, epid: &str) -> Options {
        let token = token(&raw_id(number), "chat");
        Options { pause: Duration::from_millis(10), ..Options::new(self.origin.clone(), &token, epid) }
    }

    /// Connects the client `epid` of a user and waits until it is live.
    pub(super) async fn connect(&self, number: u32, epid: &str) -> ChatClient {
        self.connect_with(self.options(number, epid)).await
    }

    pub(super) async fn connect_with(&self, options: Options) -> ChatClient {
        let client = ChatClient::connect(options, &self.tasks).await.expect("a client connects");
        self.until_live().await;
        client
    }

    /// Connects over polls.
    pub(super) async fn connect_polling(&self, number: u32, epid: &str) -> ChatClient {
        self.connect_with(Options { transport: Transport::Polling, ..self.options(number, epid) }).await
    }

    /// Waits until every client is live.
    pub(super) async fn until_live(&self) {
        self.until(|live| live.world.chat.realtime.are_all_live()).await;
    }

    /// Waits until a condition holds.
    pub(super) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let wait = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("the condition holds in time");
    }
}

/// The next notification.
pub(super) async fn next(client: &mut ChatClient) -> Notification {
    let came = client.next_notification(DEADLINE).await.expect("the connection holds");
    came.expect("a notification comes")
}

/// The texts of the next messages, up to the last that was sent.
pub(super) async fn texts(client: &mut ChatClient, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.last().is_none_or(|text| text != last) {
        let came = next(client).await;
        if came.event_id == 200 {
            texts.push(came.body["messageBody"].as_str().expect("text").to_owned());
        }
    }
    texts
}

/// Nothing more comes.
pub(super) async fn expect_silence(client: &mut ChatClient) {
    let more = client.all_until_silence(SILENCE).await.expect("the connection holds");
    assert!(more.is_empty(), "{more:?}");
}

/// JSON that stands in a text.
pub(super) fn nested(value: &Value) -> Value {
    serde_json::from_str(value.as_str().expect("a text")).expect("JSON in it")
}
