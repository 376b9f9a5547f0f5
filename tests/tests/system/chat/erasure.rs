//! Deletion that deletes: what was said in a deleted thread, by a deleted user or in a deleted message is in no file of
//! the data folder once the erasure says that it is done, and the neighbours have lost nothing.
//!
//! SQLite overwrites what is deleted, but a page whose rows moved to another page before keeps old bytes of them in its
//! unused part (`rebuildPage`), also with `secure_delete`. So the database itself is searched twice: while the server
//! runs the most must be gone, and after a rewrite all.
//!
//! On PostgreSQL rows are gone from every table and the space is free after the vacuum; the bytes in it are overwritten
//! by what comes next, which is PostgreSQL's business.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::api::{Api, User, make_user, path_of, renew_token};
use super::cluster::Cluster;
use super::sender::Sender;
use super::{Dice, until};

/// A word that is in no other text, name or program. Files are searched in any case of letters.
const CANARY: &str = "Kanarienvogel";
/// The same as it is searched for.
const CANARY_BYTES: &[u8] = b"kanarienvogel";
/// Messages with the canary: enough for pages of several kinds.
const MESSAGES: usize = 60;
/// The longest text that is sent: several pages of SQLite.
const TEXT_BYTES_MAX: usize = 27_000;
/// Changes of the neighbours before the deletion, and while it runs.
const NEIGHBOURS: u64 = 60;
/// The version with images.
const IMAGES: &str = "api-version=2024-06-05-preview";
/// The version with retention.
const RETENTION: &str = "api-version=2025-03-15";
/// A day after the retention that is asked for.
const RETENTION_OVER: &str = r#"{"advanceSeconds":2678400}"#;
/// A step of the clock while something is waited for: all of them together are less than a token lives.
const MOMENT: &str = r#"{"advanceSeconds":1}"#;
/// Looks in which such a moment passes.
const LOOKS_OF_A_MOMENT: u64 = 50;
/// Longer than the log of the database is kept after a deletion.
const LOG_OVER: &str = r#"{"advanceSeconds":61}"#;

/// A server with a thread that is to go and one that stays.
struct House {
    cluster: Cluster,
    ada: User,
    ben: User,
    doomed: String,
    other: String,
    neighbour: Sender,
    /// An image that no message shows.
    unused: Option<String>,
    /// How often the canary stood in the database and its log before the deletion.
    haunted: usize,
    /// How often something was waited for.
    looks: AtomicU64,
    dice: Dice,
}

impl House {
    /// `ada` is in the thread that goes under `name`.
    async fn build(cluster: Cluster, topic: &str, name: &str) -> Self {
        let dice = Dice::new();
        let client = cluster.client(0);
        let (ada, ben) = tokio::task::block_in_place(|| (make_user(&client), make_user(&client)));
        let mut api = Api::new(client.origin(), &ben);
        let doomed = api.make_thread(topic, &[&ada], name).await;
        let other = api.make_thread("Stays", &[&ada], "").await;
        let who = (&ben, other.as_str(), "stays");
        let mut neighbour = Sender::new(who, cluster.reachable(), dice.split(0), Arc::default());
        neighbour.write(NEIGHBOURS).await;
        Self {
            cluster,
            ada,
            ben,
            doomed,
            other,
            neighbour,
            unused: None,
            haunted: 0,
            looks: AtomicU64::new(0),
            dice,
        }
    }

    fn api(&self, user: &User) -> Api {
        Api::new(self.cluster.client(0).origin(), user)
    }

    /// Puts the canary wherever a member can put a text; returns the ids of the messages that are left.
    async fn haunt(&mut self, user: &User, name: &str) -> Vec<u64> {
        let (mut api, thread) = (self.api(user), self.doomed.clone());
        let mut ids = Vec::new();
        for number in 0..MESSAGES {
            let mut text = format!("{CANARY} {}", "lorem ipsum ".repeat(number * number));
            text.truncate(TEXT_BYTES_MAX);
            let metadata = json!({ "note": format!("{CANARY} {number}") });
            let body = json!({
                "content": text, "type": "text", "senderDisplayName": name, "metadata": metadata,
            });
            let id = api.send_as(&thread, &body).await.expect("sent");
            // Somebody else's rows lie between those that go.
            self.neighbour.write(1).await;
            match number % 7 {
                0 => api.edit(&thread, id, &format!("{CANARY} again {text:.2000}")).await.expect("edited"),
                1 => {
                    api.delete(&thread, id).await.expect("deleted");
                    continue;
                }
                2 => self.react(user, id).await,
                _ => {}
            }
            ids.push(id);
        }
        ids.push(self.send_beyond(user, ids[0]).await);
        ids.push(self.send_image(user).await);
        self.unused = Some(api.upload(&thread, picture(), &format!("{CANARY} unused.bmp")).await);
        for reader in [&self.ada, &self.ben] {
            let target = format!("{}/readReceipts?{IMAGES}", path_of(&thread));
            let receipt = json!({ "chatMessageId": ids[0].to_string() });
            self.api(reader).call("POST", &target, &receipt).await.expect("a receipt");
        }
        ids
    }

    async fn react(&self, user: &User, id: u64) {
        for reaction in ["🐤", CANARY] {
            let target =
                format!("/trunkline{}/messages/{id}/reactions/{}", path_of(&self.doomed), encode(reaction));
            self.api(user).call("PUT", &target, &Value::Null).await.expect("a reaction");
        }
    }

    /// A message with everything that ACS does not have.
    async fn send_beyond(&self, user: &User, answered: u64) -> u64 {
        let mention = json!({ "identifier": { "rawId": self.ben.id }, "text": format!("@{CANARY}") });
        let body = json!({
            "content": format!("{CANARY} @{CANARY}"), "type": "text", "replyTo": answered.to_string(),
            "mentions": [mention], "clientMessageId": format!("{CANARY}-1"),
        });
        let target = format!("/trunkline{}/messages", path_of(&self.doomed));
        let sent = self.api(user).call("POST", &target, &body).await.expect("sent");
        super::api::number(&sent["id"])
    }

    async fn send_image(&self, user: &User) -> u64 {
        let mut api = self.api(user);
        let image = api.upload(&self.doomed, picture(), &format!("{CANARY}.bmp")).await;
        let attachment = json!({ "id": image, "attachmentType": "image" });
        let body = json!({ "content": CANARY, "type": "text", "attachments": [attachment] });
        let target = format!("{}/messages?{IMAGES}", path_of(&self.doomed));
        let sent = api.call("POST", &target, &body).await.expect("sent");
        super::api::number(&sent["id"])
    }

    /// How many messages a search for the canary finds.
    async fn found(&self, user: &User) -> usize {
        let target = format!("/trunkline/chat/search?q={CANARY}");
        let found = self.api(user).call("GET", &target, &Value::Null).await.expect("a page");
        found["value"].as_array().expect("a list").len()
    }

    fn delete_user(&self, user: &User) {
        let path = format!("/identities/{}?api-version=2023-10-01", user.id);
        let reply = tokio::task::block_in_place(|| self.cluster.client(0).call("DELETE", &path, ""));
        assert_eq!(reply.status, 204, "{}", reply.head);
    }

    /// The clock stands unless it is moved, and a job that met a reader of the log comes back a little later.
    fn let_time_pass(&self) {
        // Slower than the machine's clock, by which leases of jobs are renewed.
        if !self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOKS_OF_A_MOMENT) {
            return;
        }
        assert_eq!(self.cluster.server(0).admin("POST", "/clock", MOMENT).0, 200);
    }

    /// Counts rows on either engine.
    async fn count(&self, sql: &str) -> i64 {
        if let Some(database) = &self.cluster.database {
            return database.count(sql).await;
        }
        tokio::task::block_in_place(|| {
            let file = self.cluster.data(0).join("trunkline.db");
            let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
            let database = database.expect("the database can be read beside the server");
            database.busy_timeout(crate::support::server::DEADLINE).expect("a time-out can be set");
            database.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|cause| panic!("{sql}: {cause}"))
        })
    }

    /// Deletes by `delete` while the neighbours write, and waits until so many erasures are done and none is left.
    async fn erase(&mut self, erasures: i64, delete: impl AsyncFnOnce(&Self)) {
        let mut writing = JoinSet::new();
        // Each has a name of its own, by which its messages are known.
        let tag = format!("meanwhile-{erasures}");
        let (who, dice) = ((&self.ben, self.other.as_str(), tag.as_str()), self.dice.split(1));
        let mut neighbour = Sender::new(who, self.cluster.reachable(), dice, Arc::default());
        writing.spawn(async move {
            neighbour.write(NEIGHBOURS).await;
            neighbour
        });
        delete(self).await;
        until("the erasure to be done", || async {
            let done = self.count("SELECT COUNT(*) FROM chat_erasures WHERE done_at IS NOT NULL").await;
            let running = self.count("SELECT COUNT(*) FROM chat_erasures WHERE done_at IS NULL").await;
            (done >= erasures && running == 0).then_some(())
        })
        .await;
        self.expect_nothing_left().await;
        let neighbour = writing.join_next().await.expect("a neighbour").expect("who ends in order");
        self.check_neighbours(&[&neighbour]).await;
    }

    /// Files of the haunted server, so that a search that finds nothing later is known to work.
    fn expect_haunted(&mut self) {
        let found = files_with_canaries(self.cluster.folder());
        assert!(found.iter().any(|(file, _)| file.contains("blobs")), "no canary in the blobs: {found:?}");
        let in_database = found.iter().filter(|(file, _)| file.contains("trunkline.db"));
        self.haunted = in_database.map(|(_, count)| count).sum();
        assert!(self.haunted > 100, "only {} canaries in the database", self.haunted);
    }

    /// No row in a table, and no byte in a file, but for what SQLite left in pages whose rows moved.
    async fn expect_nothing_left(&self) {
        assert_eq!(self.tables_with_canaries().await, 0, "tables still hold the canary");
        for (file, count) in files_with_canaries(self.cluster.folder()) {
            assert!(is_database(&file) && count < self.haunted / 2, "{count} canaries in {file}");
        }
    }

    /// Stops the server of SQLite and rewrites its database: then no byte is left.
    fn end(mut self) {
        self.cluster.stop(0);
        let database = Connection::open(self.cluster.data(0).join("trunkline.db")).expect("the database");
        database.execute_batch("VACUUM").expect("the database is rewritten");
        drop(database);
        assert_eq!(files_with_canaries(self.cluster.folder()), Vec::new());
    }

    /// How many tables hold the canary in any column; on SQLite the files tell.
    async fn tables_with_canaries(&self) -> i64 {
        let Some(database) = &self.cluster.database else { return 0 };
        let xml = "query_to_xml(format('SELECT * FROM %I.%I', schemaname, tablename), true, false, '')";
        let canary = CANARY.to_lowercase();
        let sql = format!(
            "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public' AND lower({xml}::text) LIKE '%{canary}%'"
        );
        database.count(&sql).await
    }

    async fn check_neighbours(&self, more: &[&Sender]) {
        let list = self.api(&self.ben).list(&self.other).await;
        self.neighbour.audit(&list);
        for sender in more {
            sender.audit(&list);
        }
        assert!(list.len() as u64 > NEIGHBOURS / 2, "{} messages stayed", list.len());
    }
}

/// Whether it is the database itself, and not its log.
fn is_database(file: &str) -> bool {
    file.ends_with("trunkline.db")
}

/// Every file below a folder that holds the canary, in any case of its letters, and how often.
fn files_with_canaries(folder: &Path) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let Ok(kind) = path.symlink_metadata() else { continue };
        if kind.is_dir() {
            found.extend(files_with_canaries(&path));
        }
        // Files go while they are looked for.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let is_there = |window: &[u8]| window.eq_ignore_ascii_case(CANARY_BYTES);
        let count = bytes.windows(CANARY_BYTES.len()).filter(|window| is_there(window)).count();
        if count > 0 {
            found.push((path.display().to_string(), count));
        }
    }
    found
}

/// A bitmap whose pixels spell the canary: 64 × 64 pixels of 24 bits.
fn picture() -> Vec<u8> {
    const SIDE: u32 = 64;
    const HEADER: u32 = 54;
    let size = SIDE * SIDE * 3;
    let mut bytes = b"BM".to_vec();
    for number in [HEADER + size, 0, HEADER, 40, SIDE, SIDE] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    // One plane, 24 bits; no compression, and the rest of the header does not matter.
    bytes.extend_from_slice(&[1, 0, 24, 0]);
    bytes.extend_from_slice(&[0; 24]);
    bytes.extend(CANARY.bytes().cycle().take(usize::try_from(size).expect("small")));
    bytes
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn named(topic: &str) -> String {
    format!("{CANARY} {topic}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_deleted_thread_is_left_in_the_files() {
    let mut house = House::build(Cluster::single(&[]), &named("topic"), &named("name")).await;
    let (ada, ben) = (house.ada.clone(), house.ben.clone());
    house.haunt(&ada, &named("sender")).await;
    house.haunt(&ben, &named("sender")).await;
    assert!(house.found(&ada).await > 0);
    house.expect_haunted();
    house.erase(1, async |house| house.api(&ben).delete_thread(&house.doomed).await).await;
    assert_eq!(house.found(&ada).await, 0);
    assert_eq!(house.count("SELECT COUNT(*) FROM chat_reactions").await, 0);
    house.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_deleted_user_is_left_in_the_files() {
    let mut house = House::build(Cluster::single(&[]), "Lunch", &named("name")).await;
    let (ada, ben) = (house.ada.clone(), house.ben.clone());
    house.haunt(&ada, &named("sender")).await;
    let stays = house.api(&ben).send(&house.doomed, "stays").await.expect("sent");
    house.react(&ada, stays).await;
    house.expect_haunted();
    house.erase(1, async |house| house.delete_user(&ada)).await;
    assert_eq!(house.found(&ben).await, 0);
    assert_eq!(house.count("SELECT COUNT(*) FROM chat_reactions").await, 0);
    let list = house.api(&ben).list(&house.doomed).await;
    let shown: Vec<&str> =
        list.iter().filter(|message| !message.is_deleted).map(|message| message.text.as_str()).collect();
    assert_eq!(shown, ["stays"]);
    house.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_deleted_messages_is_left_in_the_files() {
    let mut house = House::build(Cluster::single(&["test_clock=true"]), "Lunch", "").await;
    let (ada, ben) = (house.ada.clone(), house.ben.clone());
    let ids = house.haunt(&ada, "Ada").await;
    let stays = house.api(&ben).send(&house.doomed, "stays").await.expect("sent");
    house.expect_haunted();
    for id in ids {
        house.api(&ada).delete(&house.doomed, id).await.expect("deleted");
        house.neighbour.write(1).await;
    }
    let image = house.unused.as_ref().expect("an image was uploaded");
    let target = format!("{}/images/{image}?{IMAGES}", path_of(&house.doomed));
    house.api(&ada).call("DELETE", &target, &Value::Null).await.expect("the image is deleted");
    assert_eq!(house.cluster.server(0).admin("POST", "/clock", LOG_OVER).0, 200);
    until("the log of the database to be emptied", || async {
        house.let_time_pass();
        (house.count("SELECT COUNT(*) FROM jobs WHERE kind = 'chat.erase'").await == 0).then_some(())
    })
    .await;
    house.expect_nothing_left().await;
    assert_eq!(house.found(&ben).await, 0);
    let list = house.api(&ben).list(&house.doomed).await;
    assert!(list.iter().all(|message| message.is_deleted || message.id == stays), "{list:?}");
    house.check_neighbours(&[]).await;
    house.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_thread_whose_days_are_over_is_left_in_the_files() {
    let cluster = Cluster::single(&["test_clock=true"]);
    let mut house = House::build(cluster, &named("topic"), &named("name")).await;
    let (ada, mut ben) = (house.ada.clone(), house.ben.clone());
    house.haunt(&ada, &named("sender")).await;
    house.expect_haunted();
    let target = format!("{}?{RETENTION}", path_of(&house.doomed));
    let policy = json!({ "kind": "threadCreationDate", "deleteThreadAfterDays": 30 });
    let patched = house.api(&ben).call("PATCH", &target, &json!({ "retentionPolicy": policy })).await;
    patched.expect("a policy");
    assert_eq!(house.cluster.server(0).admin("POST", "/clock", RETENTION_OVER).0, 200);
    until("the erasure to be done", || async {
        house.let_time_pass();
        let done = house.count("SELECT COUNT(*) FROM chat_erasures WHERE done_at IS NOT NULL").await;
        (done == 1).then_some(())
    })
    .await;
    house.expect_nothing_left().await;
    renew_token(&house.cluster.data(0), &mut ben);
    house.ben = ben;
    house.check_neighbours(&[]).await;
    house.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_deleted_thread_or_user_is_left_in_the_tables_of_postgres() {
    let cluster = Cluster::pair(&[]).await;
    let mut house = House::build(cluster, &named("topic"), &named("name")).await;
    let (ada, ben) = (house.ada.clone(), house.ben.clone());
    house.haunt(&ada, &named("sender")).await;
    assert!(house.tables_with_canaries().await >= 4, "the search itself works");
    let files = files_with_canaries(house.cluster.folder());
    assert!(files.iter().any(|(file, _)| file.contains("blobs")), "no canary in the blobs: {files:?}");
    assert!(house.found(&ben).await > 0);
    house.erase(1, async |house| house.api(&ben).delete_thread(&house.doomed).await).await;
    house.doomed = house.api(&ben).make_thread("Lunch", &[&ada], &named("name")).await;
    house.api(&ada).send(&house.doomed, CANARY).await.expect("sent");
    house.erase(2, async |house| house.delete_user(&ada)).await;
    assert_eq!(house.found(&ben).await, 0);
    let vacuumed =
        "SELECT COUNT(*) FROM pg_stat_user_tables WHERE relname = 'chat_messages' AND vacuum_count > 0";
    until("the vacuum", || async { (house.count(vacuumed).await == 1).then_some(()) }).await;
}
