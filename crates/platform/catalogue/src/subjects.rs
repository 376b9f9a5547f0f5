//! Subjects of events: templates with names in braces, filled in.

use crate::event_type::{Payload, find};

/// The subject of an event with data `P`: its template with `values` in the place of the names, in order.
///
/// **Shape**: raw ids stand as they are, with colons; a telephone number in `{digits}` has no `+`.
/// Values are not escaped, because subjects are compared as text and never taken apart by the service.
///
/// ```
/// use trunkline_catalogue::chat::ChatMessageReceivedInThread;
/// let subject = trunkline_catalogue::subject::<ChatMessageReceivedInThread>(&["19:a@thread.v2", "8:acs:b_c"]);
/// assert_eq!(subject, "thread/19:a@thread.v2/sender/8:acs:b_c");
/// ```
pub fn subject<P: Payload>(values: &[&str]) -> String {
    let known = find(P::EVENT_TYPE).expect("every payload is in the table, as a test checks");
    let mut rest = values.iter();
    let filled = fill(known.subject, |_| rest.next().copied().unwrap_or_default());
    debug_assert_eq!(
        placeholders(known.subject).count(),
        values.len(),
        "a value for every name of {}",
        known.subject
    );
    filled
}

/// The names in the braces of a template, in order.
pub(crate) fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name)
}

/// A subject made of the values that the samples hold.
pub(crate) fn of_sample(template: &str) -> String {
    fill(template, sample_value)
}

fn fill<'t, 'v>(template: &'t str, mut value: impl FnMut(&'t str) -> &'v str) -> String {
    let mut parts = template.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once('}').unwrap_or((part, ""));
        filled.push_str(value(name));
        filled.push_str(after);
    }
    filled
}

fn sample_value(name: &str) -> &'static str {
    const ADA: &str = "8:acs:54a2e6f8-3c1d-4b7a-9f0e-8d6c5b4a3f21_0000001e-5a10-4c2b-8f3d-2a9be1c40701";
    const BEN: &str = "8:acs:54a2e6f8-3c1d-4b7a-9f0e-8d6c5b4a3f21_0000001e-5a10-4c2b-8f3d-2a9be1c40702";
    match name {
        "assignmentId" => "6c3d4f0a-1b2c-4d5e-8f90-a1b2c3d4e5f6",
        "callId" | "serverCallId" => "aHR0cHM6Ly9jYWxscy5leGFtcGxlL2MvNzE",
        "caller" => "4:+15550100",
        "channelId" => "voice",
        "channelRegistrationId" => "0b6f5e4d-3c2b-4a19-8f7e-6d5c4b3a2918",
        "classificationPolicyId" => "languages",
        "createdBy" | "deletedBy" | "editedBy" | "sender" | "startedBy" | "user" => ADA,
        "participant" | "recipient" => BEN,
        "digits" | "messageSender" => "15550100",
        "dispositionCode" => "abandoned",
        "jobId" => "job-31",
        "messageId" => "9d0f6c1e-2b3a-4c5d-8e7f-6a5b4c3d2e1f",
        "queueId" => "support",
        "recordingId" => "eyJwbGF0Zm9ybSI6InNhbXBsZSJ9",
        "ruleKey" => "overdue",
        "senderAddress" => "hello@contoso.example",
        "status" => "Delivered",
        "threadId" => "19:uAt3c0cI5gwY2kVbXyq1ZQx8ahN4mLr7@thread.v2",
        "workerId" => "worker-7",
        _ => "",
    }
}
