//! `trunkline directory-user`.

use serde_json::{Value, json};

use super::applications::read_text;
use super::arguments::DirectoryUserCommand;
use super::client::{encode, list};
use super::console::{Console, fields, table, text};
use super::{CliError, Session, roles};

/// Where the operator API has users of the directory.
const USERS: &str = "/trunkline/directory/users";

/// Runs a command about users of the directory.
pub(super) async fn directory_user(
    command: &DirectoryUserCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        DirectoryUserCommand::Create { user_name, display_name, password_file, object_id } => {
            let mut body = json!({ "userName": user_name });
            if let Some(name) = display_name {
                body["displayName"] = json!(name);
            }
            if let Some(file) = password_file {
                body["password"] = json!(read_text(file)?);
            }
            if let Some(id) = object_id {
                body["objectId"] = json!(id);
            }
            let user = session.request("POST", USERS, Some(body)).await?;
            console.result(&user, &describe(&user, &[]))?;
            if user["password"].is_string() {
                console.note("The password is shown this once.");
            }
            Ok(())
        }
        DirectoryUserCommand::List { limit } => {
            let (users, has_more) = list(session.api, USERS, *limit).await?;
            let row = |user: &Value| {
                let mut row = ["userName", "objectId", "displayName"].map(|name| text(user, name)).to_vec();
                row.extend([enabled(user), text(user, "createdOn")]);
                row
            };
            let rows: Vec<_> = users.iter().map(row).collect();
            let heads = ["USER NAME", "OBJECT ID", "NAME", "ENABLED", "CREATED"];
            let human = table(&heads, &rows, "No users in the directory.");
            console.result(&json!({ "value": users, "hasMore": has_more }), &human)?;
            if has_more {
                console.note("There are more; ask with a higher --limit.");
            }
            Ok(())
        }
        DirectoryUserCommand::Show { user } => {
            let user = session.request("GET", &path_of(user), None).await?;
            let assigned = roles::list_of(&text(&user, "objectId"), session).await?;
            let mut value = user.clone();
            value["roleAssignments"] = json!(assigned);
            console.result(&value, &describe(&user, &assigned))
        }
        DirectoryUserCommand::Update { user, display_name, password_file, enabled } => {
            let mut body = json!({});
            if let Some(name) = display_name {
                body["displayName"] = json!(name);
            }
            if let Some(file) = password_file {
                body["password"] = json!(read_text(file)?);
            }
            if let Some(is_enabled) = enabled {
                body["isEnabled"] = json!(is_enabled);
            }
            if body == json!({}) {
                let message = "nothing to change; say --display-name, --password-file or --enabled";
                return Err(CliError::Usage(message.to_owned()));
            }
            let user = session.request("PATCH", &path_of(user), Some(body)).await?;
            console.result(&user, &describe(&user, &[]))
        }
        DirectoryUserCommand::Delete { user, yes } => {
            console.confirm(&format!("Delete the directory user {user}? Their tokens end at once."), *yes)?;
            session.request("DELETE", &path_of(user), None).await?;
            console.result(&json!({ "deleted": user }), &format!("Deleted {user}."))
        }
    }
}

fn path_of(user: &str) -> String {
    format!("{USERS}/{}", encode(user))
}

fn enabled(user: &Value) -> String {
    if user["isEnabled"] == json!(false) { "no" } else { "yes" }.to_owned()
}

fn describe(user: &Value, assigned: &[Value]) -> String {
    fields(&[
        ("User name", text(user, "userName")),
        ("Object id", text(user, "objectId")),
        ("Name", text(user, "displayName")),
        ("Enabled", enabled(user)),
        ("Roles", roles::describe(assigned)),
        ("Password", text(user, "password")),
        ("Created", text(user, "createdOn")),
    ])
}
