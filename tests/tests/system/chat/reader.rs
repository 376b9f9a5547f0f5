//! [`Reader`]: a client that is cut off and switched at random, and writes down what it was told.
//!
//! What may be told twice is what the server cannot know to have arrived: the deliveries that were on their way when a
//! connection broke, which are at most one window, and whatever came before a server was killed. Anything else that
//! comes twice is a mistake.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_tasks::Tasks;
use trunkline_testkit::realtime::{ChatClient, Delivery, Driven, Lost, Options, Origin, Transport};

use super::Dice;
use super::api::{Listed, User, number};
use super::cluster::Reachable;
use crate::support::server::DEADLINE;

/// Deliveries on their way to one connection, by the documented protocol.
const WINDOW: usize = 64;
/// How long one look at the connection waits.
const LOOK: Duration = Duration::from_millis(100);
/// The first pause after a connection that failed, so that a restart does not take seconds for each client.
const PAUSE: Duration = Duration::from_millis(50);
/// Deliveries between two disturbances: beside the limit on handshakes, many enough.
const CALM: std::ops::Range<u64> = 60..240;
/// Silence after which a client that answers nothing gets nothing any more.
const DEAF_LOOKS: u32 = 5;
/// How long an old connection may take to answer what it got: a node gives it five seconds, a busy machine part of them.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

/// A notification of a message: its event, id and version.
type Key = (u64, u64, u64);

/// What a client was told, thread by thread.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    latest: HashMap<String, BTreeMap<u64, Listed>>,
    /// When each notification came: how many servers had been killed before its connection, and whether it may come
    /// again because the connection broke.
    arrived: HashMap<(String, Key), (u64, bool)>,
    /// What may be on its way for the server: the last window of each of the two connections of a switch.
    recent: VecDeque<(String, Key)>,
    newest: HashMap<String, u64>,
    /// Notifications that came twice although they must not.
    repeated: Vec<String>,
    /// Notifications that came after later ones of their thread.
    pub(super) disordered: Vec<String>,
    /// How many came.
    pub(super) count: u64,
}

/// A client and its ledger.
pub(super) struct Reader {
    name: String,
    client: ChatClient,
    reachable: watch::Receiver<Reachable>,
    /// How many servers had been killed when its connection began.
    kills: u64,
    is_polling: bool,
    /// Whether deliveries may come again when the server ends a connection.
    is_lenient: bool,
    /// What became of its connections and when, in the milliseconds that versions are.
    history: Vec<String>,
    dice: Dice,
    next_disturbance: Option<u64>,
    pub(super) ledger: Ledger,
}

impl Ledger {
    fn note(&mut self, delivery: Delivery<'_>, (kills, kills_now): (u64, u64)) {
        let (_, body) = delivery.read().expect("a notification the SDK understands");
        self.count += 1;
        let Some((event, listed)) = message_of(&body) else { return };
        let thread = body["groupId"].as_str().expect("a thread").to_owned();
        let key = (event, listed.id, listed.version);
        let before = self.arrived.insert((thread.clone(), key), (kills, false));
        match before {
            Some((kills_then, is_excused)) if kills_now == kills_then && !is_excused => {
                let (id, version) = (listed.id, listed.version);
                self.repeated.push(format!("event {event} of {id} version {version} as {}", self.count));
            }
            Some(_) => {}
            None => {
                let newest = self.newest.entry(thread.clone()).or_default();
                if listed.version < *newest {
                    self.disordered.push(format!("{} after {newest}", listed.version));
                }
                *newest = listed.version.max(*newest);
            }
        }
        if self.recent.len() == 2 * WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back((thread.clone(), key));
        let known = self.latest.entry(thread).or_default();
        if known.get(&listed.id).is_none_or(|known| known.version <= listed.version) {
            known.insert(listed.id, listed);
        }
    }

    /// The connection broke: what came last on it may come again.
    fn excuse(&mut self) {
        for key in self.recent.drain(..) {
            if let Some((_, is_excused)) = self.arrived.get_mut(&key) {
                *is_excused = true;
            }
        }
    }

    /// The messages of a thread as a list of the service has them: the newest version first.
    pub(super) fn list(&self, thread: &str) -> Vec<Listed> {
        let known = self.latest.get(thread).into_iter().flat_map(BTreeMap::values);
        let mut list: Vec<Listed> = known.cloned().collect();
        list.sort_by_key(|message| std::cmp::Reverse(message.version));
        list
    }

    /// Whether the list of a thread is `expected`.
    fn is(&self, thread: &str, expected: &[Listed]) -> bool {
        let known = self.latest.get(thread);
        known.map_or(0, BTreeMap::len) == expected.len() && self.list(thread) == expected
    }
}

/// The event and the message in it, for the three events that are about messages.
fn message_of(body: &Value) -> Option<(u64, Listed)> {
    let event = body["eventId"].as_u64().filter(|event| [200, 247, 248].contains(event))?;
    let listed = Listed {
        id: number(&body["messageId"]),
        version: number(&body["version"]),
        text: body["messageBody"].as_str().unwrap_or_default().to_owned(),
        is_deleted: event == 248,
    };
    Some((event, listed))
}

impl Reader {
    /// Connects; `epid` names the client's endpoint.
    pub(super) async fn connect(
        (user, epid): (&User, &str),
        transport: Transport,
        reachable: watch::Receiver<Reachable>,
        dice: Dice,
    ) -> Self {
        let (origin, kills) = one_of(&reachable.borrow(), &dice).expect("a server runs");
        let options = Options { transport, pause: PAUSE, ..Options::new(origin, &user.token, epid) };
        let client = ChatClient::connect(options, &Tasks::new()).await.expect("connected");
        // A server in its end listens no more, so that an acknowledgement of what a poll took finds nobody.
        let is_polling = transport == Transport::Polling;
        let is_lenient = is_polling;
        let (name, ledger) = (epid.to_owned(), Ledger::default());
        Self {
            name,
            client,
            reachable,
            kills,
            is_polling,
            is_lenient,
            history: Vec::new(),
            dice,
            next_disturbance: None,
            ledger,
        }
    }

    /// How often it has connected.
    pub(super) fn connections(&self) -> u32 {
        self.client.connections()
    }

    /// Is disturbed from now on.
    pub(super) fn disturb(&mut self) {
        self.is_lenient = true;
        let calm = CALM.start + self.dice.below(CALM.end - CALM.start);
        self.next_disturbance = Some(self.ledger.count + calm);
    }

    /// Reads until `expected` is told; then no more disturbances are begun.
    ///
    /// Panics when a list still differs and nothing has come for [`DEADLINE`].
    pub(super) async fn read_until(&mut self, mut expected: watch::Receiver<Option<Arc<Expected>>>) {
        let (mut since, mut count) = (SystemClock.monotonic(), 0);
        loop {
            if expected.has_changed().unwrap_or(false) || self.ledger.count > count {
                (since, count) = (SystemClock.monotonic(), self.ledger.count);
            }
            let wanted = expected.borrow_and_update().clone();
            if let Some(wanted) = &wanted {
                self.next_disturbance = None;
                if wanted.difference(&self.ledger).is_none() {
                    return;
                }
                let waited = SystemClock.monotonic().saturating_sub(since);
                assert!(waited < DEADLINE, "{}", self.describe(wanted));
            }
            self.look().await;
            if self.next_disturbance.is_some_and(|at| self.ledger.count >= at) {
                self.be_disturbed().await;
                self.disturb();
            }
        }
    }

    /// What is wrong, with all that is known of how it came to that.
    fn describe(&self, wanted: &Expected) -> String {
        let difference = wanted.difference(&self.ledger).unwrap_or_default();
        format!("{} misses something: {difference}\n{}", self.name, self.history.join("\n"))
    }

    /// Checks that nothing came twice although it must not.
    pub(super) fn expect_no_repetition(&self) {
        let (name, repeated) = (&self.name, &self.ledger.repeated);
        assert!(repeated.is_empty(), "{name} was told again: {repeated:?}\n{}", self.history.join("\n"));
    }

    fn remember(&mut self, what: &str) {
        let now = SystemClock.now().as_micros() / 1000;
        self.history.push(format!("{now} {what}, told {}", self.ledger.count));
    }

    /// Looks at the connection once; makes another one when it has none.
    pub(super) async fn look(&mut self) {
        if !self.client.is_connected() {
            self.reconnect().await;
        }
        // Where a move leads to is decided before it is asked for.
        if let Some((origin, _)) = one_of(&self.reachable.borrow(), &self.dice) {
            self.client.move_to(origin);
        }
        // A connection to a living node may wait for a dead one to give the client up.
        let kills = (self.kills, self.reachable.borrow().kills);
        let ledger = &mut self.ledger;
        let driven = self.client.drive(LOOK, &mut |delivery| ledger.note(delivery, kills)).await;
        let is_excused = match &driven {
            Ok(Driven::Lost(Lost::NoPong | Lost::NoActivityAnswer)) => true,
            Ok(Driven::Lost(Lost::Disconnected(_) | Lost::Ended(_))) => self.is_lenient,
            // It leaves a server in its end, which may have heard no acknowledgement of the last poll.
            Ok(Driven::Moved) => self.is_polling,
            // A move that led nowhere: the connection goes on until the server ends it.
            Ok(Driven::Read | Driven::Quiet) | Err(_) => false,
        };
        if is_excused {
            self.ledger.excuse();
        }
        match driven {
            Ok(Driven::Read | Driven::Quiet) => {}
            other => self.remember(&format!("{other:?}")),
        }
    }

    async fn reconnect(&mut self) {
        let start = SystemClock.monotonic();
        let mut last = None;
        loop {
            let waited = SystemClock.monotonic().saturating_sub(start);
            assert!(waited < DEADLINE, "{} cannot connect: {last:?}", self.name);
            let found = one_of(&self.reachable.borrow_and_update(), &self.dice);
            let Some((origin, kills)) = found else {
                let _ = tokio::time::timeout(LOOK, self.reachable.changed()).await;
                continue;
            };
            self.client.move_to(origin);
            match self.client.reconnect(Duration::ZERO).await {
                Ok(()) => {
                    self.kills = kills;
                    self.remember("connected");
                    return;
                }
                Err(failure) => last = Some(failure),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn be_disturbed(&mut self) {
        let what = self.dice.below(4);
        self.remember(
            ["is cut", "answers nothing", "gets a second socket", "leaves"]
                [usize::try_from(what).expect("few")],
        );
        match what {
            // A network that goes away.
            0 => self.cut(),
            // A page that hangs: it takes what is sent and answers nothing.
            1 => {
                self.client.set_answering(false);
                let most = self.ledger.count + 1 + self.dice.below(2 * WINDOW as u64);
                for _ in 0..DEAF_LOOKS {
                    if self.ledger.count < most && self.client.is_connected() {
                        self.look().await;
                    }
                }
                self.cut();
                self.client.set_answering(true);
            }
            // A second socket beside the first one; the acknowledgements of polls are requests of their own, which may
            // come after the five seconds that a node gives them. A failure is one of the server that is being killed.
            2 if !self.is_polling => {
                let start = SystemClock.monotonic();
                let _ = self.client.switch().await;
                self.look().await;
                if SystemClock.monotonic().saturating_sub(start) > ANSWERED_WITHIN {
                    self.ledger.excuse();
                }
            }
            // A page that is closed.
            _ => {
                let _ = self.client.send_frame("0::").await;
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        self.client.cut();
        self.ledger.excuse();
    }
}

/// A server that can be reached, with the number of kills before.
fn one_of(reachable: &Reachable, dice: &Dice) -> Option<(Origin, u64)> {
    let count = u64::try_from(reachable.origins.len()).expect("few servers");
    let index = if count < 2 { 0 } else { dice.below(count) };
    let origin = reachable.origins.get(usize::try_from(index).expect("few servers"))?;
    Some((origin.clone(), reachable.kills))
}

/// The lists a reader must end with.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) lists: HashMap<String, Vec<Listed>>,
    /// Whose threads: the epid of a reader with the threads it is in.
    pub(super) threads: Vec<String>,
}

impl Expected {
    /// The first difference of a ledger, in words.
    pub(super) fn difference(&self, ledger: &Ledger) -> Option<String> {
        let differs = |thread: &&String| !ledger.is(thread, &self.lists[*thread]);
        let thread = self.threads.iter().find(differs)?;
        let (known, wanted) = (ledger.list(thread), &self.lists[thread]);
        let place = known.iter().zip(wanted).position(|(known, wanted)| known != wanted);
        let place = place.unwrap_or(known.len().min(wanted.len()));
        let at = |list: &[Listed]| list.get(place).map(|listed| format!("{listed:.200?}"));
        let (told, listed) = (at(&known), at(wanted));
        let is_missing = |listed: &&Listed| !known.contains(listed);
        let missing: Vec<_> =
            wanted.iter().filter(is_missing).map(|listed| (listed.id, listed.version)).collect();
        Some(format!(
            "{thread}: {} told, {} listed; at {place} {told:?} instead of {listed:?}; missing {missing:?}",
            known.len(),
            wanted.len()
        ))
    }
}
