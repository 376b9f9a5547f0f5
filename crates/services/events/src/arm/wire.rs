//! From the published shapes to what a subscription asks for, and back.

use trunkline_kernel::Secret;

use super::types::{
    DeadLetterDestination, DeadLetterParameters, DeadLetterProperties, DeliveryAttributeMapping,
    DeliveryAttributeProperties, DestinationParameters, DestinationProperties, EventSubscriptionDestination,
    EventSubscriptionFilter, EventSubscriptionProperties, EventSubscriptionUpdateParameters,
    FilterParameters, MappingParameters, RetryPolicy,
};
use crate::error::EventsError;
use crate::model::{
    AdvancedFilter, DeadLetterPlace, Destination, Filter, FilterDocument, Mapping, MappingKind, Schema,
    Subscription,
};
use crate::rules::{Proposal, ProposedDestination, ProposedMapping, ProposedMappingKind};

/// A refusal that names the field at fault.
fn refuse<T>(target: &'static str, message: impl Into<String>) -> Result<T, EventsError> {
    Err(EventsError::Invalid(target, message.into()))
}

impl EventSubscriptionUpdateParameters {
    /// What a PUT asks for: what it leaves out has its default.
    ///
    /// **Errors**: invalid, with the field at fault.
    pub(super) fn into_proposal(self) -> Result<Proposal, EventsError> {
        let Some(destination) = &self.destination else {
            return refuse(
                "destination",
                "the destination is missing; a WebHook with its endpointUrl is one",
            );
        };
        let destination = destination.clone().read(None)?;
        let empty = Proposal {
            destination,
            filter: Filter::default(),
            labels: Vec::new(),
            schema: Schema::default(),
            max_delivery_attempts: None,
            event_time_to_live_minutes: None,
            dead_letter: None,
            expires: None,
        };
        Self { destination: None, ..self }.apply(empty)
    }

    /// What a PATCH asks for: what it leaves out stays as it is in `proposal`, and what it names is replaced as a
    /// whole.
    ///
    /// **Errors**: invalid, with the field at fault.
    pub(super) fn apply(self, mut proposal: Proposal) -> Result<Proposal, EventsError> {
        if self.delivery_with_resource_identity.is_some() {
            return refuse(
                "deliveryWithResourceIdentity",
                "events are delivered without an identity; a secret delivery attribute can carry a token",
            );
        }
        if self.dead_letter_with_resource_identity.is_some() {
            return refuse(
                "deadLetterWithResourceIdentity",
                "dead letters are kept without an identity; deadLetterDestination names their container",
            );
        }
        if let Some(destination) = self.destination {
            proposal.destination = destination.read(Some(&proposal.destination))?;
        }
        if let Some(filter) = self.filter {
            proposal.filter = filter.read()?;
        }
        if let Some(labels) = self.labels {
            proposal.labels = labels;
        }
        if let Some(schema) = self.event_delivery_schema {
            proposal.schema = read_schema(&schema)?;
        }
        if let Some(retry) = self.retry_policy {
            proposal.max_delivery_attempts = retry.max_delivery_attempts;
            proposal.event_time_to_live_minutes = retry.event_time_to_live_in_minutes;
        }
        if let Some(place) = self.dead_letter_destination {
            proposal.dead_letter = Some(place.read()?);
        }
        proposal.expires = self.expiration_time_utc.or(proposal.expires);
        Ok(proposal)
    }
}

fn read_schema(text: &str) -> Result<Schema, EventsError> {
    let known = [Schema::EventGridSchema, Schema::CloudEventSchemaV1_0];
    match known.into_iter().find(|schema| schema.name().eq_ignore_ascii_case(text)) {
        Some(schema) => Ok(schema),
        None => refuse(
            "eventDeliverySchema",
            "eventDeliverySchema is EventGridSchema or CloudEventSchemaV1_0 for events of a resource",
        ),
    }
}

impl DestinationParameters {
    /// `before` is what an update replaces: an address that is left out stays, because nobody who only reads
    /// subscriptions knows it.
    fn read(self, before: Option<&ProposedDestination>) -> Result<ProposedDestination, EventsError> {
        if !self.endpoint_type.eq_ignore_ascii_case("WebHook") {
            return refuse(
                "destination.endpointType",
                "this server delivers to a WebHook only; the other destinations of Azure are not there",
            );
        }
        let asked = self.properties.unwrap_or_default();
        if asked.azure_active_directory_tenant_id.is_some()
            || asked.azure_active_directory_application_id_or_uri.is_some()
        {
            return refuse(
                "destination.azureActiveDirectoryApplicationIdOrUri",
                "deliveries carry no token of a directory; a secret delivery attribute can carry one",
            );
        }
        let url = match (asked.endpoint_url, before) {
            (Some(url), _) => Secret::new(url),
            (None, Some(ProposedDestination::WebHook { url, .. })) => url.clone(),
            (None, _) => {
                return refuse("destination.endpointUrl", "the endpointUrl of the WebHook is missing");
            }
        };
        let mappings = asked.delivery_attribute_mappings.unwrap_or_default();
        Ok(ProposedDestination::WebHook {
            url,
            max_events_per_batch: asked.max_events_per_batch,
            preferred_batch_size_kb: asked.preferred_batch_size_in_kilobytes,
            mappings: mappings.into_iter().map(MappingParameters::read).collect::<Result<_, _>>()?,
        })
    }
}

impl MappingParameters {
    fn read(self) -> Result<ProposedMapping, EventsError> {
        let asked = self.properties.unwrap_or_default();
        let kind = if self.kind.eq_ignore_ascii_case("Static") {
            ProposedMappingKind::Static {
                value: asked.value.map(Secret::new),
                is_secret: asked.is_secret.unwrap_or_default(),
            }
        } else if self.kind.eq_ignore_ascii_case("Dynamic") {
            ProposedMappingKind::Dynamic { source_field: asked.source_field.unwrap_or_default() }
        } else {
            return refuse(
                "deliveryAttributeMappings",
                "the type of a delivery attribute is Static or Dynamic",
            );
        };
        Ok(ProposedMapping { name: self.name.unwrap_or_default(), kind })
    }
}

impl FilterParameters {
    fn read(self) -> Result<Filter, EventsError> {
        let advanced: Result<Vec<AdvancedFilter>, _> =
            self.advanced_filters.unwrap_or_default().into_iter().map(AdvancedFilter::try_from).collect();
        let advanced = match advanced {
            Ok(advanced) => advanced,
            Err(unknown) => return refuse("advancedFilters", unknown.to_string()),
        };
        Ok(Filter {
            included_event_types: self.included_event_types,
            subject_begins_with: self.subject_begins_with.unwrap_or_default(),
            subject_ends_with: self.subject_ends_with.unwrap_or_default(),
            is_subject_case_sensitive: self.is_subject_case_sensitive.unwrap_or_default(),
            enable_advanced_filtering_on_arrays: self.enable_advanced_filtering_on_arrays.unwrap_or_default(),
            advanced,
        })
    }
}

impl DeadLetterParameters {
    fn read(self) -> Result<DeadLetterPlace, EventsError> {
        if !self.endpoint_type.eq_ignore_ascii_case("StorageBlob") {
            return refuse("deadLetterDestination", "the endpointType of dead letters is StorageBlob");
        }
        let asked = self.properties.unwrap_or_default();
        Ok(DeadLetterPlace {
            resource_id: asked.resource_id.unwrap_or_default(),
            container: asked.blob_container_name.unwrap_or_default(),
        })
    }
}

impl EventSubscriptionProperties {
    /// `subscription` as shown, without its secrets; `topic` is the id of its resource.
    pub(super) fn of(subscription: Subscription, topic: &str) -> Self {
        let spec = subscription.spec;
        let attempts = spec.retry.max_delivery_attempts;
        Self {
            topic: topic.to_owned(),
            provisioning_state: subscription.state.name(),
            destination: EventSubscriptionDestination::of(spec.destination),
            filter: EventSubscriptionFilter::of(spec.filter),
            labels: spec.labels,
            expiration_time_utc: spec.expires,
            event_delivery_schema: spec.schema.name(),
            retry_policy: RetryPolicy {
                max_delivery_attempts: attempts,
                event_time_to_live_in_minutes: spec.retry.event_time_to_live_minutes,
            },
            dead_letter_destination: spec.dead_letter.map(|place| DeadLetterDestination {
                endpoint_type: "StorageBlob",
                properties: DeadLetterProperties {
                    resource_id: place.resource_id,
                    blob_container_name: place.container,
                },
            }),
        }
    }
}

impl EventSubscriptionDestination {
    fn of(destination: Destination) -> Self {
        match destination {
            Destination::WebHook { base_url, max_events_per_batch, preferred_batch_size_kb, mappings } => {
                Self {
                    endpoint_type: "WebHook",
                    properties: DestinationProperties {
                        endpoint_base_url: Some(base_url),
                        max_events_per_batch: Some(max_events_per_batch),
                        preferred_batch_size_in_kilobytes: Some(preferred_batch_size_kb),
                        delivery_attribute_mappings: Some(attributes(mappings)),
                        subject: None,
                    },
                }
            }
            Destination::Nats { subject } => Self {
                endpoint_type: "NatsSubject",
                properties: DestinationProperties { subject: Some(subject), ..Default::default() },
            },
        }
    }
}

/// Headers as shown: secret ones without their value.
pub(super) fn attributes(mappings: Vec<Mapping>) -> Vec<DeliveryAttributeMapping> {
    let shown = |Mapping { name, kind }| match kind {
        MappingKind::Static { value, is_secret } => DeliveryAttributeMapping {
            name,
            kind: "Static",
            properties: DeliveryAttributeProperties { value, is_secret: Some(is_secret), source_field: None },
        },
        MappingKind::Dynamic { source_field } => DeliveryAttributeMapping {
            name,
            kind: "Dynamic",
            properties: DeliveryAttributeProperties {
                source_field: Some(source_field),
                ..Default::default()
            },
        },
    };
    mappings.into_iter().map(shown).collect()
}

impl EventSubscriptionFilter {
    fn of(filter: Filter) -> Self {
        let all = || trunkline_catalogue::EVENT_TYPES.iter().map(|known| known.name.to_owned()).collect();
        Self {
            subject_begins_with: filter.subject_begins_with,
            subject_ends_with: filter.subject_ends_with,
            included_event_types: filter.included_event_types.unwrap_or_else(all),
            is_subject_case_sensitive: filter.is_subject_case_sensitive,
            enable_advanced_filtering_on_arrays: filter.enable_advanced_filtering_on_arrays,
            advanced_filters: filter.advanced.into_iter().map(FilterDocument::from).collect(),
        }
    }
}
