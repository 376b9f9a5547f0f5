//! The index of words: the engines cut hashed words the same way, and nothing of a deleted message stays in it.

use trunkline_store::{Engine, Tx};
use trunkline_testkit::{TestStore, on_both_engines};

use super::world::{RESOURCE, SLICES, World};
use crate::error::ChatError;

on_both_engines!(SLICES; every_hashed_word_is_found, edits_and_deletions_reach_the_index);

/// How many messages hold a hashed word, as the engine's own index finds it.
async fn found(world: &World, word: &str) -> i64 {
    let hash = world.chat.keyed_words(RESOURCE, word);
    let find = move |tx: &mut Tx<'_>| {
        let sql = match tx.engine() {
            Engine::Sqlite => "SELECT COUNT(*) FROM chat_search WHERE chat_search MATCH ?1",
            Engine::Postgres => {
                "SELECT COUNT(*) FROM chat_words WHERE words @@ CAST(CAST(?1 AS TEXT) AS tsquery)"
            }
        };
        Ok::<i64, ChatError>(tx.query_one(sql, trunkline_store::params![hash.as_str()])?.get(0)?)
    };
    world.test.read(find).await.expect("a search")
}

async fn every_hashed_word_is_found(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Words", &["ada"]).await;
    let words: Vec<String> = (0..400).map(|number| format!("word{number}")).collect();
    world.send(&thread.id, "ada", &words.join(" ")).await;
    for word in &words {
        assert_eq!(found(&world, word).await, 1, "{word}");
    }
    assert_eq!(found(&world, "absent").await, 0);
}

async fn edits_and_deletions_reach_the_index(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Words", &["ada"]).await;
    let first = world.send(&thread.id, "ada", "apple").await;
    let second = world.send(&thread.id, "ada", "apple pear").await;
    assert_eq!(found(&world, "apple").await, 2);
    world.edit(&thread.id, "ada", first.id, "plum").await;
    assert_eq!((found(&world, "apple").await, found(&world, "plum").await), (1, 1));
    world.delete(&thread.id, "ada", second.id).await;
    assert_eq!((found(&world, "apple").await, found(&world, "pear").await), (0, 0));
    world.delete_thread(&thread.id, "ada").await;
    world.run_jobs().await;
    assert_eq!(found(&world, "plum").await, 0);
}
