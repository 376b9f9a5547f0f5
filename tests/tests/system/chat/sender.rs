//! [`Sender`]: somebody who sends, edits and deletes in one thread, and knows what was acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use trunkline_testkit::realtime::ClientError;

use super::Dice;
use super::api::{Api, Listed, User};
use super::cluster::Reachable;
use super::until;

/// A message of the sender's.
struct Own {
    id: u64,
    /// How it may look: one state, or two after an edit that was not acknowledged.
    states: Vec<State>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Shows(String),
    Deleted,
}

/// One who writes.
pub(super) struct Sender {
    api: Api,
    user: User,
    pub(super) thread: String,
    tag: String,
    reachable: watch::Receiver<Reachable>,
    dice: Dice,
    acknowledged: Arc<AtomicU64>,
    own: Vec<Own>,
    /// Texts that were sent and never acknowledged: they may be there or not.
    unsure: Vec<String>,
    count: u64,
}

impl Sender {
    /// `tag` begins every text and is nobody else's; `acknowledged` counts the changes of all senders.
    pub(super) fn new(
        (user, thread, tag): (&User, &str, &str),
        reachable: watch::Receiver<Reachable>,
        dice: Dice,
        acknowledged: Arc<AtomicU64>,
    ) -> Self {
        let origin = reachable.borrow().origins.first().expect("a server runs").clone();
        Self {
            api: Api::new(origin, user),
            user: user.clone(),
            thread: thread.to_owned(),
            tag: tag.to_owned(),
            reachable,
            dice,
            acknowledged,
            own: Vec::new(),
            unsure: Vec::new(),
            count: 0,
        }
    }

    /// Makes so many changes: mostly messages, some of them edited and deleted later.
    pub(super) async fn write(&mut self, changes: u64) {
        for _ in 0..changes {
            self.count += 1;
            let is_sent = match (self.dice.below(10), self.draw()) {
                (0 | 1, Some(place)) => self.edit(place).await,
                (2, Some(place)) => self.delete(place).await,
                _ => self.send().await,
            };
            if is_sent {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            } else {
                self.find_server().await;
            }
        }
    }

    /// The user who writes.
    pub(super) fn user(&self) -> &User {
        &self.user
    }

    async fn send(&mut self) -> bool {
        let text = self.text();
        let sent = self.api.send(&self.thread, &text).await;
        if let Some(id) = is_done(sent) {
            self.own.push(Own { id, states: vec![State::Shows(text)] });
            return true;
        }
        self.unsure.push(text);
        false
    }

    async fn edit(&mut self, place: usize) -> bool {
        let (id, text) = (self.own[place].id, self.text());
        let edited = self.api.edit(&self.thread, id, &text).await;
        self.changed(place, State::Shows(text), is_done(edited).is_some())
    }

    async fn delete(&mut self, place: usize) -> bool {
        let id = self.own[place].id;
        let deleted = self.api.delete(&self.thread, id).await;
        self.changed(place, State::Deleted, is_done(deleted).is_some())
    }

    fn changed(&mut self, place: usize, state: State, is_acknowledged: bool) -> bool {
        let states = &mut self.own[place].states;
        if is_acknowledged {
            states.clear();
        }
        states.push(state);
        is_acknowledged
    }

    /// A message that is not deleted, and of which is known how it looks.
    fn draw(&self) -> Option<usize> {
        let is_open = |own: &Own| matches!(own.states.as_slice(), [State::Shows(_)]);
        let open: Vec<usize> = (0..self.own.len()).filter(|at| is_open(&self.own[*at])).collect();
        let count = u64::try_from(open.len()).expect("few messages");
        let drawn = if count == 0 { return None } else { self.dice.below(count) };
        open.get(usize::try_from(drawn).expect("few messages")).copied()
    }

    /// A text of its own, short or long.
    fn text(&self) -> String {
        let letters = match self.dice.below(20) {
            0 => 3000,
            1..=4 => 300,
            _ => 20,
        };
        let filling = usize::try_from(self.dice.below(letters)).expect("few letters");
        format!("{}/{} 😀ü%41\\\"{}", self.tag, self.count, "x".repeat(filling))
    }

    /// Waits until a server answers again.
    async fn find_server(&mut self) {
        let Self { api, thread, reachable, dice, .. } = self;
        let asked = tokio::sync::Mutex::new(api);
        until("a server that answers a sender", || async {
            let origin = {
                let reachable = reachable.borrow();
                let count = u64::try_from(reachable.origins.len()).expect("few servers");
                let drawn = if count < 2 { 0 } else { dice.below(count) };
                reachable.origins.get(usize::try_from(drawn).expect("few servers")).cloned()
            };
            let mut api = asked.lock().await;
            api.move_to(origin?);
            let target = format!("{}?api-version=2024-03-07", super::api::path_of(thread));
            let call = api.call("GET", &target, &serde_json::Value::Null);
            tokio::time::timeout(Duration::from_secs(5), call).await.ok()?.ok().map(drop)
        })
        .await;
    }

    /// Checks that the list shows everything that was acknowledged, and nothing twice.
    pub(super) fn audit(&self, list: &[Listed]) {
        let listed: HashMap<u64, &Listed> = list.iter().map(|listed| (listed.id, listed)).collect();
        for own in &self.own {
            let found = listed.get(&own.id);
            let found = found.unwrap_or_else(|| panic!("{} of {} is lost", own.id, self.tag));
            let shown = if found.is_deleted { State::Deleted } else { State::Shows(found.text.clone()) };
            assert!(own.states.contains(&shown), "{} is {shown:?}, not {:?}", own.id, own.states);
        }
        let prefix = format!("{}/", self.tag);
        let own: Vec<u64> = self.own.iter().map(|own| own.id).collect();
        let strange =
            list.iter().filter(|listed| listed.text.starts_with(&prefix) && !own.contains(&listed.id));
        let mut strange: Vec<&String> = strange.map(|listed| &listed.text).collect();
        assert!(strange.iter().all(|text| self.unsure.contains(text)), "nobody sent {strange:?}");
        let count = strange.len();
        strange.sort();
        strange.dedup();
        assert_eq!(strange.len(), count, "sent once, there twice");
    }
}

/// What was answered, if anything was. An answer that blames the request is a mistake of the test or the server.
fn is_done<T>(answer: Result<T, ClientError>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(failure) => {
            assert!(failure.status().is_none_or(|status| status >= 500), "{failure}");
            None
        }
    }
}
