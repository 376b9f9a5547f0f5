//! Why something ended: codes and sub-codes of ACS's published table, with words of our own.

use serde::{Deserialize, Serialize};

/// Why a leg or a ringing ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The code, as of SIP.
    pub code: u16,
    /// The finer code.
    pub sub_code: u32,
    /// What it means, for a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// `Success`, `ExpectedError`, `UnexpectedClientError` or `UnexpectedServerError`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

impl Reason {
    /// The reason with its words and category.
    pub fn of(code: u16, sub_code: u32) -> Self {
        Self {
            code,
            sub_code,
            message: message(code, sub_code).to_owned(),
            categories: vec![category(code, sub_code).to_owned()],
        }
    }
}

fn message(code: u16, sub_code: u32) -> &'static str {
    match (code, sub_code) {
        (0, 0) => "The call ended normally.",
        (0, 4097) => "The call was ended for everyone.",
        (0, 4521) => "The page was closed without hanging up.",
        (0, 5300) => "The participant was removed from the call.",
        (0, 5317) => "The participant's place in the room was taken away.",
        (0, 7000) => "The service ended the call.",
        (401, _) => "The access token ended or was revoked.",
        (403, 10_124) => "The participant is not permitted to do this.",
        (403, _) => "The service refused.",
        (404, _) => "There is no such call.",
        (408, 10_057) => "The call was taken, but its media did not connect.",
        (410, 3111) => "The session description was refused.",
        (410, 301_004) => "Media did not connect.",
        (410, 301_005) => "The connection was lost for too long.",
        (480, 10_037) => "No device of the callee is connected.",
        (480, 10_076) => "No device of the callee can be reached.",
        (486, _) => "The callee is busy.",
        (487, 0) => "The caller gave up.",
        (487, 10_003) => "The call was taken on another device.",
        (487, 10_004) => "The call was not answered in time.",
        (487, 10_024) => "Everybody who was called declined.",
        (496, 7) => "The network of the client is gone.",
        (603, _) => "The call was declined.",
        (500..=599, _) => "The service failed.",
        _ => "The call ended.",
    }
}

fn category(code: u16, sub_code: u32) -> &'static str {
    match (code, sub_code) {
        (0, 0 | 4097 | 5300 | 7000) | (487, 0 | 10_003 | 10_024) | (603, _) => "Success",
        (0, 5317 | 4521) | (487, 10_004) | (480 | 486, _) | (408, 10_057) | (496, 7) => "ExpectedError",
        (500..=599, _) => "UnexpectedServerError",
        _ => "UnexpectedClientError",
    }
}
