//! The operator API as the commands see it, and the one way they call it.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;
/// A text as one segment of a path or one value of a query.
pub(crate) use trunkline_web::context::encode;

/// Empty pages in a row that name a next one: what a page was to show may have changed by the time it is asked for, but
/// a broken server must not keep us here for ever.
const EMPTY_PAGES_MAX: usize = 10;

/// A future of an object-safe trait.
pub(crate) type Pending<'p, T> = Pin<Box<dyn Future<Output = T> + Send + 'p>>;

/// An answer of the operator API.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiReply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body; `Null` when there is none.
    pub(crate) body: Value,
    /// The header `operation-location` of a 202.
    pub(crate) operation_location: Option<String>,
}

/// Where operator requests go: the socket of a running server, or the router in this process.
pub(crate) trait OperatorApi: Send + Sync {
    /// Sends one request; `path_and_query` starts with `/trunkline/`.
    ///
    /// **Errors**: only when there is no answer; the text says why.
    fn call<'c>(
        &'c self,
        method: &'c str,
        path_and_query: &'c str,
        body: Option<Value>,
    ) -> Pending<'c, Result<ApiReply, String>>;

    /// Whether a server answers. In the command's own process nothing runs in the background.
    fn is_server(&self) -> bool {
        true
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The operator API refused.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error code of the API.
        code: String,
        /// The message of the API.
        message: String,
    },
    /// There is no answer, or not the one that was agreed.
    #[error("{0}")]
    Unreachable(String),
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The user said no.
    #[error("nothing was changed")]
    Declined,
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigErrors),
    /// The data folder is held or missing.
    #[error(transparent)]
    Folder(#[from] crate::folder::FolderError),
    /// A backup or restore did not happen.
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
    /// A file or the terminal.
    #[error("{0}")]
    File(String),
    /// The command ran, and what it found is bad news it has already printed.
    #[error("")]
    Found,
}

impl CliError {
    /// The code of the JSON form; that of the API where it refused.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Unreachable(_) => "Unreachable",
            Self::Usage(_) => "Usage",
            Self::Declined => "Declined",
            Self::Config(_) => "InvalidConfiguration",
            Self::Folder(_) => "DataFolder",
            Self::Backup(_) => "Backup",
            Self::File(_) => "File",
            Self::Found => "Failed",
        }
    }

    /// What the process ends with: 1 failed, 2 usage.
    pub(crate) fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage(_)) { 2 } else { 1 }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error.to_string())
    }
}

/// Sends one request and takes the body of a good answer.
pub(crate) async fn request(
    api: &dyn OperatorApi,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<Value, CliError> {
    reply(api, method, path, body).await.map(|reply| reply.body)
}

/// Sends one request and takes a good answer whole.
pub(crate) async fn reply(
    api: &dyn OperatorApi,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<ApiReply, CliError> {
    let reply = api.call(method, path, body).await.map_err(CliError::Unreachable)?;
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let text = |name: &str| reply.body["error"][name].as_str().map(str::to_owned);
    Err(CliError::Refused {
        status: reply.status,
        code: text("code").unwrap_or_else(|| "Unknown".to_owned()),
        message: text("message")
            .unwrap_or_else(|| format!("the server answered with status {}", reply.status)),
    })
}

/// The items of a paged list, at most `limit`, and whether there are more.
pub(crate) async fn list(
    api: &dyn OperatorApi,
    path: &str,
    limit: usize,
) -> Result<(Vec<Value>, bool), CliError> {
    let mut items = Vec::new();
    let mut next = Some(path.to_owned());
    while items.len() < limit
        && let Some(path) = next.take()
    {
        let (values, link) = page(api, &path).await?;
        items.extend(values);
        next = link;
    }
    let has_more = next.is_some() || items.len() > limit;
    items.truncate(limit);
    Ok((items, has_more))
}

/// One page of a list that is not empty, or the last one, and the path of the next one.
pub(crate) async fn page(
    api: &dyn OperatorApi,
    path: &str,
) -> Result<(Vec<Value>, Option<String>), CliError> {
    let mut path = path.to_owned();
    for _ in 0..EMPTY_PAGES_MAX {
        let mut page = request(api, "GET", &path, None).await?;
        let next = page["nextLink"].as_str().map(|link| path_of(link).to_owned());
        match (page["value"].take(), next) {
            (Value::Array(values), Some(next)) if values.is_empty() => path = next,
            (Value::Array(values), next) => return Ok((values, next)),
            _ => return Err(CliError::Unreachable(format!("the answer to {path} is no list"))),
        }
    }
    Err(CliError::Unreachable(format!("{EMPTY_PAGES_MAX} pages up to {path} are empty")))
}

/// Path and query of an absolute URL; what has no origin stays.
fn path_of(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => url,
    }
}
