//! `Usage_List`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{SLICES, World, settings};
use crate::SpendAction;

on_both_engines!(SLICES;
    usage_is_listed_by_day_and_by_month,
    usage_is_listed_in_pages,
    usage_is_exported_as_csv,
    what_a_deleted_resource_used_stays,
    wrong_questions_are_refused,
    operators_may_look,
);

async fn world(store: TestStore) -> World {
    let world = World::new(store, settings(None, SpendAction::Warn));
    for (instant, name, meter, quantity) in [
        ("2026-10-31T23:59:59Z", "dev", "users", 1),
        ("2026-11-01T00:00:00Z", "dev", "users", 2),
        ("2026-11-20T10:00:00Z", "dev", "users", 3),
        ("2026-11-20T10:00:01Z", "dev", "users", 4),
        ("2026-11-20T10:00:02Z", "dev", "unpriced", 5),
        ("2026-11-21T12:00:00Z", "other", "talk.seconds", 90),
    ] {
        world.at(instant);
        world.count(name, meter, quantity).await;
    }
    world
}

/// Period, resource, meter, quantity and cost of each line.
fn short(answer: &Answer) -> Vec<Value> {
    let lines = answer.body["value"].as_array().expect("a list");
    let short = |line: &Value| {
        json!([line["period"], line["resource"], line["meter"], line["quantity"], line["cost"]])
    };
    lines.iter().map(short).collect()
}

async fn usage_is_listed_by_day_and_by_month(store: TestStore) {
    let world = world(store).await;
    let this_month = world.read("/trunkline/usage").await.expect(200);
    let november = [
        json!(["2026-11-01", "dev", "users", 2, "0.01"]),
        json!(["2026-11-20", "dev", "unpriced", 5, null]),
        json!(["2026-11-20", "dev", "users", 7, "0.035"]),
        json!(["2026-11-21", "other", "talk.seconds", 90, "0.03"]),
    ];
    assert_eq!(short(&this_month), november);
    let first = json!({
        "period": "2026-11-01", "resource": "dev", "resourceId": world.view("dev").id.to_string(),
        "operation": "Op_Do", "meter": "users", "quantity": 2, "cost": "0.01", "currency": "EUR",
    });
    assert_eq!(this_month.body["value"][0], first);
    assert_eq!(this_month.body.get("nextLink"), None);
    let months = world.read("/trunkline/usage?groupBy=month&from=2026-01-01").await.expect(200);
    let by_month = [
        json!(["2026-10", "dev", "users", 1, "0.005"]),
        json!(["2026-11", "dev", "unpriced", 5, null]),
        json!(["2026-11", "dev", "users", 9, "0.045"]),
        json!(["2026-11", "other", "talk.seconds", 90, "0.03"]),
    ];
    assert_eq!(short(&months), by_month);
    let until = world.read("/trunkline/usage?to=2026-10-31").await.expect(200);
    assert_eq!(short(&until), [json!(["2026-10-31", "dev", "users", 1, "0.005"])]);
    let id = world.view("other").id;
    for resource in ["other".to_owned(), "Other".to_owned(), id.to_string()] {
        let one = world.read(&format!("/trunkline/usage?resource={resource}")).await.expect(200);
        assert_eq!(short(&one), november[3..]);
    }
    let nobody = world.read("/trunkline/usage?resource=nobody").await.expect(200);
    assert_eq!(nobody.body, json!({ "value": [] }));
}

async fn usage_is_listed_in_pages(store: TestStore) {
    let world = world(store).await;
    let mut target = "/trunkline/usage?from=2026-10-01&maxPageSize=2".to_owned();
    let mut periods = Vec::new();
    for size in [2, 2, 1] {
        let page = world.read(&target).await.expect(200);
        let lines = short(&page);
        assert_eq!(lines.len(), size);
        periods.extend(lines.iter().map(|line| line[0].as_str().unwrap_or_default()[5..].to_owned()));
        let link = page.body["nextLink"].as_str().and_then(|link| link.strip_prefix(app::ORIGIN));
        target = link.unwrap_or_default().to_owned();
    }
    assert_eq!(periods, ["10-31", "11-01", "11-20", "11-20", "11-21"]);
    assert_eq!(target, "", "the last page names no next one");
    world.read("/trunkline/usage?continuationToken=x").await.expect_invalid("continuationToken");
}

async fn usage_is_exported_as_csv(store: TestStore) {
    let world = world(store).await;
    let ids = ["dev", "other"].map(|name| world.view(name).id.to_string());
    let expected = format!(
        "period,resource,resource_id,operation,meter,quantity,cost,currency\r\n\
         2026-11-20,dev,{0},Op_Do,unpriced,5,,\r\n\
         2026-11-20,dev,{0},Op_Do,users,7,0.035,EUR\r\n\
         2026-11-21,other,{1},Op_Do,talk.seconds,90,0.03,EUR\r\n",
        ids[0], ids[1]
    );
    let target = "/trunkline/usage?from=2026-11-02&maxPageSize=1";
    let ask = |target: String, accept: &'static str| {
        world.app.call(Call::get(target).bearer("reader").header("accept", accept))
    };
    for answer in [
        world.read(&format!("{target}&format=csv")).await,
        ask(target.to_owned(), "text/csv; q=0.9, */*;q=0.1").await,
    ] {
        let answer = answer.expect(200);
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
        let name = "attachment; filename=\"usage-2026-11-02-2026-11-21.csv\"";
        assert_eq!(answer.header("content-disposition"), name);
        assert_eq!(String::from_utf8_lossy(&answer.bytes), expected);
    }
    for (format, accept) in [("&format=json", "text/csv"), ("", "text/csv, application/json"), ("", "*/*")] {
        let answer = ask(format!("{target}{format}"), accept).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    }
}

async fn what_a_deleted_resource_used_stays(store: TestStore) {
    let world = world(store).await;
    world.resources.remove("other");
    let one = world.read("/trunkline/usage?resource=other").await.expect(200);
    assert_eq!(short(&one), [json!(["2026-11-21", "other", "talk.seconds", 90, "0.03"])]);
}

async fn wrong_questions_are_refused(store: TestStore) {
    let world = world(store).await;
    for (query, target) in [
        ("from=yesterday", "from"),
        ("from=2026-11-31", "from"),
        ("to=2026-11", "to"),
        ("from=2026-11-02&to=2026-11-01", "from"),
        ("groupBy=year", "groupBy"),
        ("format=xml", "format"),
        ("maxPageSize=0", "maxPageSize"),
        ("resource=%00", "resource"),
    ] {
        world.read(&format!("/trunkline/usage?{query}")).await.expect_invalid(target);
    }
}

async fn operators_may_look(store: TestStore) {
    world(store).await.takes_operators("/trunkline/usage").await;
}
