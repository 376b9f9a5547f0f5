//! The ready file: what a test or script needs to know about a server that has started.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// The content of the ready file. Fields may be added, never renamed.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ready {
    /// The origin of the API, such as `https://localhost:8443`.
    pub(crate) endpoint: String,
    /// The connection string of the default resource; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection_string: Option<String>,
    /// The certificate authority to trust, in PEM; `None` with certificates from files and behind a proxy that ends TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The name of the default resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_name: Option<String>,
    /// The immutable id of the default resource, a GUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_id: Option<String>,
    /// The subscription that resources belong to, a GUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscription_id: Option<String>,
    /// The origin of the admin listener; `None` when it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin_endpoint: Option<String>,
    /// The tenant of the built-in directory, a GUID; `None` where it is off, as with the fields after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<String>,
    /// The authority host of the built-in directory, an origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<String>,
    /// The `iss` claim of its tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    /// The origin for `AZURE_POD_IDENTITY_AUTHORITY_HOST`; `None` where managed identities are off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) managed_identity_endpoint: Option<String>,
    /// The client id of the development application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// This process.
    pub(crate) pid: u32,
}

/// Writes `ready` to `file`, readable by the owner only: whole or not at all.
///
/// **Errors**: those of the file system; `file` is then what it was.
pub(crate) fn write(file: &Path, ready: &Ready) -> std::io::Result<()> {
    let mut text = serde_json::to_vec_pretty(ready)?;
    text.push(b'\n');
    replace_file(file, &text)
}

/// Replaces `file` by `content` with mode 0600: readers see the old or the new file, never a part.
pub(crate) fn replace_file(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(content)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|failure| failure.error)?;
    // The rename is durable only when the folder that holds the name is.
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Ready {
        Ready {
            endpoint: "https://localhost:8443".to_owned(),
            connection_string: Some("endpoint=https://dev.localhost:8443/;accesskey=AA==".to_owned()),
            ca_file: Some(PathBuf::from("/data/tls/ca.pem")),
            resource_name: Some("dev".to_owned()),
            resource_id: None,
            subscription_id: Some("00000000-0000-0000-0000-000000000000".to_owned()),
            admin_endpoint: None,
            tenant_id: Some("4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1".to_owned()),
            authority: Some("https://localhost:8443".to_owned()),
            issuer: Some("https://localhost:8443/4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1/v2.0".to_owned()),
            managed_identity_endpoint: None,
            client_id: None,
            pid: 7,
        }
    }

    #[test]
    fn the_file_holds_the_promised_fields() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("ready.json");
        std::fs::write(&file, "old").expect("file written");
        write(&file, &sample()).expect("written");
        let text = std::fs::read_to_string(&file).expect("readable");
        insta::assert_snapshot!(text, @r#"
        {
          "endpoint": "https://localhost:8443",
          "connectionString": "endpoint=https://dev.localhost:8443/;accesskey=AA==",
          "caFile": "/data/tls/ca.pem",
          "resourceName": "dev",
          "subscriptionId": "00000000-0000-0000-0000-000000000000",
          "tenantId": "4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1",
          "authority": "https://localhost:8443",
          "issuer": "https://localhost:8443/4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1/v2.0",
          "pid": 7
        }
        "#);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("readable").count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error() {
        let folder = tempfile::tempdir().expect("temporary folder");
        assert!(write(&folder.path().join("absent/ready.json"), &sample()).is_err());
    }
}
