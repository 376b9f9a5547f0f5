//! What a handler gets: the verified caller, the resource, the parsed request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderMap, header};
use hyper::upgrade::OnUpgrade;
use serde::de::DeserializeOwned;
use serde_json::Value;
use trunkline_kernel::clock::Timestamp;
use trunkline_kernel::ids::{ResourceId, ResourceName};
use trunkline_store::{StoreError, Tx};
use uuid::Uuid;

use crate::app::{Peer, Shared, parse_query};
use crate::error::ApiError;
use crate::operation::Operation;
use crate::paging::{Continuation, Page};
use crate::principal::{Principal, ResourceView};
use crate::repeatability::Repeatability;
use crate::usage::{self, Usage};
use crate::{audit, json};

/// One request, past authentication and limits.
#[derive(Debug)]
pub struct Context {
    /// The operation that was called.
    pub operation: &'static Operation,
    /// The api-version in force; `""` for operations of our own.
    pub version: &'static str,
    /// Who calls.
    pub principal: Principal,
    /// Where the request comes from.
    pub peer: Peer,
    /// When the request arrived.
    pub now: Timestamp,
    /// The id in `x-ms-request-id` and in every log line of this request.
    pub request_id: Uuid,
    pub(crate) resource: Option<Arc<ResourceView>>,
    pub(crate) path: Vec<(&'static str, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) target_path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) upgrade: Option<OnUpgrade>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) is_audited: Arc<AtomicBool>,
}

impl Context {
    /// The resource of the request's host.
    pub fn resource(&self) -> &Arc<ResourceView> {
        self.resource.as_ref().expect("the pipeline refuses operations that need a resource without one")
    }

    /// The resource of the request's host, if one answers there: for operations that everybody may call.
    pub fn host_resource(&self) -> Option<&Arc<ResourceView>> {
        self.resource.as_ref()
    }

    /// The resource that the path parameter `name` names: for operations of operators.
    ///
    /// **Errors**: 400 for a text that is no name, 404 for a resource that does not exist.
    pub async fn resource_in_path(&self, name: &str) -> Result<Arc<ResourceView>, ApiError> {
        let text = self.path(name);
        let parsed: ResourceName =
            text.parse().map_err(|cause| ApiError::invalid(name, format!("{cause}.")))?;
        let found = self.shared.resources.by_name(&parsed).await?;
        found.ok_or_else(|| ApiError::not_found(format!("There is no resource named '{parsed}'.")))
    }

    /// The resource with that immutable id, if any.
    pub async fn find_resource(&self, id: ResourceId) -> Result<Option<Arc<ResourceView>>, ApiError> {
        self.shared.resources.by_id(id).await
    }

    /// A path parameter, decoded.
    pub fn path(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(known, _)| *known == name);
        &found.expect("handlers ask for parameters of their own path").1
    }

    /// A query parameter, decoded; the first when it comes twice.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every query parameter, decoded, as often as it came.
    pub fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// Every header.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether the header is there, whatever its value.
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// A header as text; `None` when missing or no visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the page that makes the request may call: browsers ask before other requests, but not before an
    /// upgrade. A request without `Origin` is no page's.
    pub fn is_origin_allowed(&self) -> bool {
        match self.headers.get(header::ORIGIN) {
            None => true,
            Some(origin) => origin.to_str().is_ok_and(|origin| self.shared.settings.origins.allows(origin)),
        }
    }

    /// The body as it came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body, an object, as a `T`.
    ///
    /// **Errors**: 400 as [`json::parse_object`], 415 for a content type that is not JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        self.expect_json()?;
        json::parse_object(&self.body)
    }

    /// The body as a `T`, or `T::default()` when there is none: both SDKs send an empty body with a
    /// JSON content type where everything is optional.
    ///
    /// **Errors**: as [`Context::json`].
    pub fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, ApiError> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// The body as a merge patch (RFC 7396): an object, in which `null` removes.
    ///
    /// **Errors**: as [`Context::json`]; 400 for anything but an object.
    pub fn merge_patch(&self) -> Result<serde_json::Map<String, Value>, ApiError> {
        self.json()
    }

    /// The body, a form, as a `T` whose fields are texts.
    ///
    /// **Errors**: 400 for bad encoding, a field that comes twice or does not fit; 415 for another content
    /// type.
    pub fn form<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if self.content_type() != "application/x-www-form-urlencoded" {
            return Err(ApiError::new(
                http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UnsupportedMediaType",
                "The body must be a form, sent with 'Content-Type: application/x-www-form-urlencoded'.",
            ));
        }
        let text = std::str::from_utf8(&self.body)
            .map_err(|_| ApiError::invalid("body", "The form is not UTF-8 text."))?;
        let mut fields = serde_json::Map::new();
        for (name, value) in parse_query(text)? {
            if fields.insert(name.clone(), Value::String(value)).is_some() {
                return Err(ApiError::invalid("body", format!("The field {name} stands twice in the form.")));
            }
        }
        serde_json::from_value(Value::Object(fields))
            .map_err(|cause| ApiError::invalid("body", format!("The form does not fit: {cause}.")))
    }

    fn content_type(&self) -> String {
        let content_type = self.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    fn expect_json(&self) -> Result<(), ApiError> {
        let essence = self.content_type();
        if essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
        {
            return Ok(());
        }
        Err(ApiError::new(
            http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "The body must be JSON, sent with 'Content-Type: application/json'.",
        ))
    }

    /// Takes the connection over after the reply, which must then be [`Reply::switching`](crate::Reply).
    /// `None` for a request that cannot be upgraded: one over HTTP/2, or without `Connection: upgrade`.
    pub fn take_upgrade(&mut self) -> Option<OnUpgrade> {
        self.upgrade.take()
    }

    /// How many entries the page may have: `maxPageSize`, at most the configured maximum.
    ///
    /// **Errors**: 400 for anything but a number from 1.
    pub fn page_size(&self) -> Result<u32, ApiError> {
        self.page_size_of(self.shared.settings.page_size_max)
    }

    /// How many entries the page may have: `maxPageSize`, at most `limit`, which is that of the operation.
    ///
    /// **Errors**: 400 for anything but a number from 1.
    pub fn page_size_of(&self, limit: u32) -> Result<u32, ApiError> {
        let Some(text) = self.query("maxPageSize") else { return Ok(limit) };
        match text.parse::<u32>() {
            Ok(size) if size > 0 => Ok(size.min(limit)),
            _ => Err(ApiError::invalid(
                "maxPageSize",
                format!("maxPageSize must be a number from 1 to {limit}."),
            )),
        }
    }

    /// How many entries to leave out before the first page: `skip`, 0 without it. Later pages start where
    /// their token says.
    ///
    /// **Errors**: 400 for anything but a number from 0.
    pub fn skip(&self) -> Result<u32, ApiError> {
        match self.query("skip") {
            Some(text) if self.query("continuationToken").is_none() => {
                text.parse().map_err(|_| ApiError::invalid("skip", "skip must be a number from 0."))
            }
            _ => Ok(0),
        }
    }

    /// The query parameter `name` as a time (RFC 3339), if it is there.
    ///
    /// **Errors**: 400 for another text.
    pub fn time_query(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let parse = |text: &str| {
            let invalid = || {
                let message = format!("{name} must be a time such as 2026-11-21T09:30:00Z.");
                ApiError::invalid(name, message)
            };
            Timestamp::parse_rfc3339(text).ok_or_else(invalid)
        };
        self.query(name).map(parse).transpose()
    }

    /// Where the page starts, as an earlier reply's `nextLink` says; `None` for the first page.
    ///
    /// **Errors**: 400 for a token this server did not make for this operation and caller.
    pub fn continuation<P: DeserializeOwned>(&self) -> Result<Option<P>, ApiError> {
        self.query("continuationToken").map(|token| self.continuations().read(token)).transpose()
    }

    /// One page, with the link to the next one when `next` says where it starts.
    pub fn page<T>(&self, value: Vec<T>, next: Option<&impl serde::Serialize>) -> Page<T> {
        let next_link = next.map(|position| {
            let token = self.continuations().write(position);
            let mut link = format!("{}{}?", self.origin(), self.target_path);
            let is_of_first_page = |name: &str| matches!(name, "continuationToken" | "skip");
            for (name, value) in self.query.iter().filter(|(name, _)| !is_of_first_page(name)) {
                link.push_str(&format!("{}={}&", encode(name), encode(value)));
            }
            link + "continuationToken=" + &token
        });
        Page { value, next_link }
    }

    /// The absolute address under which a long-running operation is polled.
    pub fn operation_location(&self, id: &str) -> String {
        format!("{}/trunkline/operations/{id}", self.origin())
    }

    fn continuations(&self) -> Continuation<'_> {
        let resource = self.resource.as_ref().map(|resource| resource.id);
        Continuation::new(&self.shared.continuation_key, self.operation.id, resource, &self.target_path)
    }

    /// The public origin of what was called, without a slash at the end.
    pub fn origin(&self) -> &str {
        self.resource.as_ref().map_or(&self.shared.settings.public_origin, |resource| &*resource.origin)
    }

    /// The repeatability headers of the request; `None` when it has none.
    ///
    /// **Errors**: 400 when they are malformed.
    pub fn repeatability(&self) -> Result<Option<Repeatability>, ApiError> {
        Repeatability::read(self)
    }

    /// Writes the audit row of a change, in the transaction that makes the change.
    ///
    /// `target` names what was changed; `detail` says how, without secrets.
    pub fn audit(&self, tx: &mut Tx<'_>, target: &str, detail: &Value) -> Result<(), StoreError> {
        audit::record(tx, self, target, detail)?;
        self.is_audited.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Says that the call found nothing to change: then the audit log has no row of it, and misses none.
    pub fn changes_nothing(&self) {
        self.is_audited.store(true, Ordering::Relaxed);
    }

    /// Counts `quantity` units of the operation's meter, in the transaction of what is counted.
    pub fn count_usage(&self, tx: &mut Tx<'_>, quantity: u32) -> Result<(), StoreError> {
        let meter = self.operation.meter.expect("only operations with a meter count");
        let resource = self.resource();
        let usage = Usage { resource, operation: self.operation.id, meter, quantity, now: self.now };
        usage::record(tx, &usage)
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 §2.3.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
