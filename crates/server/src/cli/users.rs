//! `trunkline user` and `trunkline token`.

use std::fmt::Write as _;
use std::io::Read as _;

use serde_json::{Value, json};

use super::arguments::{InResource, TokenCommand, UserCommand};
use super::client::{encode, list};
use super::console::{Console, fields, table, text};
use super::resources::path_of;
use super::{CliError, Session, pairs};

/// Runs a command about users.
pub(super) async fn user(
    command: &UserCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        UserCommand::Create { id, labels, place } => {
            let mut body = json!({ "labels": pairs(labels, "--label")? });
            if let Some(id) = id {
                body["id"] = json!(id);
            }
            let path = users_path(session, place).await?;
            let user = session.request("POST", &path, Some(body)).await?;
            let human = fields(&[
                ("Id", text(&user, "id")),
                ("Labels", text(&user, "labels")),
                ("Created", text(&user, "createdOn")),
            ]);
            console.result(&user, &human)
        }
        UserCommand::List { search, label, limit, place } => {
            let mut path = format!("{}?maxPageSize={}", users_path(session, place).await?, (*limit).min(100));
            for (name, value) in [("search", search), ("label", label)] {
                if let Some(value) = value {
                    let _ = write!(path, "&{name}={}", encode(value));
                }
            }
            let (users, has_more) =
                list(session.api, &path, usize::try_from(*limit).unwrap_or(usize::MAX)).await?;
            let row = |user: &Value| ["id", "labels", "createdOn"].map(|name| text(user, name)).to_vec();
            let rows: Vec<_> = users.iter().map(row).collect();
            let human = table(&["ID", "LABELS", "CREATED"], &rows, "No users.");
            console.result(&json!({ "value": users, "hasMore": has_more }), &human)?;
            if has_more {
                console.note(&format!(
                    "There are more than {limit}; see them with --limit, or narrow with --search."
                ));
            }
            Ok(())
        }
        UserCommand::Delete { id, yes, place } => {
            let path = user_path(session, place, id).await?;
            console.confirm(&format!("Delete the user {id}? Its tokens end at once."), *yes)?;
            session.request("DELETE", &path, None).await?;
            console.result(&json!({ "deleted": id }), &format!("Deleted {id}."))
        }
    }
}

/// Runs a command about access tokens.
pub(super) async fn token(
    command: &TokenCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        TokenCommand::Issue { user, scopes, expires_in_minutes, place } => {
            let mut body = json!({ "scopes": scopes });
            if let Some(minutes) = expires_in_minutes {
                body["expiresInMinutes"] = json!(minutes);
            }
            let path = format!("{}/:issueToken", user_path(session, place, user).await?);
            let token = session.request("POST", &path, Some(body)).await?;
            console.result(&token, &text(&token, "token"))?;
            console.note(&format!("Expires {}.", text(&token, "expiresOn")));
            Ok(())
        }
        TokenCommand::Revoke { user, yes, place } => {
            let path = format!("{}/:revokeTokens", user_path(session, place, user).await?);
            console.confirm(&format!("Revoke every token of {user}? Its connections are closed."), *yes)?;
            session.request("POST", &path, None).await?;
            console.result(&json!({ "revoked": user }), &format!("Revoked the tokens of {user}."))
        }
        TokenCommand::Inspect { token } => {
            let token = if token == "-" { read_token()? } else { token.clone() };
            let path = "/trunkline/tokens/:inspect";
            let facts = session.request("POST", path, Some(json!({ "token": token }))).await?;
            let is_valid = facts["isValid"] == Value::Bool(true);
            let human = fields(&[
                ("Valid", if is_valid { "yes" } else { "no" }.to_owned()),
                ("Reason", text(&facts, "reason")),
                ("Resource", text(&facts, "resourceName")),
                ("User", text(&facts, "userId")),
                ("Scopes", text(&facts, "scopes")),
                ("Expires", text(&facts, "expiresOn")),
                ("Claims", text(&facts, "claims")),
            ]);
            console.result(&facts, &human)?;
            if is_valid { Ok(()) } else { Err(CliError::Found) }
        }
    }
}

async fn users_path(session: &Session<'_>, place: &InResource) -> Result<String, CliError> {
    let name = session.resource(place.resource.as_deref()).await?;
    Ok(format!("{}/users", path_of(&name)))
}

async fn user_path(session: &Session<'_>, place: &InResource, id: &str) -> Result<String, CliError> {
    Ok(format!("{}/{}", users_path(session, place).await?, encode(id)))
}

fn read_token() -> Result<String, CliError> {
    const TOKEN_BYTES_MAX: u64 = 16 * 1024; // Several times the longest token that is ever issued.
    let mut text = String::new();
    std::io::stdin().lock().take(TOKEN_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}
