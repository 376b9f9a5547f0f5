//! Two nodes over one PostgreSQL: whoever calls whom is brought together on one of them, and the call outlives it.

use serde_json::json;
use trunkline_testkit::realtime::Origin;

use super::user;
use crate::nodes::Fleet;
use crate::support::server::{Server, run_json};

/// Where clients of `contoso` find a node, and where the node itself is found.
fn origins(server: &Server) -> [Origin; 2] {
    let own = server.client().origin();
    let port = own.host.rsplit(':').next().expect("a port").to_owned();
    [Origin { host: format!("contoso.localhost:{port}"), ..own.clone() }, own]
}

/// Two people meet on the first node whichever they ask, and talk; then `end` ends that node.
async fn a_call_outlives(end: impl FnOnce(&mut Server)) {
    let mut fleet = Fleet::start().await;
    // A resource whose host name is no node's.
    run_json(&fleet.first.data, &["resource", "create", "contoso"]);
    let (mut ada, mut bob) = (user(&fleet.first, "contoso", "a-1"), user(&fleet.first, "contoso", "rung"));
    let ([first, first_own], second) = (origins(&fleet.first), origins(&fleet.second));
    ada.connect(std::slice::from_ref(&first)).await;
    let said = bob.refused_by(&second[0]).await;
    let url = said["url"].as_str().unwrap_or_default();
    assert!(url.starts_with(&format!("wss://{}/calling/signalling?resource=", first_own.host)), "{said}");
    bob.connect(&[second[0].clone(), first_own]).await;

    ada.call(&bob.raw_id).await;
    bob.take().await;
    let call = ada.joined["call"].clone();
    tokio::join!(ada.hears(), bob.hears());

    tokio::task::block_in_place(|| end(&mut fleet.first));
    // Each comes back when the node that is left has the resource.
    tokio::join!(ada.connect(&second), bob.connect(&second));
    tokio::join!(ada.rejoin(), bob.rejoin());
    for (phone, p) in [(&ada, 1), (&bob, 2)] {
        assert_eq!((&phone.joined["call"], &phone.joined["p"]), (&call, &json!(p)));
    }
    tokio::join!(ada.hears(), bob.hears());
    ada.hang_up().await;
    let over = bob.client().next_of("leg.over").await;
    assert_eq!((&over["reason"]["code"], &over["by"]), (&json!(0), &json!(1)));
    let ended = "SELECT COUNT(*) FROM calling_calls WHERE ended_at IS NOT NULL";
    assert_eq!(fleet.database.count("SELECT COUNT(*) FROM calling_calls").await, 1);
    assert_eq!(fleet.database.count(ended).await, 1);
    assert_eq!(fleet.database.count("SELECT COUNT(*) FROM calling_legs WHERE end_code = 0").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_outlives_a_node_that_is_killed() {
    a_call_outlives(|server| {
        server.signal("KILL");
        assert!(!server.wait().success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_outlives_a_node_that_is_stopped() {
    a_call_outlives(|server| {
        server.signal("TERM");
        assert!(server.wait().success(), "{}", server.log());
        assert!(!server.log().contains("panicked"), "{}", server.log());
    })
    .await;
}
