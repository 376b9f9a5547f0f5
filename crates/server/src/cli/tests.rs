//! Tests of the command line: what is asked of the operator API, what is printed, how it ends.

mod backups;
mod chat;
mod directory;
mod events;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use clap::{CommandFactory as _, Parser as _};
use serde_json::json;
use trunkline_kernel::{ManualClock, Timestamp};

use super::*;
use crate::doctor::DatabaseFacts;

/// An operator API that answers from a list and remembers what it was asked.
#[derive(Clone, Default)]
struct FakeApi(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    replies: VecDeque<ApiReply>,
    asked: Vec<String>,
}

impl FakeApi {
    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(self, status: u16, body: Value) -> Self {
        self.script().replies.push_back(ApiReply { status, body, operation_location: None });
        self
    }

    fn accepted(self, location: &str) -> Self {
        let operation_location = Some(location.to_owned());
        self.script().replies.push_back(ApiReply { status: 202, body: Value::Null, operation_location });
        self
    }
}

impl OperatorApi for FakeApi {
    fn call<'c>(
        &'c self,
        method: &'c str,
        path: &'c str,
        body: Option<Value>,
    ) -> Pending<'c, Result<ApiReply, String>> {
        let mut script = self.script();
        let body = body.map(|body| format!(" {body}")).unwrap_or_default();
        script.asked.push(format!("{method} {path}{body}"));
        let reply = script.replies.pop_front().ok_or_else(|| "nobody answers".to_owned());
        Box::pin(std::future::ready(reply))
    }
}

impl Forward for FakeApi {
    fn post<'f>(
        &'f self,
        headers: &'f [(&'static str, &'static str)],
        body: String,
    ) -> Pending<'f, Result<u16, String>> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        self.script().asked.push(format!("POST to the program, {} {body}", headers.join(", ")));
        Box::pin(std::future::ready(Ok(204)))
    }
}

struct FakeProgram(FakeApi);

impl Program for FakeProgram {
    fn connect<'p>(&'p self, _: &'p Config) -> Pending<'p, Result<Box<dyn OperatorApi>, CliError>> {
        let api: Box<dyn OperatorApi> = Box::new(self.0.clone());
        Box::pin(std::future::ready(Ok(api)))
    }

    fn list_operations(&self) -> Vec<&'static Operation> {
        vec![&trunkline_identity::operations::COMMUNICATION_IDENTITY_CREATE]
    }

    fn find_document(&self, service: &str, _: &str) -> Option<Value> {
        (service == "identity").then(|| json!({ "openapi": "3.1.0" }))
    }

    fn probe_database<'p>(&'p self, _: &'p Config) -> Pending<'p, Result<DatabaseFacts, String>> {
        Box::pin(std::future::ready(Err("not asked in these tests".to_owned())))
    }

    fn fetch<'p>(&'p self, _: &'p Config, _: &'p str) -> Pending<'p, Result<Value, String>> {
        Box::pin(std::future::ready(Err("not asked in these tests".to_owned())))
    }

    fn forward(&self, _: &Config, _: &str) -> Result<Box<dyn Forward>, CliError> {
        Ok(Box::new(self.0.clone()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_247_159)))
    }
}

/// Runs a command line and shows everything that came of it.
async fn run_with(api: &FakeApi, data: &Path, line: &str, answer: Option<bool>) -> String {
    let cli = Cli::try_parse_from(line.split(' ')).expect("a command line that parses");
    let mut flags = cli.flags();
    flags.push(config::Flag {
        key: "data".to_owned(),
        value: data.display().to_string(),
        shown: "--data".to_owned(),
    });
    let inputs = Inputs { file: None, machine_file: data.join("absent"), environment: Vec::new(), flags };
    let (mut output, mut notes) = (Vec::new(), Vec::new());
    let mut questions = Vec::new();
    let mut asker = |question: &str| {
        questions.push(question.to_owned());
        answer == Some(true)
    };
    let ask: Option<&mut (dyn FnMut(&str) -> bool + Send)> = match answer {
        Some(_) => Some(&mut asker),
        None => None,
    };
    let mut console = Console { is_json: cli.global.json, output: &mut output, notes: &mut notes, ask };
    let outcome = run(&cli, &inputs, &FakeProgram(api.clone()), &mut console).await;
    let exit = outcome.map_or_else(
        |error| {
            console.failure(&error);
            error.exit_code()
        },
        |()| 0,
    );
    let mut shown = String::new();
    shown.extend(api.script().asked.drain(..).map(|asked| format!("> {asked}\n")));
    shown.extend(questions.iter().map(|question| format!("? {question}\n")));
    shown.push_str(&String::from_utf8(output).expect("UTF-8"));
    shown.extend(String::from_utf8(notes).expect("UTF-8").lines().map(|line| format!("! {line}\n")));
    let _ = write!(shown, "= {exit}");
    shown.replace(&data.display().to_string(), "DATA")
}

async fn shown(api: FakeApi, line: &str) -> String {
    let folder = tempfile::tempdir().expect("temporary folder");
    run_with(&api, folder.path(), line, None).await
}

fn resource() -> Value {
    json!({
        "name": "contoso", "id": "2dee53b4-368b-45b4-ab52-8493fb117652",
        "hostName": "contoso.localhost", "endpoint": "https://contoso.localhost:8443/",
        "dataLocation": "local", "tags": { "team": "voice" }, "createdOn": "2026-11-21T07:45:59+00:00",
    })
}

fn check_example(command: &clap::Command, path: &str) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    assert!(help.contains("trunkline "), "{path} has no example");
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        check_example(inner, &format!("{path} {}", inner.get_name()));
    }
}

#[test]
fn the_commands_are_consistent_and_each_has_an_example() {
    Cli::command().debug_assert();
    check_example(&Cli::command(), "trunkline");
}

#[test]
fn flags_become_settings_and_mistyped_ones_get_a_hint() {
    let line = "trunkline serve --set http.drain_s=5 --data d --port 0 --address 127.0.0.1 --address ::1 --ephemeral";
    let cli = Cli::try_parse_from(line.split(' ')).expect("parses");
    let flags: Vec<_> =
        cli.flags().into_iter().map(|flag| format!("{} {}={}", flag.shown, flag.key, flag.value)).collect();
    assert_eq!(
        flags,
        [
            "--set http.drain_s=5",
            "--data data=d",
            "--port http.port=0",
            "--address http.addresses=127.0.0.1,::1",
            "--ephemeral ephemeral=true",
        ]
    );
    let error = Cli::try_parse_from(["trunkline", "serve", "--prot", "1"]).expect_err("refused");
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--port"), "{error}");
}

#[tokio::test]
async fn a_resource_is_created_with_what_was_said() {
    let api = FakeApi::default().reply(201, resource());
    let line = "trunkline resource create contoso --data-location local --tag team=voice";
    insta::assert_snapshot!(shown(api, line).await, @r#"
    > PUT /trunkline/resources/contoso {"dataLocation":"local","tags":{"team":"voice"}}
    Name           contoso
    Id             2dee53b4-368b-45b4-ab52-8493fb117652
    Endpoint       https://contoso.localhost:8443/
    Data location  local
    Tags           team=voice
    Created        2026-11-21T07:45:59+00:00
    ! Its keys: trunkline key show --resource contoso
    = 0
    "#);
}

#[tokio::test]
async fn own_keys_are_read_from_files() {
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("key"), "c2VjcmV0\n").expect("written");
    let api = FakeApi::default().reply(201, resource());
    let line =
        format!("trunkline resource create contoso --primary-key-file {}/key", folder.path().display());
    let shown = run_with(&api, folder.path(), &line, None).await;
    assert!(shown.starts_with(r#"> PUT /trunkline/resources/contoso {"primaryKey":"c2VjcmV0"}"#), "{shown}");
}

#[tokio::test]
async fn lists_follow_their_links_and_are_aligned() {
    let mut second = resource();
    second["name"] = json!("a");
    let page = |value: Value, next: Option<&str>| json!({ "value": [value], "nextLink": next });
    let api = FakeApi::default()
        .reply(200, page(resource(), Some("https://localhost:8443/trunkline/resources?token=x%2F1")))
        .reply(200, page(second, None));
    insta::assert_snapshot!(shown(api, "trunkline resource list").await, @"
    > GET /trunkline/resources?maxPageSize=100
    > GET /trunkline/resources?token=x%2F1
    NAME     ID                                    ENDPOINT                         CREATED
    contoso  2dee53b4-368b-45b4-ab52-8493fb117652  https://contoso.localhost:8443/  2026-11-21T07:45:59+00:00
    a        2dee53b4-368b-45b4-ab52-8493fb117652  https://contoso.localhost:8443/  2026-11-21T07:45:59+00:00
    = 0
    ");
    let none = FakeApi::default().reply(200, json!({ "value": [] }));
    insta::assert_snapshot!(shown(none, "trunkline resource list").await, @"
    > GET /trunkline/resources?maxPageSize=100
    No resources.
    = 0
    ");
}

#[tokio::test]
async fn keys_are_shown_for_the_default_resource() {
    let keys = json!({
        "primaryKey": "AA==", "primaryConnectionString": "endpoint=https://dev.localhost:8443/;accesskey=AA==",
        "secondaryKey": "BB==", "secondaryConnectionString": "endpoint=https://dev.localhost:8443/;accesskey=BB==",
    });
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, keys), "trunkline key show").await, @"
    > GET /trunkline/resources/dev/keys
    Primary key                  AA==
    Primary connection string    endpoint=https://dev.localhost:8443/;accesskey=AA==
    Secondary key                BB==
    Secondary connection string  endpoint=https://dev.localhost:8443/;accesskey=BB==
    = 0
    ");
}

#[tokio::test]
async fn without_a_default_the_only_resource_is_meant_and_several_must_be_named() {
    let list = |resources: Vec<Value>| FakeApi::default().reply(200, json!({ "value": resources }));
    let line = "trunkline resource show --set default_resource=";
    let one = list(vec![resource()]).reply(200, resource());
    assert!(shown(one, line).await.contains("> GET /trunkline/resources/contoso\n"));
    let several = shown(list(vec![resource(), resource()]), line).await;
    assert!(several.contains("name one with --resource") && several.ends_with("= 2"), "{several}");
    let none = shown(list(vec![]), line).await;
    assert!(none.contains("trunkline resource create") && none.ends_with("= 2"), "{none}");
}

#[tokio::test]
async fn what_destroys_asks_first_and_wants_yes_without_a_terminal() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let line = "trunkline resource delete contoso";
    let api = FakeApi::default();
    insta::assert_snapshot!(run_with(&api, folder.path(), line, None).await, @"
    ! error: Delete the resource contoso with all its users and data? Say --yes to do it without being asked.
    = 2
    ");
    insta::assert_snapshot!(run_with(&api, folder.path(), line, Some(false)).await, @"
    ? Delete the resource contoso with all its users and data?
    ! error: nothing was changed
    = 1
    ");
    let api = FakeApi::default().reply(204, Value::Null);
    insta::assert_snapshot!(run_with(&api, folder.path(), line, Some(true)).await, @"
    > DELETE /trunkline/resources/contoso
    ? Delete the resource contoso with all its users and data?
    Deleted contoso.
    = 0
    ");
    let api = FakeApi::default().reply(204, Value::Null);
    insta::assert_snapshot!(run_with(&api, folder.path(), &format!("{line} --yes --json"), None).await, @r#"
    > DELETE /trunkline/resources/contoso
    {
      "deleted": "contoso"
    }
    = 0
    "#);
}

#[tokio::test]
async fn users_are_listed_with_their_filters_and_a_hint_at_more() {
    let users = json!({ "value": [{ "id": "8:acs:R_U", "labels": { "team": "a" }, "createdOn": "2026" }], "nextLink": "/trunkline/x" });
    let line = "trunkline user list --resource contoso --search 8:acs --label team=a --limit 1";
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, users), line).await, @"
    > GET /trunkline/resources/contoso/users?maxPageSize=1&search=8%3Aacs&label=team%3Da
    ID         LABELS  CREATED
    8:acs:R_U  team=a  2026
    ! There are more than 1; see them with --limit, or narrow with --search.
    = 0
    ");
}

#[tokio::test]
async fn stored_texts_cannot_steer_the_terminal() {
    let user = json!({ "id": "8:acs:R_U", "labels": { "a": "\u{1b}[2Jx" }, "createdOn": "2026" });
    let shown = shown(FakeApi::default().reply(201, user), "trunkline user create").await;
    assert!(!shown.contains('\u{1b}') && shown.contains("[2Jx"), "{shown}");
}

#[tokio::test]
async fn a_token_is_printed_alone() {
    let token = json!({ "token": "eyJ", "expiresOn": "2026-11-22T07:45:59+00:00" });
    let line = "trunkline token issue 8:acs:R_U --scope chat --expires-in-minutes 60";
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, token), line).await, @r#"
    > POST /trunkline/resources/dev/users/8%3Aacs%3AR_U/:issueToken {"expiresInMinutes":60,"scopes":["chat"]}
    eyJ
    ! Expires 2026-11-22T07:45:59+00:00.
    = 0
    "#);
}

#[tokio::test]
async fn an_invalid_token_ends_with_one() {
    let facts = json!({ "isValid": false, "reason": "expired", "claims": { "exp": 1 }, "scopes": ["chat"], "expiresOn": "2026" });
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, facts), "trunkline token inspect eyJ").await, @r#"
    > POST /trunkline/tokens/:inspect {"token":"eyJ"}
    Valid    no
    Reason   expired
    Scopes   chat
    Expires  2026
    Claims   exp=1
    = 1
    "#);
}

#[tokio::test]
async fn refusals_are_shown_for_people_and_programs() {
    let refusal =
        || FakeApi::default().reply(409, json!({ "error": { "code": "Conflict", "message": "taken" } }));
    insta::assert_snapshot!(shown(refusal(), "trunkline operator create alice").await, @r#"
    > POST /trunkline/operators {"name":"alice","role":"reader"}
    ! error: taken
    = 1
    "#);
    insta::assert_snapshot!(shown(refusal(), "trunkline operator create alice --json").await, @r#"
    > POST /trunkline/operators {"name":"alice","role":"reader"}
    ! {"error":{"code":"Conflict","message":"taken"}}
    = 1
    "#);
    insta::assert_snapshot!(shown(FakeApi::default(), "trunkline operator list").await, @"
    > GET /trunkline/operators
    ! error: nobody answers
    = 1
    ");
}

#[tokio::test]
async fn the_configuration_is_shown_and_checked_without_a_server() {
    let show = "trunkline config show --changed --json --set database.url=postgres://root:hunter2@db/x --set http.port=1";
    insta::assert_snapshot!(shown(FakeApi::default(), show).await, @r#"
    {
      "value": [
        {
          "description": "The data folder. Made on the first start, readable by the service user only.",
          "key": "data",
          "source": "flag --data",
          "value": "DATA"
        },
        {
          "description": "The port of the API. 0 takes a free one.",
          "key": "http.port",
          "source": "flag --set",
          "value": "1"
        },
        {
          "description": "The PostgreSQL database, such as postgres://user:password@host/trunkline. Unset: SQLite in the data folder.",
          "key": "database.url",
          "source": "flag --set",
          "value": "***"
        }
      ]
    }
    = 0
    "#);
    let check = "trunkline config check --set http.prot=1 --set log.format=xml";
    insta::assert_snapshot!(shown(FakeApi::default(), check).await, @"
    the configuration has 2 errors:
      flag --set: http.prot: no such setting; did you mean http.port?
      flag --set: log.format: xml is not allowed; expected human or json
    = 1
    ");
    let table = shown(FakeApi::default(), "trunkline config show").await;
    assert!(table.contains("\nhttp.drain_s"), "{table}");
    assert_eq!(shown(FakeApi::default(), "trunkline config check").await, "The configuration is valid.\n= 0");
    insta::assert_snapshot!(shown(FakeApi::default(), "trunkline user list --set http.prot=1").await, @"
    ! error: the configuration has 1 error:
    !   flag --set: http.prot: no such setting; did you mean http.port?
    = 1
    ");
}

#[tokio::test]
async fn documents_and_completions_are_printed() {
    insta::assert_snapshot!(shown(FakeApi::default(), "trunkline openapi --list").await, @"
    POST	/identities	CommunicationIdentity_Create	identity	2021-03-07,2022-06-01,2022-10-01,2023-10-01,2025-06-30
    = 0
    ");
    insta::assert_snapshot!(shown(FakeApi::default(), "trunkline openapi identity 2023-10-01").await, @r#"
    {
      "openapi": "3.1.0"
    }
    = 0
    "#);
    assert!(shown(FakeApi::default(), "trunkline openapi chat 1").await.ends_with("= 2"));
    assert!(shown(FakeApi::default(), "trunkline completions bash").await.contains("_trunkline"));
}

#[tokio::test]
async fn the_authority_is_shown_with_the_lines_to_paste() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let api = FakeApi::default();
    let missing = run_with(&api, folder.path(), "trunkline ca show", None).await;
    assert!(missing.contains("`trunkline serve` makes it") && missing.ends_with("= 1"), "{missing}");
    trunkline_net::Authority::open_or_create(&folder.path().join("tls"), FakeProgram(api.clone()).clock())
        .expect("made");
    let shown = run_with(&api, folder.path(), "trunkline ca show", None).await;
    assert!(shown.contains("export REQUESTS_CA_BUNDLE=DATA/tls/trust.pem"), "{shown}");
    assert!(shown.contains("export NODE_EXTRA_CA_CERTS=DATA/tls/ca.pem"), "{shown}");
}

#[test]
fn the_documentation_equals_the_commands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = document::render();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("page written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/cli.md is stale; run UPDATE_DOCS=1 cargo test -p trunkline-server");
}
