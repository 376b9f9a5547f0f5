//! Tests of the commands about the built-in directory.

use super::*;

fn application() -> Value {
    json!({
        "clientId": "c1", "objectId": "o1", "name": "billing", "redirectUris": [], "isManagedIdentity": false,
        "createdOn": "2026", "credentials": [
            { "id": "k1", "kind": "secret", "hint": "abc", "createdOn": "2026" },
            { "id": "k2", "kind": "federated", "issuer": "https://i", "subject": "s", "createdOn": "2026" },
        ],
    })
}

fn page(items: &Value) -> Value {
    json!({ "value": items })
}

fn assignment() -> Value {
    json!({
        "id": "a1", "principalId": "o1", "principalName": "billing", "role": "contributor",
        "resource": "contoso", "createdOn": "2026",
    })
}

#[tokio::test]
async fn an_application_is_created_with_its_roles() {
    let api = FakeApi::default().reply(201, application()).reply(201, assignment());
    let line = "trunkline app create billing --redirect-uri http://localhost --role contributor@contoso";
    insta::assert_snapshot!(shown(api, line).await, @r#"
    > POST /trunkline/directory/applications {"name":"billing","redirectUris":["http://localhost"]}
    > POST /trunkline/directory/roleAssignments {"principal":"o1","resource":"contoso","role":"contributor"}
    Name       billing
    Client id  c1
    Object id  o1
    Roles      contributor@contoso
    Created    2026
    ! Give it a credential: trunkline app secret c1
    = 0
    "#);
}

#[tokio::test]
async fn a_mistyped_role_leaves_nothing_behind() {
    insta::assert_snapshot!(shown(FakeApi::default(), "trunkline app create billing --role admin").await, @"
    ! error: there is no role admin; there are reader, contributor, owner, sms-sender, email-sender, chat-sender, messages-sender, calling-sender
    = 2
    ");
    insta::assert_snapshot!(shown(FakeApi::default(), "trunkline app create billing --role owner@").await, @r#"
    ! error: "owner@" is not ROLE or ROLE@RESOURCE
    = 2
    "#);
}

#[tokio::test]
async fn applications_are_found_by_name_and_shown_with_all_they_have() {
    let api = FakeApi::default()
        .reply(200, page(&json!([application()])))
        .reply(200, application())
        .reply(200, page(&json!([assignment()])));
    insta::assert_snapshot!(shown(api, "trunkline app show billing").await, @"
    > GET /trunkline/directory/applications
    > GET /trunkline/directory/applications/c1
    > GET /trunkline/directory/roleAssignments?principal=o1
    Name       billing
    Client id  c1
    Object id  o1
    Roles      contributor@contoso
    Created    2026

    CREDENTIAL  KIND       NAME  HINT  EXPIRES
    k1          secret           abc
    k2          federated        s
    = 0
    ");
    let none = FakeApi::default().reply(200, page(&json!([])));
    let shown_none = shown(none, "trunkline app delete nobody --yes").await;
    assert!(
        shown_none.contains("there is no application nobody") && shown_none.ends_with("= 2"),
        "{shown_none}"
    );
    let two = FakeApi::default().reply(200, page(&json!([application(), application()])));
    let shown_two = shown(two, "trunkline app delete billing --yes").await;
    assert!(shown_two.contains("give the client id") && shown_two.ends_with("= 2"), "{shown_two}");
}

#[tokio::test]
async fn a_secret_is_shown_once_with_a_note() {
    let credential =
        json!({ "id": "k1", "kind": "secret", "hint": "abc", "secret": "abcdef", "expiresOn": "2027" });
    let api = FakeApi::default().reply(201, credential);
    let client_id = "4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1";
    let line = format!("trunkline app secret {client_id} --expires-on 2027 --display-name ci");
    insta::assert_snapshot!(shown(api, &line).await, @r#"
    > POST /trunkline/directory/applications/4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1/credentials {"displayName":"ci","expiresOn":"2027","kind":"secret"}
    Client id   4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1
    Credential  k1
    Kind        secret
    Secret      abcdef
    Expires     2027
    ! The secret is shown this once; programs take it as AZURE_CLIENT_SECRET.
    = 0
    "#);
}

#[tokio::test]
async fn a_private_key_beside_the_certificate_is_not_sent() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n\
               -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(folder.path().join("client.pem"), pem).expect("written");
    let api = FakeApi::default()
        .reply(200, page(&json!([application()])))
        .reply(201, json!({ "id": "k3", "kind": "certificate", "hint": "THUMB" }));
    let line = format!("trunkline app certificate billing {}/client.pem", folder.path().display());
    insta::assert_snapshot!(run_with(&api, folder.path(), &line, None).await, @r#"
    > GET /trunkline/directory/applications
    > POST /trunkline/directory/applications/c1/credentials {"certificate":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n","kind":"certificate"}
    Client id   c1
    Credential  k3
    Kind        certificate
    Thumbprint  THUMB
    = 0
    "#);
}

#[tokio::test]
async fn a_federation_names_the_usual_audience() {
    let credential = json!({ "id": "k2", "kind": "federated", "issuer": "https://i", "subject": "s" });
    let api = FakeApi::default().reply(200, page(&json!([application()]))).reply(201, credential);
    let line = "trunkline app federate billing --issuer https://i --subject s";
    let shown = shown(api, line).await;
    assert!(shown.contains(r#""audience":"api://AzureADTokenExchange""#), "{shown}");
}

#[tokio::test]
async fn a_directory_user_gets_a_password_once() {
    let user = json!({
        "objectId": "o2", "userName": "ada@example.com", "displayName": "Ada", "isEnabled": true,
        "password": "generated", "createdOn": "2026",
    });
    let line = "trunkline directory-user create ada@example.com --display-name Ada";
    insta::assert_snapshot!(shown(FakeApi::default().reply(201, user), line).await, @r#"
    > POST /trunkline/directory/users {"displayName":"Ada","userName":"ada@example.com"}
    User name  ada@example.com
    Object id  o2
    Name       Ada
    Enabled    yes
    Password   generated
    Created    2026
    ! The password is shown this once.
    = 0
    "#);
}

#[tokio::test]
async fn a_directory_user_is_changed_only_where_something_was_said() {
    let line = "trunkline directory-user update ada@example.com";
    let nothing = shown(FakeApi::default(), line).await;
    assert!(nothing.contains("nothing to change") && nothing.ends_with("= 2"), "{nothing}");
    let user = json!({ "userName": "ada@example.com", "isEnabled": false });
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, user), &format!("{line} --enabled false")).await, @r#"
    > PATCH /trunkline/directory/users/ada%40example.com {"isEnabled":false}
    User name  ada@example.com
    Enabled    no
    = 0
    "#);
}

#[tokio::test]
async fn roles_are_assigned_listed_and_taken_back() {
    let api = FakeApi::default().reply(200, page(&json!([application()]))).reply(201, assignment());
    let line = "trunkline role assign billing contributor --resource contoso";
    insta::assert_snapshot!(shown(api, line).await, @r#"
    > GET /trunkline/directory/applications
    > POST /trunkline/directory/roleAssignments {"principal":"o1","resource":"contoso","role":"contributor"}
    Assignment  a1
    Principal   billing
    Object id   o1
    Role        contributor
    On          contoso
    Created     2026
    = 0
    "#);
    let mut everywhere = assignment();
    everywhere["resource"] = Value::Null;
    let api = FakeApi::default().reply(200, page(&json!([assignment(), everywhere])));
    insta::assert_snapshot!(shown(api, "trunkline role list --resource contoso").await, @"
    > GET /trunkline/directory/roleAssignments?maxPageSize=100&resource=contoso
    ID  PRINCIPAL  ROLE         ON            CREATED
    a1  billing    contributor  contoso       2026
    a1  billing    contributor  installation  2026
    = 0
    ");
    let removed = shown(FakeApi::default().reply(204, Value::Null), "trunkline role remove a1 --yes").await;
    assert_eq!(removed, "> DELETE /trunkline/directory/roleAssignments/a1\nRemoved a1.\n= 0");
}
