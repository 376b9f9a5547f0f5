//! Which headers a subscription may set.

use trunkline_kernel::Secret;

use super::{ProposedMapping, ProposedMappingKind, RuleError, refuse};
use crate::envelope::Headers;
use crate::model::{Mapping, MappingKind, Schema, Secrets};

/// Headers of one subscription; published.
const MAPPINGS_MAX: usize = 10;
/// Names that begin so are the service's own or describe the body.
const RESERVED_PREFIXES: [&str; 4] = ["aeg-", "content-", "proxy-", "webhook-request-"];
/// Names that the connection needs for itself (RFC 9110 §7.2, §7.6.1).
const RESERVED: [&str; 8] =
    ["host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"];
const TARGET: &str = "deliveryAttributeMappings";

/// The headers as they are stored; values of secret ones go to `secrets`.
pub(super) fn check(
    proposed: Vec<ProposedMapping>,
    kept: Option<&Secrets>,
    schema: Schema,
    secrets: &mut Secrets,
) -> Result<Vec<Mapping>, RuleError> {
    if proposed.len() > MAPPINGS_MAX {
        return refuse(
            TARGET,
            format!("there are at most {MAPPINGS_MAX} delivery attributes, not {}", proposed.len()),
        );
    }
    let mut mappings: Vec<Mapping> = Vec::with_capacity(proposed.len());
    for mapping in proposed {
        if is_reserved(&mapping.name) {
            return refuse(TARGET, format!("the header '{}' is set by the service itself", mapping.name));
        }
        if mappings.iter().any(|seen| seen.name.eq_ignore_ascii_case(&mapping.name)) {
            return refuse(TARGET, format!("the header '{}' is there twice", mapping.name));
        }
        mappings.push(stored(mapping, kept, secrets));
    }
    match Headers::compile(&mappings, secrets, schema) {
        Ok(_) => Ok(mappings),
        Err(failure) => refuse(TARGET, failure.to_string()),
    }
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&name.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn stored(mapping: ProposedMapping, kept: Option<&Secrets>, secrets: &mut Secrets) -> Mapping {
    let ProposedMapping { name, kind } = mapping;
    let kind = match kind {
        ProposedMappingKind::Static { value, is_secret: true } => {
            if let Some(value) = value.or_else(|| kept_value(kept?, &name)) {
                secrets.headers.insert(name.clone(), value);
            }
            MappingKind::Static { value: None, is_secret: true }
        }
        ProposedMappingKind::Static { value, is_secret: false } => {
            MappingKind::Static { value: value.map(|value| value.expose().clone()), is_secret: false }
        }
        ProposedMappingKind::Dynamic { source_field } => MappingKind::Dynamic { source_field },
    };
    Mapping { name, kind }
}

/// Clients that read a subscription and write it back do not know its secrets.
fn kept_value(kept: &Secrets, name: &str) -> Option<Secret<String>> {
    let found = kept.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name))?;
    Some(found.1.clone())
}
