//! Operations as data: what one published operation is, in one constant.
//!
//! Routers, the OpenAPI documents, the rate limits, the metrics and the tests that walk every operation
//! are all built from these constants.

use schemars::{Schema, SchemaGenerator};
use trunkline_kernel::limits::{NamedLimit, RequestRate};

/// One published operation.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the operation, set by name"
)]
pub struct Operation {
    /// The service it belongs to, as in `/openapi/SERVICE/VERSION.json`.
    pub service: &'static str,
    /// The published operation id (`CommunicationIdentity_Create`).
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path with parameters in braces; a literal may stand behind one (`/jobs/{jobId}:cancel`).
    pub path: &'static str,
    /// The api-versions, oldest first; empty for an operation of our own, which has none.
    pub versions: &'static [&'static str],
    /// The one success status.
    pub success: u16,
    /// Who may call; any one of these is enough.
    pub allow: &'static [Allow],
    /// Whether signatures over the percent-decoded target are accepted (wire form of one SDK only).
    pub accepts_decoded_signature: bool,
    /// What the request carries.
    pub body: RequestBody,
    /// The schema of the reply's body; `None` for an empty one.
    pub reply: Option<SchemaOf>,
    /// Query parameters besides `api-version`.
    pub query: &'static [QueryParameter],
    /// The limit of requests, for each resource.
    pub rate: NamedLimit<RequestRate>,
    /// Further limits, narrower than the whole resource: for each caller, for each thread.
    pub scoped_rates: &'static [ScopedRate],
    /// The header in which a bearer token stands bare, in lower case; `None` for `Authorization`.
    pub token_header: Option<&'static str>,
    /// The largest body in bytes, instead of the configured one.
    pub body_bytes_max: Option<usize>,
    /// What a call is counted as in the usage ledger; it is then refused beyond a spend limit.
    pub meter: Option<&'static str>,
    /// The path parameter that names the resource which is managed, for roles on that one resource.
    pub manages: Option<&'static str>,
    /// Whether letters of the path's literals may be in any case, as ARM has it.
    pub is_case_insensitive: bool,
    /// Whether a call only looks although its method is POST.
    pub is_inspection: bool,
    /// Whether calls leave no line in the log: clients make one each time the last one was answered.
    pub is_quiet: bool,
    /// One sentence for the OpenAPI document.
    pub summary: &'static str,
}

/// A method an operation can have. A type of our own, because `http::Method` cannot be part of a constant
/// that is built from another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Looks.
    Get,
    /// Asks whether something is there.
    Head,
    /// Creates, or does what no other method says.
    Post,
    /// Puts in place.
    Put,
    /// Changes some fields.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// The method on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Makes a schema; `schema_of::<T>` for a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`.
pub fn schema_of<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// No limit of requests in any set.
pub const UNLIMITED: NamedLimit<RequestRate> = NamedLimit { generous: None, acs: None };

/// A limit of requests for a part of the resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScopedRate {
    /// Which part.
    pub scope: RateScope,
    /// How many requests in what time, in each set.
    pub rate: NamedLimit<RequestRate>,
}

/// What has a bucket of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateScope {
    /// Each caller.
    Caller,
    /// Each value of this path parameter.
    Path(&'static str),
    /// Each caller with each value of this path parameter.
    CallerAndPath(&'static str),
}

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allow {
    /// Whoever signs with an access key of the resource.
    ResourceKey,
    /// An Entra application with at least this role on the resource of the request's host.
    Application(Role),
    /// An Entra application that may send through this service of the resource.
    Sender(&'static str),
    /// An Entra application with at least this role on the resource that the path names, or on the
    /// installation where it names none. Whoever only looks needs the role anywhere: lists are filtered.
    Management(Role),
    /// A directory user with a token that is good for exchanges.
    DirectoryUser,
    /// A user whose token carries one of these scopes.
    User(&'static [&'static str]),
    /// An operator of this server with at least this role.
    Operator(Role),
    /// Everybody, without credentials: discovery documents only.
    Anyone,
}

/// How much a role may do; each includes the ones before it.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May look.
    Reader,
    /// May change data.
    Contributor,
    /// May also see and change keys and operators.
    Owner,
}

impl Role {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Contributor => "contributor",
            Self::Owner => "owner",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reader, Self::Contributor, Self::Owner].into_iter().find(|role| role.as_str() == name)
    }
}

/// What a request carries.
#[derive(Clone, Copy, Debug)]
pub enum RequestBody {
    /// Nothing; what comes all the same is read, counted into the signature and ignored.
    None,
    /// JSON that must be there.
    Json(SchemaOf),
    /// JSON that may be missing altogether.
    OptionalJson(SchemaOf),
    /// A merge patch (RFC 7396); `application/json` is accepted too.
    MergePatch(SchemaOf),
    /// A form (`application/x-www-form-urlencoded`).
    Form(SchemaOf),
    /// Bytes of any content type.
    Binary,
    /// Text of any content type.
    Text,
}

impl RequestBody {
    /// The schema of the body, if there is one.
    pub const fn schema(self) -> Option<SchemaOf> {
        match self {
            Self::None | Self::Binary | Self::Text => None,
            Self::Json(schema)
            | Self::OptionalJson(schema)
            | Self::MergePatch(schema)
            | Self::Form(schema) => Some(schema),
        }
    }
}

/// One query parameter, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub struct QueryParameter {
    /// The name on the wire.
    pub name: &'static str,
    /// JSON type: `string` or `integer`.
    pub kind: &'static str,
    /// What it does, with unit and range.
    pub description: &'static str,
}

/// `maxPageSize`, shared by every list.
pub const MAX_PAGE_SIZE: QueryParameter =
    QueryParameter { name: "maxPageSize", kind: "integer", description: "The most entries on one page." };

/// `continuationToken`, as the server wrote it into `nextLink`.
pub const CONTINUATION_TOKEN: QueryParameter = QueryParameter {
    name: "continuationToken",
    kind: "string",
    description: "Where the page starts; opaque, taken from `nextLink`.",
};

impl Operation {
    /// An operation of our own API: no versions, no limit, no bodies. Constants set what differs on top.
    pub const fn own(id: &'static str, method: Method, path: &'static str, allow: &'static [Allow]) -> Self {
        Self {
            service: "operator",
            id,
            method,
            path,
            versions: &[],
            success: 200,
            allow,
            accepts_decoded_signature: false,
            body: RequestBody::None,
            reply: None,
            query: &[],
            rate: UNLIMITED,
            scoped_rates: &[],
            token_header: None,
            body_bytes_max: None,
            meter: None,
            manages: None,
            is_case_insensitive: false,
            is_inspection: false,
            is_quiet: false,
            summary: "",
        }
    }

    /// The names of the parameters in the path, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        let braced = self.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        braced.map(|name| name.trim_start_matches('*'))
    }

    /// Whether a call changes something, judged by its method.
    pub fn is_change(&self) -> bool {
        !matches!(self.method, Method::Get | Method::Head) && !self.is_inspection
    }

    /// Whether the operation belongs to a resource, so that the host name must name one.
    pub fn needs_resource(&self) -> bool {
        let is_elsewhere =
            |allow: &Allow| matches!(allow, Allow::Operator(_) | Allow::Management(_) | Allow::Anyone);
        !self.allow.iter().all(is_elsewhere)
    }

    /// The least operator role, when operators may call.
    pub fn operator_role(&self) -> Option<Role> {
        self.allow.iter().find_map(|allow| match allow {
            Allow::Operator(role) => Some(*role),
            _ => None,
        })
    }
}
