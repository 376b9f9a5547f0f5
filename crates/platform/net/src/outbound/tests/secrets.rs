//! Nothing that is shown of a call tells the secret part of its address.

use trunkline_testkit::Behaviour;

use super::*;

#[tokio::test]
async fn no_text_of_an_error_or_a_value_has_the_query() {
    let mut shown = Vec::new();
    let world = World::default();
    for behaviour in [Behaviour::Garbage, Behaviour::Close, Behaviour::EndlessHead, Behaviour::EndlessBody] {
        let sink = Sink::start(behaviour).await;
        let mut connection = world.connect_to(&sink).await;
        shown.push(format!("{:?}", connection.exchange(post("{}")).await));
        shown.push(format!("{connection:?} {:?}", target(&sink.url("/hook?code=s3cret"))));
        let mut connection = world.connect_to(&sink).await;
        if let Err(error) = connection.exchange_with_body(post("{}"), 10).await {
            shown.push(format!("{error:?} {error} {}", error.word()));
        }
    }
    for url in [
        "http://10.0.0.1/?code=s3cret",
        "http://nowhere.example/?code=s3cret",
        "https://127.0.0.1:1/?code=s3cret",
    ] {
        let world = World { resolver: ScriptedResolver::new([]), ..World::default() };
        let error = world.connect(url).await.expect_err("nobody can be called there");
        shown.push(format!("{error:?} {error} {}", error.word()));
    }
    shown.push(format!("{:?}", world.outbound()));
    assert!(shown.len() > 12);
    for text in shown {
        assert!(!text.contains("s3cret") && !text.contains("code="), "{text}");
    }
}
