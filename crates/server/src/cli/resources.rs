//! `trunkline resource` and `trunkline key`.

use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{KeyCommand, ResourceCommand, WhichKey};
use super::client::{encode, list};
use super::console::{Console, fields, table, text};
use super::{CliError, Session, pairs};

/// More resources than one installation has; `list` shows them all.
const RESOURCES_MAX: usize = 10_000;

/// Runs a command about resources.
pub(super) async fn resource(
    command: &ResourceCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        ResourceCommand::Create { name, .. } => {
            let resource = session.request("PUT", &path_of(name), Some(creation(command)?)).await?;
            console.result(&resource, &describe(&resource))?;
            console.note(&format!("Its keys: trunkline key show --resource {name}"));
            Ok(())
        }
        ResourceCommand::List => {
            let (resources, _) =
                list(session.api, "/trunkline/resources?maxPageSize=100", RESOURCES_MAX).await?;
            let row = |resource: &Value| {
                ["name", "id", "endpoint", "createdOn"].map(|name| text(resource, name)).to_vec()
            };
            let rows: Vec<_> = resources.iter().map(row).collect();
            let human = table(&["NAME", "ID", "ENDPOINT", "CREATED"], &rows, "No resources.");
            console.result(&json!({ "value": resources }), &human)
        }
        ResourceCommand::Show { name } => {
            let name = session.resource(name.as_deref()).await?;
            let resource = session.request("GET", &path_of(&name), None).await?;
            console.result(&resource, &describe(&resource))
        }
        ResourceCommand::Delete { name, yes } => {
            console.confirm(&format!("Delete the resource {name} with all its users and data?"), *yes)?;
            session.request("DELETE", &path_of(name), None).await?;
            console.result(&json!({ "deleted": name }), &format!("Deleted {name}."))
        }
    }
}

/// Runs a command about access keys.
pub(super) async fn key(
    command: &KeyCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let keys = match command {
        KeyCommand::Show { place } => {
            let name = session.resource(place.resource.as_deref()).await?;
            session.request("GET", &format!("{}/keys", path_of(&name)), None).await?
        }
        KeyCommand::Regenerate { key, place, yes } => {
            let name = session.resource(place.resource.as_deref()).await?;
            let which = match key {
                WhichKey::Primary => "primary",
                WhichKey::Secondary => "secondary",
            };
            let question =
                format!("Replace the {which} key of {name}? Clients that use it are refused at once.");
            console.confirm(&question, *yes)?;
            session.request("POST", &format!("{}/keys/{which}/:regenerate", path_of(&name)), None).await?
        }
    };
    let human = fields(&[
        ("Primary key", text(&keys, "primaryKey")),
        ("Primary connection string", text(&keys, "primaryConnectionString")),
        ("Secondary key", text(&keys, "secondaryKey")),
        ("Secondary connection string", text(&keys, "secondaryConnectionString")),
    ]);
    console.result(&keys, &human)
}

/// The operator API's path of a resource.
pub(super) fn path_of(name: &str) -> String {
    format!("/trunkline/resources/{}", encode(name))
}

/// The body that creates a resource; what was not said is absent.
fn creation(command: &ResourceCommand) -> Result<Value, CliError> {
    let ResourceCommand::Create { id, data_location, primary_key_file, secondary_key_file, tags, .. } =
        command
    else {
        return Ok(json!({}));
    };
    let mut body = json!({});
    if let Some(id) = id {
        body["id"] = json!(id);
    }
    if let Some(location) = data_location {
        body["dataLocation"] = json!(location);
    }
    for (name, file) in [("primaryKey", primary_key_file), ("secondaryKey", secondary_key_file)] {
        if let Some(file) = file {
            body[name] = json!(read_key(file)?);
        }
    }
    if !tags.is_empty() {
        body["tags"] = pairs(tags, "--tag")?;
    }
    Ok(body)
}

/// Keys come from files: everybody on the machine can read the arguments of a process.
fn read_key(file: &Path) -> Result<String, CliError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::File(format!("{}: {error}", file.display())))?;
    Ok(text.trim().to_owned())
}

fn describe(resource: &Value) -> String {
    fields(&[
        ("Name", text(resource, "name")),
        ("Id", text(resource, "id")),
        ("Endpoint", text(resource, "endpoint")),
        ("Data location", text(resource, "dataLocation")),
        ("Tags", text(resource, "tags")),
        ("Created", text(resource, "createdOn")),
    ])
}
