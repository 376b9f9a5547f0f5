//! `CommunicationIdentity_Delete`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{DEV, SLICES, USERS, World, identity_path, issue_path, raw_id, user_path, woken};

on_both_engines!(SLICES;
    deletion_takes_the_user_its_labels_and_its_tokens,
    strangers_are_refused,
    api_versions_are_checked,
    unknown_identities_are_not_found,
    of_two_deletions_at_once_one_is_told_it_was_late,
    a_user_made_again_with_the_same_id_gets_none_of_the_old_tokens_back,
    creation_and_deletion_at_once_leave_no_half,
);

async fn deletion_takes_the_user_its_labels_and_its_tokens(store: TestStore) {
    let world = World::new(store).await;
    let (id, other) = (world.create().await, world.create().await);
    let labels = Call::new("PATCH", user_path(&id)).json(&json!({ "labels": { "a": "b" } }));
    world.operate("owner", labels).await.expect(200);
    let (token, kept) = (world.token(&id, &["chat"]).await, world.token(&other, &["chat"]).await);
    assert!(world.verify(&token).await.is_ok());
    let mut wakes = world.revocations();
    world.call(Call::delete(identity_path(&id))).await.expect(204);
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    assert!(world.verify(&kept).await.is_ok());
    assert_eq!(world.users().await, [(DEV.to_owned(), other, world.now())]);
    assert_eq!(world.app.count("identity_labels").await, 0);
    let event = json!({ "resource": DEV, "kind": crate::USER_DELETED, "subject": id, "payload": {} });
    assert_eq!(world.app.events().await, [event]);
    assert_eq!(woken(&mut wakes).await, format!("{DEV} {id}"));
    let issue = Call::post(issue_path(&id)).json(&json!({ "scopes": ["chat"] }));
    world.call(issue).await.expect_error(404, "IdentityNotFound");
}

async fn strangers_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    world.refuses_strangers(&Call::delete(identity_path(&id))).await;
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn api_versions_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let path = format!("/identities/{}", world.create().await);
    let wrong = Call::delete(path.clone());
    world.call(wrong).await.expect_error(400, "MissingApiVersionParameter");
    let old = Call::delete(format!("{path}?api-version=2019-01-01"));
    world.call(old).await.expect_error(400, "UnsupportedApiVersionValue");
    assert_eq!(world.users().await.len(), 1);
    world.call(Call::delete(format!("{path}?api-version=ApiVersion.V2022_10_01"))).await.expect(204);
}

async fn unknown_identities_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let foreign = id.replace("000000000001_", "000000000002_");
    for unknown in [raw_id(1), foreign, "x".to_owned(), "8:acs:%C3%A9".to_owned(), "%25".to_owned()] {
        let answer = world.call(Call::delete(identity_path(&unknown))).await;
        assert_eq!(answer.expect_error(404, "IdentityNotFound").body["error"]["target"], "id");
    }
    world.call(Call::delete(identity_path("%00"))).await.expect_error(400, "BadRequest");
    world.call(Call::delete(identity_path("%ff"))).await.expect_invalid("id");
    assert_eq!(world.users().await.len(), 1);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn of_two_deletions_at_once_one_is_told_it_was_late(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let delete = || world.call(Call::delete(identity_path(&id)));
    let (first, second) = tokio::join!(delete(), delete());
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    assert_eq!(world.app.events().await.len(), 1);
}

async fn a_user_made_again_with_the_same_id_gets_none_of_the_old_tokens_back(store: TestStore) {
    let world = World::new(store).await;
    let make = || world.operate("owner", Call::post(USERS).json(&json!({ "id": raw_id(1) })));
    make().await.expect(201);
    let old = world.token(&raw_id(1), &["chat"]).await;
    world.call(Call::delete(identity_path(&raw_id(1)))).await.expect(204);
    make().await.expect(201);
    assert_eq!(world.verify(&old).await, Err("TokenRevoked"));
    let new = world.token(&raw_id(1), &["chat"]).await;
    assert!(world.verify(&new).await.is_ok());
    assert_eq!(world.verify(&old).await, Err("TokenRevoked"));
}

async fn creation_and_deletion_at_once_leave_no_half(store: TestStore) {
    let world = World::new(store).await;
    for round in 0..10 {
        let id = raw_id(round);
        let new = json!({ "id": id, "labels": { "round": round.to_string() } });
        let create = world.operate("owner", Call::post(USERS).json(&new));
        let delete = world.call(Call::delete(identity_path(&id)));
        let (created, deleted) = tokio::join!(create, delete);
        created.expect(201);
        assert!(matches!(deleted.status, 204 | 404), "{}", deleted.body);
        let left = world.users().await.iter().filter(|user| user.1 == id).count();
        assert_eq!(left, usize::from(deleted.status == 404));
    }
    let (users, labels) = (world.users().await.len(), world.app.count("identity_labels").await);
    assert_eq!(labels, i64::try_from(users).expect("a handful"));
}
