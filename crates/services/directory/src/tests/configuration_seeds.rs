//! What the configuration puts into the directory.

use serde_json::json;
use trunkline_kernel::Secret;
use trunkline_testkit::{TestStore, on_both_engines};
use trunkline_web::Role;
use trunkline_web::principal::ApplicationRole;
use uuid::Uuid;

use super::credentials_add::certificate;
use super::harness::{APPLICATIONS, SLICES, USERS, World, text, woken};
use crate::{ApplicationSeed, DirectoryError, FederationSeed, Leftover, RoleSeed, Seeds, UserSeed};

on_both_engines!(SLICES;
    applying_twice_changes_nothing,
    the_configuration_takes_back_what_it_gave_and_nothing_else,
    what_is_no_longer_named_stays_and_is_reported,
    every_change_is_audited,
    changed_secrets_and_passwords_replace_the_old_ones,
    an_application_with_a_client_id_may_change_its_name,
    bad_seeds_are_refused_and_change_nothing,
);

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn role(role: Role, resource: Option<&str>) -> RoleSeed {
    let resource = resource.map(|name| name.parse().expect("a name"));
    RoleSeed { role: ApplicationRole::General(role), resource }
}

fn seeds() -> Seeds {
    Seeds {
        applications: vec![ApplicationSeed {
            name: "shop".to_owned(),
            redirect_uris: vec!["http://localhost/done".to_owned()],
            is_managed_identity: true,
            secrets: vec![secret("a-given-secret-of-mine")],
            federations: vec![FederationSeed {
                issuer: "https://issuer.example".to_owned(),
                subject: "shop".to_owned(),
                audience: None,
            }],
            roles: vec![role(Role::Owner, None), role(Role::Reader, Some("dev"))],
            ..ApplicationSeed::default()
        }],
        users: vec![UserSeed {
            user_name: "Ada".to_owned(),
            password: Some(secret("correct horse")),
            roles: vec![role(Role::Reader, None)],
            ..UserSeed::default()
        }],
    }
}

async fn applying_twice_changes_nothing(store: TestStore) {
    let world = World::new(store).await;
    let mut seeds = seeds();
    seeds.applications[0].certificates = vec![certificate()];
    let applied = world.directory.apply_seeds(&seeds).await.expect("good");
    let shown = world.get(format!("{APPLICATIONS}/shop")).await.expect(200).body;
    let ada = world.get(format!("{USERS}/ada")).await.expect(200).body;
    assert_eq!(text(&shown["clientId"]), applied.applications[0].client_id.to_string());
    assert_eq!(text(&shown["objectId"]), applied.applications[0].object_id.to_string());
    assert_eq!(shown["isManagedIdentity"], true);
    assert_eq!(world.rows().await, [1, 3, 1, 3]);
    assert_eq!(world.grants(&shown["objectId"]).await.len(), 2);
    assert_eq!(world.sign_in("ada", "correct horse").await, "ada");
    let kind = || async { world.directory.principals.find(&text(&ada["objectId"])).await.expect("readable") };
    let before = kind().await;
    let audited = world.app.audit_log().await.len();
    world.app.clock().advance(std::time::Duration::from_hours(1));
    assert_eq!(world.directory.apply_seeds(&seeds).await.expect("good"), applied);
    assert_eq!(world.get(format!("{APPLICATIONS}/shop")).await.expect(200).body, shown);
    assert_eq!(world.get(format!("{USERS}/ada")).await.expect(200).body, ada);
    assert_eq!(kind().await, before, "nobody is signed out by a restart");
    assert_eq!(world.app.audit_log().await.len(), audited, "what changes nothing leaves no row");
    assert_eq!(world.rows().await, [1, 3, 1, 3]);
}

async fn the_configuration_takes_back_what_it_gave_and_nothing_else(store: TestStore) {
    let world = World::new(store).await;
    world.directory.apply_seeds(&seeds()).await.expect("good");
    let path = format!("{APPLICATIONS}/shop/credentials");
    let kept = world.post(&path, &json!({ "kind": "secret" })).await.expect(201).body;
    world.role(&json!("shop"), "contributor", None).await;
    world.directory.apply_seeds(&Seeds::default()).await.expect("good");
    let shown = world.get(format!("{APPLICATIONS}/shop")).await.expect(200).body;
    assert_eq!(shown["credentials"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["credentials"][0]["id"], kept["id"]);
    assert_eq!(world.grants(&shown["objectId"]).await, ["contributor"]);
    let ada = world.get(format!("{USERS}/ada")).await.expect(200).body;
    assert_eq!(world.grants(&ada["objectId"]).await, Vec::<String>::new());
}

async fn what_is_no_longer_named_stays_and_is_reported(store: TestStore) {
    let world = World::new(store).await;
    world.application("by-hand").await;
    let seeded = world.directory.apply_seeds(&seeds()).await.expect("good");
    assert_eq!(seeded.leftovers, []);
    let ada = world.get(format!("{USERS}/ada")).await.expect(200).body;
    let mut left = world.directory.apply_seeds(&Seeds::default()).await.expect("good").leftovers;
    left.sort_by_key(Leftover::command);
    let client_id = seeded.applications[0].client_id;
    let object_id: Uuid = text(&ada["objectId"]).parse().expect("a GUID");
    assert_eq!(left, [Leftover::Application(client_id), Leftover::User(object_id)]);
    let commands: Vec<String> = left.iter().map(Leftover::command).collect();
    assert_eq!(
        commands,
        [format!("trunkline app delete {client_id}"), format!("trunkline directory-user delete {object_id}")]
    );
    assert_eq!(world.sign_in("ada", "correct horse").await, "ada");
    // Named again it is none, and deleted neither.
    let only_shop = Seeds { users: Vec::new(), ..seeds() };
    let again = world.directory.apply_seeds(&only_shop).await.expect("good");
    assert_eq!(again.applications[0].client_id, client_id);
    assert_eq!(again.leftovers, [Leftover::User(object_id)]);
    world.delete(format!("{USERS}/{object_id}")).await.expect(204);
    assert_eq!(world.directory.apply_seeds(&only_shop).await.expect("good").leftovers, []);
    assert_eq!(world.app.count("directory_seeds").await, 1);
}

async fn every_change_is_audited(store: TestStore) {
    let world = World::new(store).await;
    let operations = async |world: &World, known: usize| {
        let mut log = world.app.audit_log().await;
        log.truncate(log.len() - known);
        assert!(log.iter().all(|row| row.principal == "configuration"));
        assert!(log.iter().all(|row| row.request_id == log[0].request_id), "one start, one id");
        let shown = serde_json::to_string(&log).expect("JSON");
        assert!(!shown.contains("secret-of-mine") && !shown.contains("horse"), "{shown}");
        log.reverse();
        log.into_iter().map(|row| row.operation).collect::<Vec<_>>()
    };
    let seeded = world.directory.apply_seeds(&seeds()).await.expect("good");
    let first = world.app.audit_log().await.pop().expect("a row");
    assert_eq!(first.target, seeded.applications[0].client_id.to_string());
    assert_eq!(first.detail["name"], "shop");
    let made = [
        "Applications_Create",
        "Credentials_Add",
        "Credentials_Add",
        "RoleAssignments_Create",
        "RoleAssignments_Create",
        "DirectoryUsers_Create",
        "RoleAssignments_Create",
    ];
    assert_eq!(operations(&world, 0).await, made);
    let mut changed = seeds();
    changed.applications[0].redirect_uris.clear();
    changed.applications[0].secrets.clear();
    changed.applications[0].roles.truncate(1);
    changed.users[0].display_name = Some("Ada Lovelace".to_owned());
    let mut changes = world.changes();
    world.directory.apply_seeds(&changed).await.expect("good");
    woken(&mut changes).await;
    assert_eq!(
        operations(&world, made.len()).await,
        ["Applications_Update", "DirectoryUsers_Update", "Credentials_Delete", "RoleAssignments_Delete"]
    );
}

async fn changed_secrets_and_passwords_replace_the_old_ones(store: TestStore) {
    let world = World::new(store).await;
    let mut seeds = seeds();
    world.directory.apply_seeds(&seeds).await.expect("good");
    seeds.applications[0].secrets = vec![secret("another-secret-of-mine")];
    seeds.users[0].password = Some(secret("battery staple"));
    world.directory.apply_seeds(&seeds).await.expect("good");
    let shown = world.get(format!("{APPLICATIONS}/shop")).await.expect(200).body;
    let hints: Vec<String> =
        shown["credentials"].as_array().expect("some").iter().map(|one| text(&one["hint"])).collect();
    assert_eq!(hints.len(), 2);
    assert!(hints.contains(&"ano".to_owned()) && !hints.contains(&"a-g".to_owned()), "{hints:?}");
    assert_eq!(world.sign_in("ada", "correct horse").await, "wrong");
    assert_eq!(world.sign_in("ada", "battery staple").await, "ada");
    seeds.users[0].password = None;
    world.directory.apply_seeds(&seeds).await.expect("good");
    assert_eq!(world.sign_in("ada", "battery staple").await, "ada", "a password that is not given stays");
}

async fn an_application_with_a_client_id_may_change_its_name(store: TestStore) {
    let world = World::new(store).await;
    let mut seeds = seeds();
    seeds.applications[0].client_id = Some(Uuid::from_u128(7));
    let first = world.directory.apply_seeds(&seeds).await.expect("good");
    seeds.applications[0].name = "till".to_owned();
    let second = world.directory.apply_seeds(&seeds).await.expect("good");
    assert_eq!(first.applications[0].object_id, second.applications[0].object_id);
    assert_eq!(world.walk(APPLICATIONS, "name").await, ["till"]);
    world.application("shop").await;
    seeds.applications[0].name = "shop".to_owned();
    let taken = world.directory.apply_seeds(&seeds).await;
    assert!(matches!(taken, Err(DirectoryError::NameTaken(name)) if name == "shop"));
}

async fn bad_seeds_are_refused_and_change_nothing(store: TestStore) {
    let world = World::new(store).await;
    let bad = |change: fn(&mut Seeds)| {
        let mut seeds = seeds();
        change(&mut seeds);
        seeds
    };
    for seeds in [
        bad(|seeds| seeds.applications[0].name = String::new()),
        bad(|seeds| seeds.applications[0].redirect_uris = vec!["http://shop.example".to_owned()]),
        bad(|seeds| seeds.applications[0].secrets = vec![secret("short")]),
        bad(|seeds| seeds.applications[0].certificates = vec!["x".to_owned()]),
        bad(|seeds| seeds.applications[0].roles = vec![role(Role::Owner, Some("nobody"))]),
        bad(|seeds| seeds.users[0].user_name = "a b".to_owned()),
        bad(|seeds| seeds.users[0].password = Some(secret("short"))),
        bad(|seeds| {
            seeds.applications.push(ApplicationSeed {
                client_id: Some(Uuid::from_u128(8)),
                ..seeds.applications[0].clone()
            });
        }),
    ] {
        assert!(world.directory.apply_seeds(&seeds).await.is_err(), "{seeds:?}");
        assert_eq!(world.rows().await, [0; 4]);
    }
    assert!(!format!("{:?}", seeds()).contains("secret-of-mine"));
    assert!(!format!("{:?}", seeds()).contains("horse"));
}
