//! Deletion that deletes: threads, people and resources leave nothing, not even bytes in the files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use trunkline_kernel::Timestamp;
use trunkline_store::Engine;
use trunkline_store::outbox::steps::KEPT_MAX;
use trunkline_testkit::{TestStore, on_both_engines};

use super::world::{RESOURCE, SLICES, World, member, raw_id};
use crate::changes::{self, Change, NewThread, ThreadUpdate};
use crate::rows::images::{ImageRow, insert_image, original_blob, small_blob};
use crate::rows::{ThreadRow, people};
use crate::rules::threads::{key, new_id};

on_both_engines!(SLICES;
    a_deleted_thread_leaves_no_row,
    numbers_of_a_deleted_thread_stay_as_long_as_its_events,
    an_erased_person_leaves_tombstones_and_numbers,
    an_erased_person_who_comes_back_sees_no_history,
    a_user_made_again_keeps_what_is_theirs,
    a_deleted_resource_leaves_nothing_and_one_made_again_keeps_its_own,
    the_record_of_an_erasure_stays_for_a_week,
    one_vacuum_ends_all_erasures_of_half_a_minute,
    unused_images_go_after_a_day,
    an_interrupted_erasure_goes_on,
);

const CANARY: &str = "KANARIENVOGEL";

/// A picture with its files, uploaded by somebody.
async fn upload(world: &World, thread: &ThreadRow, name: &str, id: &str) {
    let bytes = Bytes::from(format!("{CANARY} {}", "x".repeat(9000)));
    world.chat.blobs.put(&original_blob(id), bytes.clone()).await.expect("a blob");
    world.chat.blobs.put(&small_blob(id), bytes).await.expect("a blob");
    let image = ImageRow {
        id: id.to_owned(),
        thread: thread.number,
        uploader: world.caller(name).await.person,
        message: None,
        name: format!("{CANARY}.png"),
        has_small: true,
        created_at: world.now(),
    };
    world.act(&thread.id, name, move |tx, _, _, _| Ok(insert_image(tx, &image)?)).await.expect("an image");
}

/// A thread with a canary in every place where a text can be.
async fn thread_with_canaries(world: &World, names: &[&str]) -> ThreadRow {
    let mut people: Vec<_> = names.iter().map(|name| member(name)).collect();
    for person in &mut people {
        person.name = Some(format!("{CANARY} name"));
        person.metadata = Some(format!("{{\"k\":\"{CANARY}\"}}"));
    }
    let new = NewThread {
        resource: RESOURCE,
        id: new_id(&**world.test.entropy()).into(),
        topic: format!("{CANARY} topic"),
        metadata: format!("{{\"k\":\"{CANARY}\"}}"),
        retention_days: None,
        creator_raw: raw_id(names[0]),
        members: people,
    };
    let now = world.now();
    let made = world
        .test
        .write(key(RESOURCE, &new.id), move |tx| changes::create_thread(tx, &new, now))
        .await
        .expect("a thread");
    made.0
}

/// Messages of many sizes, some of them edited and deleted, all with the canary.
async fn write_canaries(world: &World, thread: &ThreadRow, name: &str, count: usize) {
    for number in 0..count {
        let text = format!("{CANARY} {}", "lorem ".repeat(number * number % 1500));
        let message = world.send(&thread.id, name, &text).await;
        if number % 3 == 0 {
            world.edit(&thread.id, name, message.id, &format!("{text} edited")).await;
        }
        if number % 7 == 0 {
            world.delete(&thread.id, name, message.id).await;
        }
    }
}

async fn a_deleted_thread_leaves_no_row(test: TestStore) {
    let world = World::open(test).await;
    let thread = thread_with_canaries(&world, &["ada", "ben"]).await;
    let other = world.thread("Other", &["ada", "ben"]).await;
    world.send(&other.id, "ada", "stays").await;
    write_canaries(&world, &thread, "ada", 30).await;
    upload(&world, &thread, "ben", "img").await;
    world.try_send(&thread.id, "ben", "look", &["img"]).await.expect("sent");
    world.delete_thread(&thread.id, "ada").await;
    world.run_jobs().await;
    for table in ["chat_messages", "chat_message_people", "chat_words"] {
        let left = world.count(table).await;
        let expected = [("chat_messages", 3), ("chat_message_people", 2), ("chat_words", 1)];
        assert!(expected.contains(&(table, left)), "{table} has {left} rows");
    }
    assert_eq!(world.count("chat_images").await, 0);
    assert!(world.chat.blobs.list("", 10).await.expect("a list").is_empty());
    assert_eq!(world.count("chat_threads WHERE topic <> '' AND topic <> 'Other'").await, 0);
    assert_eq!(world.messages(&other.id, "ben").await.len(), 3);
}

async fn numbers_of_a_deleted_thread_stay_as_long_as_its_events(test: TestStore) {
    let world = World::open(test).await;
    let thread = thread_with_canaries(&world, &["ada", "ben"]).await;
    world.delete_thread(&thread.id, "ada").await;
    world.run_jobs().await;
    let log = world.log(&thread, 2).await;
    assert!(matches!(log[0].what, Change::ThreadDeleted { .. }), "{:?}", log[0].what);
    assert_eq!(world.count("chat_members").await, 2);
    assert_eq!(world.count("chat_members WHERE name <> ''").await, 0);
    assert_eq!(world.count("chat_erasures WHERE rows_done_at IS NULL").await, 0, "nothing can be read");
    world.test.clock().advance(KEPT_MAX);
    world.run_jobs().await;
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(world.count("chat_members").await, 2);
    world.tick();
    world.chat.purge().await.expect("housekeeping");
    for table in ["chat_members", "chat_threads", "chat_notes", "chat_positions"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

async fn an_erased_person_leaves_tombstones_and_numbers(test: TestStore) {
    let world = World::open(test).await;
    let thread = thread_with_canaries(&world, &["ada", "ben"]).await;
    world.send(&thread.id, "ada", "stays").await;
    write_canaries(&world, &thread, "ben", 20).await;
    let last = world.send(&thread.id, "ada", "stays too").await;
    world.read_up_to(&thread.id, "ben", last.id).await;
    upload(&world, &thread, "ben", "img").await;
    world.chat.forget_person(RESOURCE, &raw_id("ben"), world.now()).await.expect("asked");
    world.chat.forget_person(RESOURCE, &raw_id("stranger"), world.now()).await.expect("nothing to do");
    world.run_jobs().await;
    let messages = world.messages(&thread.id, "ada").await;
    let of_ben: Vec<_> =
        messages.iter().filter(|row| row.sender_raw == raw_id("ben") && !row.kind.is_system()).collect();
    assert_eq!(of_ben.len(), 20);
    for message in of_ben {
        assert_eq!((message.body.as_str(), message.sender_name.as_str()), ("", ""));
        assert!(message.deleted_at.is_some());
    }
    let stays: Vec<_> =
        messages.iter().filter(|row| row.body.starts_with("stays")).map(|row| row.body.as_str()).collect();
    assert_eq!(stays, ["stays too", "stays"]);
    let ben = "(SELECT number FROM chat_people WHERE raw_id LIKE '%_ben')";
    let left = [
        format!(
            "chat_members WHERE person = {ben} AND (name <> '' OR read_id <> 0 OR removed_change IS NULL)"
        ),
        format!("chat_message_people WHERE person = {ben} AND (name <> '' OR metadata <> '{{}}')"),
        "chat_images".to_owned(),
    ];
    for table in left {
        assert_eq!(world.count(table.clone().leak()).await, 0, "{table}");
    }
    assert!(world.chat.blobs.list("", 10).await.expect("a list").is_empty());
    let told: Vec<_> = world.members(&thread).await.into_iter().map(|row| row.raw_id).collect();
    assert_eq!(told, [raw_id("ada").to_string()]);
    let removed = world.log(&thread, 0).await;
    let removed = removed.iter().any(|told| matches!(&told.what, Change::ParticipantsRemoved(_)));
    assert!(removed, "the others are told");
}

async fn an_erased_person_who_comes_back_sees_no_history(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    world.send(&thread.id, "ada", "old").await;
    world.chat.forget_person(RESOURCE, &raw_id("ben"), world.now()).await.expect("asked");
    world.run_jobs().await;
    assert!(world.messages(&thread.id, "ben").await.is_empty());
    world.add(&thread.id, "ada", &["ben"]).await.expect("a change");
    assert!(!world.messages(&thread.id, "ben").await.is_empty(), "added anew, with what is shared anew");
    world.run_jobs().await;
    assert_eq!(world.members(&thread).await.len(), 2);
}

/// A thread from elsewhere, made long ago by somebody.
async fn import(world: &World, id: &str, creator: &str, names: &[&str]) {
    let new = NewThread {
        resource: RESOURCE,
        id: id.into(),
        topic: "Old times".to_owned(),
        metadata: "{}".to_owned(),
        retention_days: None,
        creator_raw: raw_id(creator),
        members: names.iter().map(|name| member(name)).collect(),
    };
    let (long_ago, now) = (Timestamp::from_seconds(1), world.now());
    world
        .test
        .write(key(RESOURCE, id), move |tx| changes::import_thread(tx, &new, long_ago, now).map(drop))
        .await
        .expect("a thread");
}

async fn a_user_made_again_keeps_what_is_theirs(test: TestStore) {
    let world = World::open(test).await;
    let before = world.thread("Lunch", &["ada", "ben"]).await;
    world.send(&before.id, "ben", "old").await;
    let deleted_at = world.now();
    world.tick();
    let since = world.thread("Tea", &["ada", "ben", "cleo"]).await;
    world.send(&since.id, "ben", "new").await;
    import(&world, "19:imported@thread.v2", "ada", &["ben"]).await;
    // The word of the deletion comes late.
    world.chat.forget_person(RESOURCE, &raw_id("ben"), deleted_at).await.expect("asked");
    world.chat.forget_person(RESOURCE, &raw_id("cleo"), deleted_at).await.expect("nothing to do");
    world.run_jobs().await;
    assert_eq!(world.count("chat_erasures").await, 1);
    assert_eq!(world.members(&before).await.len(), 1);
    assert_eq!(world.members(&since).await.len(), 3);
    assert_eq!(world.count("chat_members WHERE removed_change IS NULL AND name = 'ben''s name'").await, 2);
    let said = async |id: &str| -> Vec<(String, String)> {
        let of_ben = world.messages(id, "ada").await.into_iter();
        let of_ben = of_ben.filter(|row| row.sender_raw == raw_id("ben") && !row.kind.is_system());
        of_ben.map(|row| (row.body, row.sender_name)).collect()
    };
    assert_eq!(said(&before.id).await, [(String::new(), String::new())]);
    assert_eq!(said(&since.id).await, [("new".to_owned(), "ben's name".to_owned())]);
    assert_eq!(world.count("chat_people WHERE erased_at IS NOT NULL").await, 0, "they are here");
    // Whoever is erased for good is so although an older word comes after.
    for until in [world.now(), deleted_at] {
        world.chat.forget_person(RESOURCE, &raw_id("ben"), until).await.expect("asked");
    }
    world.run_jobs().await;
    assert_eq!(world.members(&since).await.len(), 2);
    assert_eq!(said(&since.id).await, [(String::new(), String::new())]);
    assert_eq!(world.count("chat_members WHERE name = 'ben''s name'").await, 0);
}

async fn a_deleted_resource_leaves_nothing_and_one_made_again_keeps_its_own(test: TestStore) {
    let world = World::open(test).await;
    for _ in 0..3 {
        let thread = thread_with_canaries(&world, &["ada", "ben"]).await;
        write_canaries(&world, &thread, "ben", 5).await;
    }
    // One of which only numbers are left.
    let deleted = thread_with_canaries(&world, &["ada", "cleo"]).await;
    world.delete_thread(&deleted.id, "ada").await;
    world.run_jobs().await;
    let until = world.now();
    world.tick();
    let new = world.thread("New", &["ada"]).await;
    // Its times and its creator are from before, who is in no thread; nor is somebody who only connected.
    import(&world, "19:imported@thread.v2", "ben", &["ada"]).await;
    let now = world.now();
    world.act_on_rows(move |tx| people::person(tx, RESOURCE, &raw_id("dora"), now).map(|_| 0)).await;
    // Deletion of a resource is asked for twice, the second time for what was under way.
    for _ in 0..2 {
        world.chat.forget_resource(RESOURCE, until).await.expect("asked");
        world.run_jobs().await;
        assert_eq!(world.count("chat_messages").await, 2);
        assert_eq!(world.count("chat_threads").await, 2);
        assert_eq!(world.count("chat_members").await, 2);
        assert_eq!(world.count("chat_notes").await, 1);
        assert_eq!(world.count("chat_people").await, 3, "Ada, Ben and Dora");
        world.test.clock().advance(Duration::from_mins(5));
    }
    world.run_jobs().await;
    assert_eq!(world.messages(&new.id, "ada").await.len(), 2);
    assert_eq!(world.count("chat_erasures WHERE done_at IS NULL").await, 0);
    assert_eq!(world.count("jobs").await, 0);
}

async fn the_record_of_an_erasure_stays_for_a_week(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    world.delete_thread(&thread.id, "ada").await;
    assert_eq!(world.count("chat_erasures WHERE rows_done_at IS NULL AND done_at IS NULL").await, 1);
    world.run_jobs().await;
    world.test.clock().advance(Duration::from_mins(1));
    world.run_jobs().await;
    assert_eq!(world.count("chat_erasures WHERE done_at IS NOT NULL AND rows_done_at IS NOT NULL").await, 1);
    world.test.clock().advance(Duration::from_hours(24 * 6));
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(world.count("chat_erasures").await, 1);
    world.test.clock().advance(Duration::from_hours(24 * 2));
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(world.count("chat_erasures").await, 0);
}

async fn one_vacuum_ends_all_erasures_of_half_a_minute(test: TestStore) {
    let world = World::open(test).await;
    let is_postgres = world.test.store().engine() == Engine::Postgres;
    for _ in 0..3 {
        let thread = world.thread("Lunch", &["ada", "ben"]).await;
        world.send(&thread.id, "ada", "hello").await;
        world.delete_thread(&thread.id, "ada").await;
    }
    world.chat.forget_person(RESOURCE, &raw_id("ben"), world.now()).await.expect("asked");
    world.run_jobs().await;
    // The rows wait for no vacuum.
    assert_eq!(world.count("chat_messages").await, 0);
    assert_eq!(world.count("chat_erasures WHERE rows_done_at IS NOT NULL").await, 4);
    let waiting = if is_postgres { (1, 4) } else { (0, 0) };
    let jobs = world.count("jobs WHERE key LIKE 'log%'").await;
    assert_eq!((jobs, world.count("chat_erasures WHERE done_at IS NULL").await), waiting);
    world.test.clock().advance(Duration::from_secs(30));
    world.run_jobs().await;
    assert_eq!(world.count("chat_erasures WHERE done_at IS NULL").await, 0);
    assert_eq!(world.count("jobs WHERE key LIKE 'log%'").await, 0);
    // What was deleted long ago, and is deleted once more, is not waited for again.
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(world.count("jobs WHERE key LIKE 'log%'").await, 0);
}

async fn unused_images_go_after_a_day(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    upload(&world, &thread, "ada", "used").await;
    upload(&world, &thread, "ada", "unused").await;
    world.try_send(&thread.id, "ada", "look", &["used"]).await.expect("sent");
    world.test.clock().advance(Duration::from_hours(23));
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(world.count("chat_images").await, 2);
    world.test.clock().advance(Duration::from_hours(2));
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(world.count("chat_images WHERE id = 'used'").await, 1);
    assert_eq!(world.count("chat_images").await, 1);
    assert_eq!(world.chat.blobs.list("", 10).await.expect("a list").len(), 2);
}

async fn an_interrupted_erasure_goes_on(test: TestStore) {
    let world = World::open(test).await;
    let thread = thread_with_canaries(&world, &["ada", "ben"]).await;
    write_canaries(&world, &thread, "ada", 10).await;
    upload(&world, &thread, "ada", "img").await;
    world.delete_thread(&thread.id, "ada").await;
    // What a node had done when it died: some rows, and one of the files.
    let number = thread.number;
    world
        .act_on_rows(move |tx| {
            tx.execute(
                "DELETE FROM chat_messages WHERE number IN (SELECT number FROM chat_messages WHERE thread = ?1 LIMIT 1)",
                trunkline_store::params![number],
            )
        })
        .await;
    world.chat.blobs.delete(&original_blob("img")).await.expect("deleted");
    world.run_jobs().await;
    assert_eq!(world.count("chat_messages").await, 0);
    assert_eq!(world.count("chat_images").await, 0);
    assert!(world.chat.blobs.list("", 10).await.expect("a list").is_empty());
}

/// Every file below a folder that holds the canary, with how often.
fn canaries_below(folder: &Path) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(canaries_below(&path));
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        let count = bytes.windows(CANARY.len()).filter(|window| *window == CANARY.as_bytes()).count();
        if count > 0 {
            found.push((path.display().to_string(), count));
        }
    }
    found
}

async fn sqlite_world() -> World {
    World::open(TestStore::sqlite(SLICES).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_a_deleted_thread_is_left_in_the_files() {
    let world = sqlite_world().await;
    let folder = world.test.folder().expect("a folder").to_owned();
    let thread = thread_with_canaries(&world, &["ada", "ben"]).await;
    let other = world.thread("Other", &["ada"]).await;
    for _ in 0..8 {
        write_canaries(&world, &thread, "ben", 30).await;
        world.send(&other.id, "ada", &"stays ".repeat(300)).await;
    }
    upload(&world, &thread, "ben", "img").await;
    world.try_send(&thread.id, "ben", CANARY, &["img"]).await.expect("sent");
    world
        .update(&thread.id, "ada", ThreadUpdate { topic: Some(format!("{CANARY} 2")), ..Default::default() })
        .await;
    world.remove(&thread.id, "ada", "ben").await;
    assert!(!canaries_below(&folder).is_empty(), "the search itself works");
    world.delete_thread(&thread.id, "ada").await;
    world.run_jobs().await;
    assert_eq!(canaries_below(&folder), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_an_erased_person_is_left_in_the_files() {
    let world = sqlite_world().await;
    let folder = world.test.folder().expect("a folder").to_owned();
    let new_thread = {
        let mut ben = member("ben");
        ben.name = Some(format!("{CANARY} name"));
        ben.metadata = Some(format!("{{\"k\":\"{CANARY}\"}}"));
        NewThread {
            resource: RESOURCE,
            id: Arc::from(new_id(&**world.test.entropy())),
            topic: "Lunch".to_owned(),
            metadata: "{}".to_owned(),
            retention_days: None,
            creator_raw: raw_id("ada"),
            members: vec![member("ada"), ben],
        }
    };
    let now = world.now();
    let (thread, _) = world
        .test
        .write(key(RESOURCE, &new_thread.id), move |tx| changes::create_thread(tx, &new_thread, now))
        .await
        .expect("a thread");
    for _ in 0..4 {
        write_canaries(&world, &thread, "ben", 40).await;
        world.send(&thread.id, "ada", &"stays ".repeat(200)).await;
    }
    upload(&world, &thread, "ben", "img").await;
    world.try_send(&thread.id, "ben", CANARY, &["img"]).await.expect("sent");
    world.chat.forget_person(RESOURCE, &raw_id("ben"), world.now()).await.expect("asked");
    world.run_jobs().await;
    assert_eq!(canaries_below(&folder), []);
    assert_eq!(world.messages(&thread.id, "ada").await.iter().filter(|row| !row.body.is_empty()).count(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_a_deleted_message_is_left_in_the_files_a_minute_later() {
    let world = sqlite_world().await;
    let folder = world.test.folder().expect("a folder").to_owned();
    let thread = world.thread("Lunch", &["ada"]).await;
    let mut ids = Vec::new();
    for number in 0..200 {
        let text = format!("{CANARY} {}", "lorem ".repeat(number * 31 % 2500));
        ids.push(world.send(&thread.id, "ada", &text).await.id);
        world.send(&thread.id, "ada", "stays").await;
    }
    upload(&world, &thread, "ada", "img").await;
    ids.push(world.try_send(&thread.id, "ada", CANARY, &["img"]).await.expect("sent").0.id);
    for id in ids {
        world.delete(&thread.id, "ada", id).await;
    }
    world.test.clock().advance(Duration::from_mins(1));
    world.run_jobs().await;
    assert_eq!(canaries_below(&folder), []);
}
