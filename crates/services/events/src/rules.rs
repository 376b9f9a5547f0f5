//! What a subscription may ask for: pure, from what a client sent to what is stored.

mod destination;
mod expiry;
mod filter_limits;
mod mappings;
mod names;
mod retry;
#[cfg(test)]
mod tests;

use trunkline_kernel::{Secret, Timestamp};

use crate::model::{DeadLetterPlace, Destination, Filter, Mapping, MappingKind, Schema, Secrets, Spec};

pub(crate) use names::check_name;

/// Why a subscription is refused: a sentence for the client, and the field it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RuleError {
    /// The field, such as `advancedFilters`.
    pub(crate) target: &'static str,
    /// What is wrong and what would be right. Never a secret.
    pub(crate) message: String,
}

/// A refusal.
fn refuse<T>(target: &'static str, message: impl Into<String>) -> Result<T, RuleError> {
    Err(RuleError { target, message: message.into() })
}

/// What the rules need to know beside the proposal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    /// Whether web hooks may be `http`.
    pub(crate) allow_http: bool,
    /// Whether a NATS server is configured.
    pub(crate) has_nats: bool,
    /// What time it is.
    pub(crate) now: Timestamp,
}

/// What a client asks for, as it came. Numbers are doubles because clients write `1.0` for one.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    /// Where the events shall go.
    pub(crate) destination: ProposedDestination,
    /// Which events.
    pub(crate) filter: Filter,
    /// Words of the client.
    pub(crate) labels: Vec<String>,
    /// The envelope.
    pub(crate) schema: Schema,
    /// The most attempts; `None` is 30.
    pub(crate) max_delivery_attempts: Option<f64>,
    /// For how many minutes; `None` is 1,440.
    pub(crate) event_time_to_live_minutes: Option<f64>,
    /// Where what cannot be delivered goes.
    pub(crate) dead_letter: Option<DeadLetterPlace>,
    /// From when on nothing is delivered.
    pub(crate) expires: Option<Timestamp>,
}

/// Where the events shall go.
#[derive(Clone, Debug)]
pub(crate) enum ProposedDestination {
    /// An HTTP endpoint.
    WebHook {
        /// The whole address.
        url: Secret<String>,
        /// The most events of a request; `None` is 1.
        max_events_per_batch: Option<f64>,
        /// How large a request may be, in KiB; `None` is 64.
        preferred_batch_size_kb: Option<f64>,
        /// Headers.
        mappings: Vec<ProposedMapping>,
    },
    /// A subject of the NATS server.
    Nats {
        /// The subject.
        subject: String,
    },
}

/// A header as it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct ProposedMapping {
    /// Its name.
    pub(crate) name: String,
    /// Where its value comes from.
    pub(crate) kind: ProposedMappingKind,
}

/// Where the value of a header shall come from.
#[derive(Clone, Debug)]
pub(crate) enum ProposedMappingKind {
    /// Always the same.
    Static {
        /// The value; a secret one may be left out to keep the one there is.
        value: Option<Secret<String>>,
        /// Whether it shall never be shown.
        is_secret: bool,
    },
    /// A field of the event.
    Dynamic {
        /// The field's key.
        source_field: String,
    },
}

impl Proposal {
    /// What there is already, as a proposal: where a change that names only some fields begins.
    pub(crate) fn of(spec: &Spec, secrets: &Secrets) -> Self {
        let destination = match &spec.destination {
            Destination::WebHook { max_events_per_batch, preferred_batch_size_kb, mappings, .. } => {
                ProposedDestination::WebHook {
                    url: secrets.endpoint_url.clone(),
                    max_events_per_batch: Some(f64::from(*max_events_per_batch)),
                    preferred_batch_size_kb: Some(f64::from(*preferred_batch_size_kb)),
                    mappings: mappings.iter().map(|mapping| ProposedMapping::of(mapping, secrets)).collect(),
                }
            }
            Destination::Nats { subject } => ProposedDestination::Nats { subject: subject.clone() },
        };
        Self {
            destination,
            filter: spec.filter.clone(),
            labels: spec.labels.clone(),
            schema: spec.schema,
            max_delivery_attempts: Some(f64::from(spec.retry.max_delivery_attempts)),
            event_time_to_live_minutes: Some(f64::from(spec.retry.event_time_to_live_minutes)),
            dead_letter: spec.dead_letter.clone(),
            expires: spec.expires,
        }
    }
}

impl ProposedMapping {
    fn of(mapping: &Mapping, secrets: &Secrets) -> Self {
        let kind = match &mapping.kind {
            MappingKind::Static { value, is_secret: false } => {
                ProposedMappingKind::Static { value: value.clone().map(Secret::new), is_secret: false }
            }
            MappingKind::Static { is_secret: true, .. } => {
                let value = secrets.headers.get(&mapping.name).cloned();
                ProposedMappingKind::Static { value, is_secret: true }
            }
            MappingKind::Dynamic { source_field } => {
                ProposedMappingKind::Dynamic { source_field: source_field.clone() }
            }
        };
        Self { name: mapping.name.clone(), kind }
    }
}

/// What is stored for `proposal`; `kept` are the secrets of the subscription that it replaces.
///
/// **Errors**: the first rule that is broken.
pub(crate) fn check(
    proposal: Proposal,
    kept: Option<&Secrets>,
    conditions: &Conditions,
) -> Result<(Spec, Secrets), RuleError> {
    let schema = proposal.schema;
    let (destination, secrets) = destination::check(proposal.destination, kept, schema, conditions)?;
    let spec = Spec {
        destination,
        filter: filter_limits::check(proposal.filter, schema)?,
        labels: names::check_labels(proposal.labels)?,
        expires: expiry::check(proposal.expires, conditions.now)?,
        schema,
        retry: retry::check(proposal.max_delivery_attempts, proposal.event_time_to_live_minutes)?,
        dead_letter: proposal.dead_letter.map(destination::check_dead_letter).transpose()?,
    };
    Ok((spec, secrets))
}

/// A whole number of that range.
fn whole_number(
    target: &'static str,
    value: Option<f64>,
    range: std::ops::RangeInclusive<u32>,
    default: u32,
) -> Result<u32, RuleError> {
    let Some(value) = value else { return Ok(default) };
    let (least, most) = (*range.start(), *range.end());
    if value.fract() != 0.0 || value < f64::from(least) || value > f64::from(most) {
        return refuse(target, format!("{target} is a whole number from {least} to {most}, not {value}"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and in the range of u32"
    )]
    Ok(value as u32)
}
