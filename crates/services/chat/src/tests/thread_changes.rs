//! What happens in threads: rows, numbers, events and what is told, on both engines.

use std::sync::Arc;

use trunkline_kernel::Timestamp;
use trunkline_store::{Engine, Wake};
use trunkline_testkit::{TestStore, on_both_engines};

use super::world::{RESOURCE, SLICES, World, member, raw_id};
use crate::changes::{self, Change, ThreadUpdate};
use crate::error::ChatError;
use crate::rows::images::{self, ImageRow};
use crate::rows::threads::ThreadsFrom;
use crate::rows::{self, MessageKind, MessagesFrom, PersonNumber};

on_both_engines!(SLICES;
    a_new_thread_tells_who_is_in_it_and_what_it_is_about,
    messages_are_numbered_one_after_the_other,
    an_edit_moves_a_message_to_the_front,
    a_deleted_message_stays_as_a_tombstone,
    ids_never_repeat_when_the_clock_stands_or_goes_back,
    people_come_and_go,
    somebody_who_is_there_already_gets_the_new_name_only,
    a_removed_participant_sees_history_up_to_the_removal,
    too_many_participants_are_refused_and_nothing_happens,
    receipts_only_go_forward,
    properties_change_in_parts,
    a_deleted_thread_is_gone_for_everybody,
    threads_are_listed_by_joining,
    images_belong_to_one_message_of_their_uploader,
    the_log_tells_what_can_still_be_told,
    every_change_wakes_and_names_no_text,
);

async fn a_new_thread_tells_who_is_in_it_and_what_it_is_about(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    assert_eq!((thread.topic.as_str(), &*thread.created_by_raw), ("Lunch", &*raw_id("ada")));
    let messages = world.messages(&thread.id, "ben").await;
    let told: Vec<_> = messages.iter().map(|row| (row.kind, row.sequence, row.body.as_str())).collect();
    assert_eq!(told, [(MessageKind::TopicUpdated, 2, "Lunch"), (MessageKind::ParticipantAdded, 1, "")]);
    let people: Vec<_> = messages[1].people.iter().map(|told| (&*told.raw_id, told.name.as_str())).collect();
    assert_eq!(people, [(&*raw_id("ada"), "ada's name"), (&*raw_id("ben"), "ben's name")]);
    let members: Vec<_> =
        world.members(&thread).await.into_iter().map(|row| (row.ordinal, row.raw_id)).collect();
    assert_eq!(members, [(1, raw_id("ada").to_string()), (2, raw_id("ben").to_string())]);
}

async fn messages_are_numbered_one_after_the_other(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let first = world.send(&thread.id, "ada", "one").await;
    let second = world.send(&thread.id, "ben", "two").await;
    assert_eq!((first.change, second.change), (3, 4));
    assert_eq!((first.sequence, second.sequence), (3, 4));
    assert_eq!((first.id, second.id), (first.version, first.version + 1));
    let bodies: Vec<_> = world.messages(&thread.id, "ada").await.into_iter().map(|row| row.body).collect();
    assert_eq!(bodies, ["two", "one", "Lunch", ""]);
    assert_eq!(world.count("chat_words").await, 2);
}

async fn an_edit_moves_a_message_to_the_front(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    let first = world.send(&thread.id, "ada", "one").await;
    let second = world.send(&thread.id, "ada", "two").await;
    world.tick();
    let edited = world.edit(&thread.id, "ada", first.id, "uno").await;
    assert_eq!(
        (edited.id, edited.first_change, edited.created_at),
        (first.id, first.change, first.created_at)
    );
    assert_eq!((edited.change, edited.sequence), (second.change + 1, second.sequence + 1));
    assert!(edited.version > second.version && edited.edited_at == Some(world.now()));
    let bodies: Vec<_> = world.messages(&thread.id, "ada").await.into_iter().map(|row| row.body).collect();
    assert_eq!(bodies, ["uno", "two", "Lunch", ""]);
    assert_eq!(world.count("chat_words").await, 2);
}

async fn a_deleted_message_stays_as_a_tombstone(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    let message = world.send(&thread.id, "ada", "one").await;
    assert!(world.delete(&thread.id, "ada", message.id).await.is_some());
    assert!(world.delete(&thread.id, "ada", message.id).await.is_none(), "a second time nothing happens");
    let messages = world.messages(&thread.id, "ada").await;
    let tombstone = &messages[0];
    assert_eq!((tombstone.id, tombstone.body.as_str(), &*tombstone.metadata), (message.id, "", "{}"));
    assert_eq!((tombstone.deleted_at, &*tombstone.sender_raw), (Some(world.now()), &*raw_id("ada")));
    assert_eq!(world.count("chat_words").await, 0);
    let id = message.id;
    let refused = world.act(&thread.id, "ada", move |tx, view, _, now| {
        let message = rows::find_message(tx, view.number, id)?.expect("the tombstone");
        changes::edit_message(tx, view, &message, &changes::Edit::default(), now).map(drop)
    });
    assert!(matches!(refused.await, Err(ChatError::MessageDeleted)));
}

async fn ids_never_repeat_when_the_clock_stands_or_goes_back(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    let first = world.send(&thread.id, "ada", "one").await;
    world.test.clock().set(Timestamp::from_seconds(1));
    let second = world.send(&thread.id, "ada", "two").await;
    assert_eq!(second.id, first.id + 1);
}

async fn people_come_and_go(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    let added = world.add(&thread.id, "ada", &["cleo", "ben"]).await.expect("a change");
    assert_eq!((added.change, added.members_version), (3, 2));
    let Change::ParticipantsAdded(told) = &added.what else { panic!("{:?}", added.what) };
    let people: Vec<_> = told.people.iter().map(|told| told.name.as_str()).collect();
    assert_eq!((people, &*told.sender_raw), (vec!["cleo's name", "ben's name"], &*raw_id("ada")));
    let removed = world.remove(&thread.id, "ben", "cleo").await.expect("a change");
    assert_eq!((removed.change, removed.members_version), (4, 3));
    assert!(world.remove(&thread.id, "ben", "cleo").await.is_none(), "gone already");
    assert!(world.remove(&thread.id, "ben", "nobody").await.is_none(), "was never there");
    world.add(&thread.id, "ben", &["cleo"]).await.expect("a change");
    let members: Vec<_> =
        world.members(&thread).await.into_iter().map(|row| (row.ordinal, row.name)).collect();
    let named = |ordinal, name: &str| (ordinal, name.to_owned());
    assert_eq!(members, [named(1, "ada's name"), named(3, "ben's name"), named(4, "cleo's name")]);
}

async fn somebody_who_is_there_already_gets_the_new_name_only(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let mut renamed = member("ben");
    renamed.name = Some("Benjamin".to_owned());
    let change = world
        .act(&thread.id, "ada", move |tx, view, caller, now| {
            let twice = [renamed.clone(), renamed.clone()];
            changes::add_participants(tx, view, caller, &twice, 1000, now)
        })
        .await
        .expect("no error");
    assert!(change.is_none());
    let names: Vec<_> = world.members(&thread).await.into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["ada's name", "Benjamin"]);
    assert_eq!(world.messages(&thread.id, "ada").await.len(), 2);
}

async fn a_removed_participant_sees_history_up_to_the_removal(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let before = world.send(&thread.id, "ada", "before").await;
    world.remove(&thread.id, "ada", "ben").await;
    world.send(&thread.id, "ada", "after").await;
    let bodies = |rows: Vec<rows::MessageRow>| rows.into_iter().map(|row| row.body).collect::<Vec<_>>();
    assert_eq!(bodies(world.messages(&thread.id, "ben").await), ["", "before", "Lunch", ""]);
    world.edit(&thread.id, "ada", before.id, "secret").await;
    assert_eq!(bodies(world.messages(&thread.id, "ben").await), ["", "Lunch", ""]);
    let refused = world.try_send(&thread.id, "ben", "hello?", &[]).await;
    assert!(matches!(refused, Err(ChatError::NotAParticipant)));
    // Whoever comes back starts anew, with what is shared then.
    world.tick();
    let mut again = member("ben");
    again.share_history_at = world.now();
    world
        .act(&thread.id, "ada", move |tx, view, caller, now| {
            changes::add_participants(tx, view, caller, &[again.clone()], 1000, now)
        })
        .await
        .expect("added");
    assert_eq!(bodies(world.messages(&thread.id, "ben").await), [""]);
}

async fn too_many_participants_are_refused_and_nothing_happens(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let people = [member("ben"), member("cleo"), member("dora")];
    let refused = world
        .act(&thread.id, "ada", move |tx, view, caller, now| {
            changes::add_participants(tx, view, caller, &people, 3, now)
        })
        .await;
    assert!(matches!(refused, Err(ChatError::TooManyParticipants { people_max: 3 })));
    assert_eq!(world.members(&thread).await.len(), 2);
    assert_eq!(world.count("chat_people").await, 2);
}

async fn receipts_only_go_forward(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let first = world.send(&thread.id, "ada", "one").await;
    let second = world.send(&thread.id, "ada", "two").await;
    let receipt = world.read_up_to(&thread.id, "ben", second.id).await.expect("a change");
    assert_eq!(receipt.change, 5);
    let Change::Receipt(told) = &receipt.what else { panic!("{:?}", receipt.what) };
    assert_eq!((told.message, told.message_sender), (second.id, first.sender));
    assert!(world.read_up_to(&thread.id, "ben", first.id).await.is_none());
    assert!(world.read_up_to(&thread.id, "ben", second.id).await.is_none());
    let number = thread.number;
    let from = rows::receipts::ReceiptsFrom { after: PersonNumber::NOBODY, skip: 0 };
    let listed = world
        .test
        .read(move |tx| Ok::<_, ChatError>(rows::list_receipts(tx, number, from, 10)?))
        .await
        .expect("a list");
    assert_eq!(
        listed.iter().map(|row| (&*row.raw_id, row.message)).collect::<Vec<_>>(),
        [(&*raw_id("ben"), second.id)]
    );
    let next = world.send(&thread.id, "ada", "three").await;
    assert_eq!((next.change, next.sequence), (6, 5), "a receipt is a change and no message");
}

async fn properties_change_in_parts(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    let metadata = ThreadUpdate { metadata: Some(r#"{"table":"5"}"#.to_owned()), ..ThreadUpdate::default() };
    let changed = world.update(&thread.id, "ada", metadata).await;
    assert_eq!(changed.change, 3);
    assert_eq!(world.messages(&thread.id, "ada").await.len(), 2, "only a topic writes a message");
    let topic = ThreadUpdate { topic: Some("Dinner".to_owned()), ..ThreadUpdate::default() };
    let changed = world.update(&thread.id, "ada", topic).await;
    assert_eq!(changed.change, 4);
    let messages = world.messages(&thread.id, "ada").await;
    assert_eq!((messages[0].body.as_str(), messages[0].change, messages[0].sequence), ("Dinner", 4, 3));
    let number = thread.number;
    let found = world
        .test
        .read(move |tx| Ok::<_, ChatError>(rows::threads::find_thread(tx, number)?))
        .await
        .expect("a thread");
    let found = found.expect("a thread");
    assert_eq!((found.topic.as_str(), found.metadata.as_str()), ("Dinner", r#"{"table":"5"}"#));
}

async fn a_deleted_thread_is_gone_for_everybody(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let deleted = world.delete_thread(&thread.id, "ben").await;
    let Change::ThreadDeleted { by: Some(by), .. } = &deleted.what else { panic!("{:?}", deleted.what) };
    assert_eq!((&*by.raw_id, by.name.as_str()), (&*raw_id("ben"), "ben's name"));
    for name in ["ada", "ben", "stranger"] {
        let gone = world.page(&thread.id, name, &MessagesFrom::default(), 10).await;
        assert!(matches!(gone, Err(ChatError::ThreadNotFound)), "{name}");
    }
    assert_eq!(world.count("chat_erasures").await, 1);
}

async fn threads_are_listed_by_joining(test: TestStore) {
    let world = World::open(test).await;
    let first = world.thread("one", &["ada"]).await;
    let second = world.thread("two", &["ben"]).await;
    let third = world.thread("three", &["ada", "ben"]).await;
    world.add(&second.id, "ben", &["ada"]).await;
    world.thread("deleted", &["ada"]).await;
    let list = |from: ThreadsFrom, limit| {
        let (chat, store) = (Arc::clone(&world.chat), world.test.store().clone());
        async move {
            let person = chat.person(RESOURCE, &raw_id("ada")).await.expect("a person");
            let listed = store
                .read(move |tx| Ok::<_, ChatError>(rows::list_threads(tx, person, &from, limit)?))
                .await
                .expect("a list");
            listed.into_iter().map(|row| (row.place, row.topic)).collect::<Vec<_>>()
        }
    };
    let all = list(ThreadsFrom::default(), 10).await;
    let topics: Vec<_> = all.iter().map(|(_, topic)| topic.as_str()).collect();
    assert_eq!(topics, ["deleted", "two", "three", "one"]);
    let rest = list(ThreadsFrom { before: Some(all[1].0), start: None }, 10).await;
    assert_eq!(rest, all[2..]);
    world.tick();
    let since = world.now();
    world.send(&first.id, "ada", "news").await;
    let recent = list(ThreadsFrom { before: None, start: Some(since) }, 10).await;
    assert_eq!(recent, all[3..]);
    world.remove(&third.id, "ada", "ada").await;
    assert_eq!(list(ThreadsFrom::default(), 10).await.len(), 3);
}

async fn images_belong_to_one_message_of_their_uploader(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let uploader = world.caller("ada").await.person;
    let image = ImageRow {
        id: "img1".to_owned(),
        thread: thread.number,
        uploader,
        message: None,
        name: "menu.png".to_owned(),
        has_small: false,
        created_at: world.now(),
    };
    world
        .act(&thread.id, "ada", move |tx, _, _, _| Ok(images::insert_image(tx, &image)?))
        .await
        .expect("an image");
    let refused = |result: Result<_, ChatError>| matches!(result, Err(ChatError::AttachmentNotFound(id)) if id == "img1");
    assert!(refused(world.try_send(&thread.id, "ben", "mine?", &["img1"]).await));
    let (message, _) = world.try_send(&thread.id, "ada", "look", &["img1"]).await.expect("sent");
    assert_eq!(message.attachments[0].name, "menu.png");
    assert!(refused(world.try_send(&thread.id, "ada", "again", &["img1"]).await));
    world.delete(&thread.id, "ada", message.id).await;
    assert_eq!(world.count("chat_images WHERE is_discarded = 1 AND message IS NULL").await, 1);
    world.run_jobs().await;
    assert_eq!(world.count("chat_images").await, 0);
}

async fn the_log_tells_what_can_still_be_told(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let first = world.send(&thread.id, "ada", "one").await;
    let second = world.send(&thread.id, "ada", "two").await;
    world.edit(&thread.id, "ada", first.id, "uno").await;
    world.read_up_to(&thread.id, "ben", second.id).await;
    world
        .update(&thread.id, "ada", ThreadUpdate { topic: Some("Tea".to_owned()), ..Default::default() })
        .await;
    world.remove(&thread.id, "ada", "ben").await;
    world.delete(&thread.id, "ada", second.id).await;
    let name = |what: &Change| match what {
        Change::MessageSent(_) => "sent",
        Change::MessageEdited(_) => "edited",
        Change::MessageDeleted(_) => "deleted",
        Change::ThreadCreated(_) => "created",
        Change::PropertiesChanged { .. } => "properties",
        Change::ThreadDeleted { .. } => "thread deleted",
        Change::ParticipantsAdded(_) => "added",
        Change::ParticipantsRemoved(_) => "removed",
        Change::Receipt(_) => "receipt",
        Change::Silent => "silent",
    };
    let log = world.log(&thread, 0).await;
    let told: Vec<_> = log.iter().map(|committed| (committed.change, name(&committed.what))).collect();
    // The two messages stand at their last change; the receipt went with its reader.
    let expected =
        [(1, "created"), (2, "silent"), (5, "edited"), (7, "properties"), (8, "removed"), (9, "deleted")];
    assert_eq!(told, expected);
    let Change::ThreadCreated(created) = &log[0].what else { panic!("{:?}", log[0].what) };
    assert_eq!(created.people.len(), 2);
    assert_eq!(world.log(&thread, 7).await, log[4..]);
}

async fn every_change_wakes_and_names_no_text(test: TestStore) {
    let world = World::open(test).await;
    let mut wakes = world.test.wakes().subscribe(changes::CHANGED_TOPIC);
    let thread = world.thread("canary", &["ada", "ben"]).await;
    let message = world.send(&thread.id, "ada", "canary").await;
    world.edit(&thread.id, "ada", message.id, "canary canary").await;
    world.read_up_to(&thread.id, "ben", message.id).await;
    world.delete(&thread.id, "ada", message.id).await;
    world.add(&thread.id, "ada", &["cleo"]).await;
    world.remove(&thread.id, "ada", "cleo").await;
    world.delete_thread(&thread.id, "ada").await;
    // On PostgreSQL wake-ups may be lost while the way to the other nodes is opened.
    if world.test.engine() == Engine::Sqlite {
        for change in 1..=9 {
            let expected = format!("{} {change}", thread.number.0);
            assert_eq!(wakes.next().await, Some(Wake::Payload(expected.into())));
        }
    }
    let events = world.events().await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            changes::THREAD_CREATED,
            changes::MESSAGE_SENT,
            changes::MESSAGE_EDITED,
            changes::MESSAGE_DELETED,
            changes::PARTICIPANTS_ADDED,
            changes::PARTICIPANTS_REMOVED,
            changes::THREAD_DELETED,
        ]
    );
    for event in events {
        assert!(!event.payload.contains("canary"), "{}", event.payload);
        assert_eq!((event.subject.as_str(), event.resource.as_str()), (&*thread.id, &*RESOURCE.to_string()));
    }
}
