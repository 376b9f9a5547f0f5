//! Where events may go.

use std::num::NonZeroU16;

use http::Uri;

use super::{Conditions, ProposedDestination, RuleError, mappings, refuse, whole_number};
use crate::model::{DeadLetterPlace, Destination, Schema, Secrets};

/// Characters of an address; published.
const URL_LENGTH_MAX: usize = 2048;
/// Bytes of a NATS subject: what servers accept without a longer protocol line.
const SUBJECT_LENGTH_MAX: usize = 255;
/// Characters of the id of a storage account.
const RESOURCE_ID_LENGTH_MAX: usize = 1024;

pub(super) fn check(
    proposed: ProposedDestination,
    kept: Option<&Secrets>,
    schema: Schema,
    conditions: &Conditions,
) -> Result<(Destination, Secrets), RuleError> {
    match proposed {
        ProposedDestination::WebHook {
            url,
            max_events_per_batch,
            preferred_batch_size_kb,
            mappings: headers,
        } => {
            let base_url = check_url(url.expose(), conditions.allow_http)?;
            let mut secrets = Secrets { endpoint_url: url, ..Secrets::default() };
            let destination = Destination::WebHook {
                base_url,
                max_events_per_batch: whole_number("maxEventsPerBatch", max_events_per_batch, 1..=5000, 1)?,
                preferred_batch_size_kb: whole_number(
                    "preferredBatchSizeInKilobytes",
                    preferred_batch_size_kb,
                    1..=1024,
                    64,
                )?,
                mappings: mappings::check(headers, kept, schema, &mut secrets)?,
            };
            Ok((destination, secrets))
        }
        ProposedDestination::Nats { subject } => {
            check_subject(&subject, conditions.has_nats)?;
            Ok((Destination::Nats { subject }, Secrets::default()))
        }
    }
}

/// The address without its query. No message repeats the address: its query may be a password.
fn check_url(url: &str, allow_http: bool) -> Result<String, RuleError> {
    const TARGET: &str = "endpointUrl";
    if url.len() > URL_LENGTH_MAX {
        return refuse(TARGET, format!("endpointUrl has at most {URL_LENGTH_MAX} characters"));
    }
    let malformed = || "endpointUrl is an absolute address, such as https://example.org/events";
    let Some(parsed) = url.parse::<Uri>().ok().filter(|_| url.is_ascii()) else {
        return refuse(TARGET, malformed());
    };
    let (Some(scheme), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
        return refuse(TARGET, malformed());
    };
    match scheme {
        "https" => {}
        "http" if allow_http => {}
        "http" => return refuse(TARGET, "endpointUrl begins with https:// (events.allow_http is off)"),
        _ => return refuse(TARGET, "endpointUrl begins with https://"),
    }
    if authority.as_str().contains('@') {
        return refuse(
            TARGET,
            "endpointUrl has no user name or password; a secret delivery attribute can carry the Authorization header",
        );
    }
    let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    let is_port =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<NonZeroU16>().is_ok());
    if authority.host().is_empty() || !is_port {
        return refuse(TARGET, malformed());
    }
    if url.contains('#') {
        return refuse(TARGET, "endpointUrl has no fragment (#)");
    }
    let base = url.split_once('?').map_or(url, |(base, _)| base);
    Ok(base.to_owned())
}

fn check_subject(subject: &str, has_nats: bool) -> Result<(), RuleError> {
    const TARGET: &str = "subject";
    if !has_nats {
        return refuse(TARGET, "no NATS server is configured (events.nats.url)");
    }
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'*' && byte != b'>';
    let is_subject = subject.len() <= SUBJECT_LENGTH_MAX
        && subject.split('.').all(|token| !token.is_empty() && token.bytes().all(is_allowed));
    if is_subject {
        return Ok(());
    }
    refuse(TARGET, "a NATS subject is up to 255 visible characters, parted by dots, without * and >")
}

pub(super) fn check_dead_letter(place: DeadLetterPlace) -> Result<DeadLetterPlace, RuleError> {
    const TARGET: &str = "deadLetterDestination";
    if place.resource_id.chars().count() > RESOURCE_ID_LENGTH_MAX {
        return refuse(TARGET, format!("resourceId has at most {RESOURCE_ID_LENGTH_MAX} characters"));
    }
    let name = place.container.as_bytes();
    let is_allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let is_container = (3..=63).contains(&name.len())
        && name.iter().all(is_allowed)
        && !place.container.starts_with('-')
        && !place.container.ends_with('-')
        && !place.container.contains("--");
    if is_container {
        return Ok(place);
    }
    refuse(
        TARGET,
        "blobContainerName has 3 to 63 characters a-z, 0-9 and -, and - neither begins, ends nor repeats",
    )
}
