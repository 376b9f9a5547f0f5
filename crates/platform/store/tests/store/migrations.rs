//! Migrations: order, newer data, changed text, failure, two starts at once.

use trunkline_store::{Engine, Migration, OpenError, Slice, StoreError, params};
use trunkline_testkit::{TestStore, on_both_engines};

const ONE: Migration = Migration {
    version: 1,
    name: "one",
    sql: "CREATE TABLE demo_things (id TEXT NOT NULL PRIMARY KEY) STRICT;",
};
const TWO: Migration = Migration {
    version: 2,
    name: "two",
    sql: "ALTER TABLE demo_things ADD COLUMN size INTEGER NOT NULL DEFAULT 5; INSERT INTO demo_things (id) VALUES ('x');",
};
const CHANGED: Migration =
    Migration { version: 1, name: "one", sql: "CREATE TABLE demo_other (id TEXT) STRICT;" };
const BROKEN: Migration = Migration {
    version: 2,
    name: "broken",
    sql: "CREATE TABLE demo_half (id TEXT) STRICT; INSERT INTO absent VALUES (1);",
};

const FIRST: Slice = Slice { name: "demo", migrations: &[ONE] };
const SECOND: Slice = Slice { name: "demo", migrations: &[ONE, TWO] };

on_both_engines!(&[FIRST];
    a_newer_program_upgrades_the_data,
    newer_data_is_refused_with_both_versions,
    a_changed_migration_is_refused,
    a_failed_migration_leaves_nothing,
    gaps_are_refused,
    slices_the_program_does_not_know_are_refused,
    starts_at_once_do_not_meet,
    blocks_are_for_their_engine,
    unknown_marks_are_refused,
);

async fn a_newer_program_upgrades_the_data(test: TestStore) {
    test.close().await;
    let store = test.open_again(&[SECOND]).await.unwrap();
    let row = store.read(|tx| tx.query_one("SELECT size FROM demo_things WHERE id = 'x'", &[])).await;
    assert_eq!(row.map_err(|failure: StoreError| failure).unwrap().get::<i64>(0), Ok(5));
    store.close().await;
    // A second start with the same program changes nothing.
    test.open_again(&[SECOND]).await.unwrap().close().await;
}

async fn newer_data_is_refused_with_both_versions(test: TestStore) {
    test.close().await;
    test.open_again(&[SECOND]).await.unwrap().close().await;
    let Err(failure) = test.open_again(&[FIRST]).await else { panic!("newer data was accepted") };
    let text = failure.to_string();
    assert!(text.contains("demo has version 2") && text.contains("knows only 1"), "{text}");
}

async fn a_changed_migration_is_refused(test: TestStore) {
    test.close().await;
    let changed = Slice { name: "demo", migrations: &[CHANGED] };
    let refused = test.open_again(&[changed]).await;
    assert!(matches!(refused, Err(OpenError::MigrationChanged { version: 1, .. })));
}

async fn a_failed_migration_leaves_nothing(test: TestStore) {
    test.close().await;
    let broken = Slice { name: "demo", migrations: &[ONE, BROKEN] };
    let refused = test.open_again(&[broken]).await;
    assert!(matches!(refused, Err(OpenError::Migration { version: 2, name: "broken", .. })));
    let store = test.open_again(&[FIRST]).await.unwrap();
    let half = store.read(|tx| tx.query_all("SELECT id FROM demo_half", &[])).await;
    assert!(matches!(half, Err(StoreError::Statement { .. })));
}

async fn gaps_are_refused(test: TestStore) {
    test.close().await;
    let gap = Slice { name: "demo", migrations: &[ONE, Migration { version: 3, ..TWO }] };
    assert!(matches!(test.open_again(&[gap]).await, Err(OpenError::MigrationOrder { version: 3, .. })));
}

async fn slices_the_program_does_not_know_are_refused(test: TestStore) {
    test.close().await;
    let refused = test.open_again(&[]).await;
    assert!(matches!(refused, Err(OpenError::DataNewer { data: 1, program: 0, .. })));
}

const BLOCKS: Migration = Migration {
    version: 2,
    name: "blocks",
    sql: "CREATE TABLE demo_engine (name TEXT NOT NULL) STRICT;\n\
          --@sqlite\n\
          INSERT INTO demo_engine VALUES ('sqlite'); CREATE VIRTUAL TABLE demo_words USING fts5(words);\n\
          --@postgres\n\
          INSERT INTO demo_engine VALUES ('postgres'); CREATE TABLE demo_words (words tsvector);\n\
          --@end\n\
          CREATE TABLE demo_after (id TEXT) STRICT;",
};
const MARKED: Migration =
    Migration { version: 2, name: "marked", sql: "--@mysql\nCREATE TABLE demo_half (id TEXT);\n--@end" };

async fn blocks_are_for_their_engine(test: TestStore) {
    test.close().await;
    let slice = Slice { name: "demo", migrations: &[ONE, BLOCKS] };
    let store = test.open_again(&[slice]).await.unwrap();
    let names = store.read(|tx| {
        tx.query_all("SELECT count(*) FROM demo_after", &[])?;
        tx.query_all("SELECT name FROM demo_engine", &[])?.iter().map(|row| row.get::<String>(0)).collect()
    });
    let names: Result<Vec<String>, StoreError> = names.await;
    let expected = if store.engine() == Engine::Sqlite { "sqlite" } else { "postgres" };
    assert_eq!(names.unwrap(), [expected]);
    store.close().await;
    test.open_again(&[slice]).await.unwrap().close().await;
}

async fn unknown_marks_are_refused(test: TestStore) {
    test.close().await;
    let slice = Slice { name: "demo", migrations: &[ONE, MARKED] };
    let Err(failure) = test.open_again(&[slice]).await else { panic!("an unknown mark was accepted") };
    assert!(failure.to_string().contains("--@mysql"), "{failure}");
    test.open_again(&[FIRST]).await.unwrap().close().await;
}

async fn starts_at_once_do_not_meet(test: TestStore) {
    test.close().await;
    let opened = futures_util::future::join_all((0..4).map(|_| test.open_again(&[SECOND]))).await;
    for store in opened {
        let store = store.unwrap();
        let count = store.read(|tx| {
            tx.query_one("SELECT count(*) FROM schema_migrations WHERE slice = ?1", params!["demo"])?.get(0)
        });
        assert_eq!(count.await.map_err(|failure: StoreError| failure), Ok(2_i64));
        store.close().await;
    }
}
