//! Calls as whole programs meet them: real sockets, real media, nodes that end.
//!
//! | module | what |
//! |---|---|
//! | [`line`] | the media of one leg, over a socket of its own |
//! | [`phone`] | a client that looks for the node with the calls, and comes back into its call |
//! | [`nodes`] | two nodes over one database |
//! | [`group`] | two who talk, a third who is called in, and what the operator sees of it |

mod group;
mod line;
mod nodes;
mod phone;

use serde_json::Value;

use crate::support::server::{Server, run_json};
use phone::Phone;

/// A user of a resource, who knows their leg by `leg`.
fn user(server: &Server, resource: &str, leg: &str) -> Phone {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let created = run_json(&server.data, &["user", "create", "--resource", resource]);
    let raw_id = text(&created["id"]);
    let issue = ["token", "issue", &raw_id, "--scope", "voip", "--resource", resource];
    let token = text(&run_json(&server.data, &issue)["token"]);
    Phone::new(raw_id, token, leg)
}
