//! `Users_List`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{SLICES, USERS, World, raw_id, text, user_path};

on_both_engines!(SLICES;
    pages_neither_skip_nor_repeat_while_users_come_and_go,
    users_are_found_by_id_and_label,
    readers_may_look,
    forged_continuations_and_odd_parameters_are_refused,
    each_resource_shows_its_own,
);

async fn add(world: &World, number: u32, labels: &Value) {
    let new = json!({ "id": raw_id(number), "labels": labels });
    world.operate("owner", Call::post(USERS).json(&new)).await.expect(201);
}

async fn list(world: &World, target: &str) -> Answer {
    world.operate("reader", Call::get(target)).await.expect(200)
}

fn ids(answer: &Answer) -> Vec<String> {
    answer.body["value"].as_array().expect("a list").iter().map(|user| text(&user["id"])).collect()
}

fn next(answer: &Answer) -> Option<String> {
    let link = answer.body["nextLink"].as_str()?;
    Some(link.strip_prefix(app::ORIGIN).expect("an absolute link to the origin").to_owned())
}

async fn pages_neither_skip_nor_repeat_while_users_come_and_go(store: TestStore) {
    let world = World::new(store).await;
    for number in 0..7 {
        add(&world, number * 10, &json!({})).await;
    }
    let mut answer = list(&world, &format!("{USERS}?maxPageSize=2&unknown=a%20b%2Bc")).await;
    let mut seen = ids(&answer);
    let mut round = 0;
    while let Some(link) = next(&answer) {
        assert!(link.contains("unknown=a%20b%2Bc"), "{link}");
        // Before the position and behind it; and the last entry of the page goes.
        add(&world, 1 + round, &json!({})).await;
        add(&world, 100 + round, &json!({})).await;
        let last = Call::delete(user_path(seen.last().expect("a page")));
        world.operate("owner", last).await.expect(204);
        answer = list(&world, &link).await;
        assert!(ids(&answer).len() <= 2);
        seen.extend(ids(&answer));
        round += 1;
        assert!(round < 20, "paging does not end");
        if round > 3 {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(seen, sorted, "in order, none twice");
    for number in 0..7 {
        assert!(seen.contains(&raw_id(number * 10)), "{number} was skipped");
    }
    let all = list(&world, USERS).await;
    assert_eq!(next(&all), None);
}

async fn users_are_found_by_id_and_label(store: TestStore) {
    let world = World::new(store).await;
    add(&world, 1, &json!({ "team": "Blue", "note": "100%_sure!" })).await;
    add(&world, 2, &json!({ "team": "blue", "note": "ÄÖ" })).await;
    add(&world, 3, &json!({ "team": "red", "other": "Blue" })).await;
    for (query, found) in [
        ("", vec![1, 2, 3]),
        ("?search=", vec![1, 2, 3]),
        ("?search=BLUE", vec![1, 2, 3]),
        ("?search=000000000002", vec![2]),
        ("?search=100%25_s", vec![1]),
        ("?search=%25", vec![1]),
        ("?search=_s", vec![1]),
        ("?search=!", vec![1]),
        ("?search=%C3%84", vec![2]),
        ("?search=';DROP", vec![]),
        ("?label=team=Blue", vec![1]),
        ("?label=team=blue", vec![2]),
        ("?label=team=", vec![]),
        ("?label=other=Blue&search=RED", vec![3]),
        ("?label=note=100%25_sure!", vec![1]),
    ] {
        let answer = list(&world, &format!("{USERS}{query}")).await;
        let expected: Vec<String> = found.into_iter().map(raw_id).collect();
        assert_eq!(ids(&answer), expected, "{query}");
    }
    let answer = list(&world, &format!("{USERS}?label=team=red")).await;
    let shown = json!({
        "id": raw_id(3),
        "labels": { "other": "Blue", "team": "red" },
        "createdOn": world.now().to_rfc3339(),
    });
    assert_eq!(answer.body, json!({ "value": [shown] }));
    let page = list(&world, &format!("{USERS}?search=blue&maxPageSize=1")).await;
    let second = list(&world, &next(&page).expect("a second page")).await;
    assert_eq!(ids(&second), [raw_id(2)], "the filter goes with the link");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("reader", &Call::get(USERS)).await;
    assert_eq!(world.app.audit_log().await.len(), 0);
}

async fn forged_continuations_and_odd_parameters_are_refused(store: TestStore) {
    let world = World::new(store).await;
    add(&world, 1, &json!({})).await;
    add(&world, 2, &json!({})).await;
    let ask = |query: String| world.operate("reader", Call::get(format!("{USERS}?{query}")));
    let page = list(&world, &format!("{USERS}?maxPageSize=1")).await;
    let link = next(&page).expect("a second page");
    let token = link.split("continuationToken=").nth(1).expect("a token");
    let (position, tag) = token.split_once('.').expect("position and tag");
    for forged in ["", "x", ".", "%00", &format!("{position}."), &format!("{position}x.{tag}"), position] {
        ask(format!("continuationToken={forged}")).await.expect_invalid("continuationToken");
    }
    // A token of one list opens no other.
    let elsewhere = format!("/trunkline/resources/other/users?continuationToken={token}");
    world.operate("reader", Call::get(elsewhere)).await.expect_invalid("continuationToken");
    for size in ["0", "-1", "x", "1.5", "4294967296", ""] {
        ask(format!("maxPageSize={size}")).await.expect_invalid("maxPageSize");
    }
    ask("maxPageSize=4294967295".to_owned()).await.expect(200);
    ask("label=team".to_owned()).await.expect_invalid("label");
    ask(format!("search={}", "x".repeat(257))).await.expect_invalid("search");
    ask("search=%ff".to_owned()).await.expect_invalid("query");
    ask("search=%zz".to_owned()).await.expect_invalid("query");
    ask("search=%00".to_owned()).await.expect_error(400, "BadRequest");
}

async fn each_resource_shows_its_own(store: TestStore) {
    let world = World::new(store).await;
    add(&world, 1, &json!({})).await;
    assert_eq!(ids(&list(&world, "/trunkline/resources/other/users").await), Vec::<String>::new());
    let get = |path: &str| world.operate("reader", Call::get(path));
    get("/trunkline/resources/nobody/users").await.expect_error(404, "NotFound");
    get("/trunkline/resources/no_name/users").await.expect_invalid("name");
    assert_eq!(ids(&list(&world, "/trunkline/resources/DEV/users").await).len(), 1);
}
