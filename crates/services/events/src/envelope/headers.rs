//! Headers that a subscription wants on each request.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::filters::{Field, Found, View};
use crate::model::{Mapping, MappingKind, Schema, Secrets};

/// The longest value of a header, in bytes; published. A dynamic value that is longer is left out.
pub(crate) const VALUE_BYTES_MAX: usize = 4096;

/// The headers of a subscription, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Headers {
    /// The same on every request.
    fixed: Box<[(HeaderName, HeaderValue)]>,
    /// Read from the event.
    dynamic: Box<[(HeaderName, Field)]>,
}

/// Why a mapping is no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    /// No name of a header (RFC 9110 §5.1).
    #[error("'{0}' is no name of a header")]
    Name(String),
    /// Characters that a header cannot carry, or too many. The value may be secret, so it is not shown.
    #[error("the value of the header '{0}' is no text of up to 4096 visible characters")]
    Value(String),
    /// A secret value that is neither given nor kept.
    #[error("the header '{0}' has no value")]
    Absent(String),
    /// The envelope has no such field.
    #[error("'{field}' is no field of an event; the fields are {known}")]
    Field {
        /// The key as written.
        field: String,
        /// The fields there are.
        known: &'static str,
    },
}

impl Headers {
    /// Makes the headers ready.
    ///
    /// **Errors**: what the rules refuse when a subscription is made, so a stored one passes.
    pub(crate) fn compile(
        mappings: &[Mapping],
        secrets: &Secrets,
        schema: Schema,
    ) -> Result<Self, HeaderError> {
        let mut fixed = Vec::new();
        let mut dynamic = Vec::new();
        for mapping in mappings {
            let name = HeaderName::from_bytes(mapping.name.as_bytes())
                .map_err(|_| HeaderError::Name(mapping.name.clone()))?;
            match &mapping.kind {
                MappingKind::Static { value, is_secret } => {
                    let secret = secrets.headers.get(&mapping.name).map(|secret| secret.expose().as_str());
                    let text = if *is_secret { secret } else { value.as_deref() };
                    let text = text.ok_or_else(|| HeaderError::Absent(mapping.name.clone()))?;
                    let mut value =
                        header_value(text).ok_or_else(|| HeaderError::Value(mapping.name.clone()))?;
                    value.set_sensitive(*is_secret);
                    fixed.push((name, value));
                }
                MappingKind::Dynamic { source_field } => {
                    let field = Field::parse(source_field, schema).ok_or_else(|| HeaderError::Field {
                        field: source_field.clone(),
                        known: Field::names(schema),
                    })?;
                    dynamic.push((name, field));
                }
            }
        }
        Ok(Self { fixed: fixed.into(), dynamic: dynamic.into() })
    }

    /// Whether some header is read from the event at all.
    pub(crate) fn is_dynamic(&self) -> bool {
        !self.dynamic.is_empty()
    }

    /// Puts the headers on a request; dynamic ones come from `event`, the first of a batch.
    ///
    /// A field that is absent, is no single value, or cannot be a header leaves its header out.
    pub(crate) fn apply(&self, event: Option<&View<'_>>, headers: &mut HeaderMap) {
        for (name, value) in &self.fixed {
            headers.insert(name.clone(), value.clone());
        }
        let Some(event) = event else { return };
        for (name, field) in &self.dynamic {
            if let Some(value) = dynamic_value(field.find(event)) {
                headers.insert(name.clone(), value);
            }
        }
    }
}

fn dynamic_value(found: Found<'_>) -> Option<HeaderValue> {
    match found {
        Found::Text(text) => header_value(text),
        Found::Number(number) => header_value(&number.to_string()),
        Found::Truth(truth) => Some(HeaderValue::from_static(if truth { "true" } else { "false" })),
        Found::Nothing | Found::Array(_) | Found::Object => None,
    }
}

fn header_value(text: &str) -> Option<HeaderValue> {
    (text.len() <= VALUE_BYTES_MAX).then(|| HeaderValue::from_str(text).ok()).flatten()
}
