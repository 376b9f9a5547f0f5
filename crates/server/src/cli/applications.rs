//! `trunkline app`.

use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{AppCommand, CredentialFacts};
use super::client::{encode, list};
use super::console::{Console, fields, table, text};
use super::{CliError, Session, roles};

/// Where the operator API has applications.
const APPLICATIONS: &str = "/trunkline/directory/applications";
/// More applications than people register by hand; names are looked for among them.
const APPLICATIONS_MAX: usize = 10_000;

/// Runs a command about applications.
pub(super) async fn application(
    command: &AppCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        AppCommand::Create { name, client_id, redirect_uris, managed_identity, roles } => {
            let mut body = json!({ "name": name });
            if let Some(client_id) = client_id {
                body["clientId"] = json!(client_id);
            }
            if !redirect_uris.is_empty() {
                body["redirectUris"] = json!(redirect_uris);
            }
            if *managed_identity {
                body["isManagedIdentity"] = json!(true);
            }
            create(body, roles, session, console).await
        }
        AppCommand::List { limit } => list_applications(*limit, session, console).await,
        AppCommand::Show { app } => show(app, session, console).await,
        AppCommand::Delete { app, yes } => {
            let client_id = find(app, session).await?;
            console.confirm(&format!("Delete the application {app}? Its tokens end at once."), *yes)?;
            session.request("DELETE", &path_of(&client_id), None).await?;
            console.result(&json!({ "deleted": client_id }), &format!("Deleted {app}."))
        }
        AppCommand::Secret { app, secret_file, facts } => {
            let mut body = json!({ "kind": "secret" });
            if let Some(file) = secret_file {
                body["secret"] = json!(read_text(file)?);
            }
            add_credential(app, body, facts, session, console).await
        }
        AppCommand::Certificate { app, file, facts } => {
            let body = json!({ "kind": "certificate", "certificate": read_certificate(file)? });
            add_credential(app, body, facts, session, console).await
        }
        AppCommand::Federate { app, issuer, subject, audience, display_name } => {
            let body =
                json!({ "kind": "federated", "issuer": issuer, "subject": subject, "audience": audience });
            let facts = CredentialFacts { display_name: display_name.clone(), expires_on: None };
            add_credential(app, body, &facts, session, console).await
        }
        AppCommand::ForgetCredential { app, id, yes } => {
            let path = format!("{}/credentials/{}", path_of(&find(app, session).await?), encode(id));
            console.confirm(&format!("Remove the credential {id} of {app}? It is refused at once."), *yes)?;
            session.request("DELETE", &path, None).await?;
            console.result(&json!({ "deleted": id }), &format!("Removed {id}."))
        }
    }
}

async fn create(
    body: Value,
    granted: &[String],
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    // Read before anything is made, so that a mistyped role leaves nothing behind.
    let granted = granted.iter().map(|text| roles::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let application = session.request("POST", APPLICATIONS, Some(body)).await?;
    let mut assigned = Vec::new();
    for role in granted {
        let principal = text(&application, "objectId");
        assigned.push(roles::assign(&principal, role, session).await?);
    }
    console.result(&application, &describe(&application, &assigned))?;
    let client_id = text(&application, "clientId");
    if application["isManagedIdentity"] != json!(true) {
        console.note(&format!("Give it a credential: trunkline app secret {client_id}"));
    }
    if assigned.is_empty() {
        console.note(&format!("It may do nothing yet: trunkline role assign {client_id} contributor"));
    }
    Ok(())
}

async fn list_applications(
    limit: usize,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let (applications, has_more) = list(session.api, APPLICATIONS, limit).await?;
    let row = |application: &Value| {
        ["name", "clientId", "objectId", "createdOn"].map(|name| text(application, name)).to_vec()
    };
    let rows: Vec<_> = applications.iter().map(row).collect();
    let human = table(&["NAME", "CLIENT ID", "OBJECT ID", "CREATED"], &rows, "No applications.");
    console.result(&json!({ "value": applications, "hasMore": has_more }), &human)?;
    if has_more {
        console.note("There are more; ask with a higher --limit.");
    }
    Ok(())
}

async fn show(app: &str, session: &Session<'_>, console: &mut Console<'_>) -> Result<(), CliError> {
    let application = session.request("GET", &path_of(&find(app, session).await?), None).await?;
    let assigned = roles::list_of(&text(&application, "objectId"), session).await?;
    let mut value = application.clone();
    value["roleAssignments"] = json!(assigned);
    let credentials = application["credentials"].as_array().cloned().unwrap_or_default();
    let row = |credential: &Value| {
        let subject = text(credential, "subject");
        let shown = if subject.is_empty() { text(credential, "hint") } else { subject };
        let mut row = ["id", "kind", "displayName"].map(|name| text(credential, name)).to_vec();
        row.extend([shown, text(credential, "expiresOn")]);
        row
    };
    let rows: Vec<_> = credentials.iter().map(row).collect();
    let heads = ["CREDENTIAL", "KIND", "NAME", "HINT", "EXPIRES"];
    let credentials = table(&heads, &rows, "No credentials.");
    console.result(&value, &format!("{}\n\n{credentials}", describe(&application, &assigned)))
}

async fn add_credential(
    app: &str,
    mut body: Value,
    facts: &CredentialFacts,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if let Some(name) = &facts.display_name {
        body["displayName"] = json!(name);
    }
    if let Some(time) = &facts.expires_on {
        body["expiresOn"] = json!(time);
    }
    let client_id = find(app, session).await?;
    let path = format!("{}/credentials", path_of(&client_id));
    let credential = session.request("POST", &path, Some(body)).await?;
    let human = fields(&[
        ("Client id", client_id),
        ("Credential", text(&credential, "id")),
        ("Kind", text(&credential, "kind")),
        ("Name", text(&credential, "displayName")),
        (
            "Thumbprint",
            if credential["kind"] == "certificate" { text(&credential, "hint") } else { String::new() },
        ),
        ("Issuer", text(&credential, "issuer")),
        ("Subject", text(&credential, "subject")),
        ("Audience", text(&credential, "audience")),
        ("Secret", text(&credential, "secret")),
        ("Expires", text(&credential, "expiresOn")),
    ]);
    console.result(&credential, &human)?;
    if credential["secret"].is_string() {
        console.note("The secret is shown this once; programs take it as AZURE_CLIENT_SECRET.");
    }
    Ok(())
}

/// The client id that is meant: a GUID is one, else the only application of that name.
async fn find(app: &str, session: &Session<'_>) -> Result<String, CliError> {
    if app.parse::<trunkline_kernel::ResourceId>().is_ok() {
        return Ok(app.to_owned());
    }
    let (applications, _) = list(session.api, APPLICATIONS, APPLICATIONS_MAX).await?;
    let named: Vec<_> = applications.iter().filter(|application| text(application, "name") == app).collect();
    match named.as_slice() {
        [only] => Ok(text(only, "clientId")),
        [] => Err(CliError::Usage(format!("there is no application {app}; see trunkline app list"))),
        _ => Err(CliError::Usage(format!("several applications are called {app}; give the client id"))),
    }
}

/// What stands for an application or user where roles are assigned.
pub(super) async fn principal(name: &str, session: &Session<'_>) -> Result<String, CliError> {
    let (applications, _) = list(session.api, APPLICATIONS, APPLICATIONS_MAX).await?;
    let named: Vec<_> = applications.iter().filter(|application| text(application, "name") == name).collect();
    match named.as_slice() {
        [only] => Ok(text(only, "objectId")),
        // A user's name, a client id or an object id: the server tells them apart.
        [] => Ok(name.to_owned()),
        _ => Err(CliError::Usage(format!("several applications are called {name}; give the client id"))),
    }
}

fn path_of(client_id: &str) -> String {
    format!("{APPLICATIONS}/{}", encode(client_id))
}

fn describe(application: &Value, assigned: &[Value]) -> String {
    let is_managed = application["isManagedIdentity"] == json!(true);
    fields(&[
        ("Name", text(application, "name")),
        ("Client id", text(application, "clientId")),
        ("Object id", text(application, "objectId")),
        ("Redirect URIs", text(application, "redirectUris")),
        ("Managed identity", if is_managed { "yes".to_owned() } else { String::new() }),
        ("Roles", roles::describe(assigned)),
        ("Created", text(application, "createdOn")),
    ])
}

/// Secrets come from files: everybody on the machine can read the arguments of a process.
pub(super) fn read_text(file: &Path) -> Result<String, CliError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::File(format!("{}: {error}", file.display())))?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(CliError::File(format!("{}: the first line is empty", file.display()))),
    }
}

/// The first certificate of a PEM file, without a private key that may stand beside it.
fn read_certificate(file: &Path) -> Result<String, CliError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let refuse = |reason: &str| CliError::File(format!("{}: {reason}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refuse(&error.to_string()))?;
    let begin = text.find(BEGIN).ok_or_else(|| refuse("there is no certificate in PEM in it"))?;
    let length = text[begin..].find(END).ok_or_else(|| refuse("the certificate has no end"))?;
    Ok(format!("{}\n", &text[begin..begin + length + END.len()]))
}
