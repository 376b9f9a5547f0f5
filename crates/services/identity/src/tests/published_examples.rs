//! The published examples of api-versions 2023-10-01 and 2025-06-30: requests are understood, replies have their form.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use trunkline_web::json::parse;

use crate::api::assignments::{
    TeamsExtensionAssignmentCreateOrUpdateRequest, TeamsExtensionAssignmentResponse,
};
use crate::api::exchanges::TeamsExtensionExchangeTokenRequest;
use crate::api::identities::{
    CommunicationIdentityAccessToken, CommunicationIdentityAccessTokenRequest,
    CommunicationIdentityAccessTokenResult, CommunicationIdentityCreateRequest,
};
use crate::api::teams::TeamsUserExchangeTokenRequest;

fn round_trip<T: Serialize + DeserializeOwned>(example: &Value) -> Value {
    let read: T = parse(example.to_string().as_bytes()).expect("the example is understood");
    serde_json::to_value(read).expect("wire types serialize")
}

#[test]
fn requests_round_trip() {
    let scopes = json!(["chat", "voip", "chat.join", "chat.join.limited", "voip.join"]);
    let create = json!({ "createTokenWithScopes": scopes, "expiresInMinutes": 60 });
    assert_eq!(round_trip::<CommunicationIdentityCreateRequest>(&create), create);
    let issue = json!({ "scopes": scopes, "expiresInMinutes": 60 });
    assert_eq!(round_trip::<CommunicationIdentityAccessTokenRequest>(&issue), issue);
    let exchange = json!({
        "token": "AzureActiveDirectoryAccessTokenOfATeamsUser",
        "appId": "2c3e1e83-8fd7-4615-ad2b-b8c1229845ac",
        "userId": "32c0a5db-05ec-78ea-51ab-3f06b329397e",
    });
    assert_eq!(round_trip::<TeamsUserExchangeTokenRequest>(&exchange), exchange);
    assert_eq!(round_trip::<TeamsExtensionExchangeTokenRequest>(&json!({})), json!({}));
    let assignment = json!({ "principalType": "resourceAccount" });
    assert_eq!(round_trip::<TeamsExtensionAssignmentCreateOrUpdateRequest>(&assignment), assignment);
}

#[test]
fn replies_round_trip_but_for_the_seventh_digit_of_a_second() {
    let token = |date: &str| json!({ "token": "token", "expiresOn": date });
    let (published, ours) = ("2023-10-10T21:39:39.3244584+00:00", "2023-10-10T21:39:39.324458+00:00");
    assert_eq!(round_trip::<CommunicationIdentityAccessToken>(&token(published)), token(ours));
    let id = "8:acs:2dee53b4-368b-45b4-ab52-8493fb117652_00000005-14a2-493b-8a72-5a3a0d000081";
    let created = |date| json!({ "identity": { "id": id }, "accessToken": token(date) });
    let read = round_trip::<CommunicationIdentityAccessTokenResult>(&created(published));
    assert_eq!(read, created(ours));
    let without = json!({ "identity": { "id": id } });
    assert_eq!(round_trip::<CommunicationIdentityAccessTokenResult>(&without), without);
    let tenant_and_user = "c70d068c-2f32-484d-9455-73070cd5aadd_b27b64b9-39d2-44a3-869d-67700b74e805";
    let exchanged = |date| {
        let id = format!("8:acs:2dee53b4-368b-45b4-ab52-8493fb117652_{tenant_and_user}");
        json!({ "identity": { "id": id }, "accessToken": token(date) })
    };
    let read = round_trip::<CommunicationIdentityAccessTokenResult>(&exchanged(published));
    assert_eq!(read, exchanged(ours));
    let assignment = json!({
        "objectId": "b27b64b9-39d2-44a3-869d-67700b74e805",
        "tenantId": "c70d068c-2f32-484d-9455-73070cd5aadd",
        "principalType": "resourceAccount",
    });
    assert_eq!(round_trip::<TeamsExtensionAssignmentResponse>(&assignment), assignment);
}
