//! The default resource and the configured applications and users, and what a newcomer needs to know of them.

use anyhow::Context as _;
use serde_json::Value;

use crate::config::Config;
use crate::directory;
use crate::node::Node;
use crate::program;

/// What a newcomer needs to know.
pub(crate) struct Welcome {
    pub(crate) resource_name: String,
    pub(crate) resource_id: String,
    pub(crate) connection_string: String,
}

/// What a program needs to know to get tokens here.
pub(crate) struct Authority {
    pub(crate) tenant_id: String,
    /// The authority host for SDKs.
    pub(crate) origin: String,
    /// The `iss` of tokens.
    pub(crate) issuer: String,
    /// The authority host for managed identities; `None` where they are off.
    pub(crate) managed_identity_endpoint: Option<String>,
    /// The development application; `None` outside of development.
    pub(crate) client_id: Option<String>,
}

impl Node {
    /// Puts the configured applications and users into the directory and says where tokens come from; `None`
    /// without the built-in directory.
    pub(crate) async fn welcome_to_directory(
        &self,
        config: &Config,
        port: u16,
    ) -> anyhow::Result<Option<Authority>> {
        if !config.directory.is_enabled {
            return Ok(None);
        }
        let has_metadata = config.directory.is_metadata_enabled;
        self.directory.apply_seeds(&directory::seeds(config)).await.context(
            "directory.applications and directory.users cannot be applied; resources they name must exist: trunkline resource create NAME",
        )?;
        Ok(Some(Authority {
            tenant_id: self.directory.tenant_id().to_string(),
            issuer: self.directory.issuer(),
            // Not the public origin: only who comes over the loopback interface is answered.
            managed_identity_endpoint: has_metadata.then(|| format!("https://localhost:{port}")),
            origin: self.directory.authority().to_owned(),
            client_id: has_metadata.then(|| directory::DEVELOPMENT_CLIENT_ID.to_string()),
        }))
    }

    /// Makes the default resource where one is configured and does not exist yet, by the same operation an
    /// operator would use; `None` without a default resource.
    pub(crate) async fn welcome(&self, config: &Config) -> anyhow::Result<Option<Welcome>> {
        let Some(name) = &config.default_resource else { return Ok(None) };
        let path = format!("/trunkline/resources/{name}");
        let mut resource = self.call("GET", &path).await?;
        if resource.status == 404 {
            resource = self.call("PUT", &path).await?;
            if resource.status == 409 {
                // Another node on the same database was faster.
                resource = self.call("GET", &path).await?;
            }
        }
        let keys = self.call("GET", &format!("{path}/keys")).await?;
        let text = |body: &Value, name: &str| body[name].as_str().map(str::to_owned);
        let known = text(&resource.body, "id").zip(text(&keys.body, "primaryConnectionString"));
        let Some((resource_id, connection_string)) = known else {
            anyhow::bail!(
                "the default resource '{name}' cannot be made: {}",
                resource.body["error"]["message"]
            );
        };
        Ok(Some(Welcome { resource_name: name.to_string(), resource_id, connection_string }))
    }

    async fn call(&self, method: &str, path: &str) -> anyhow::Result<crate::cli::ApiReply> {
        program::call(&self.app, method, path, None).await.map_err(anyhow::Error::msg)
    }

    /// The ARM subscription id of this installation.
    pub(crate) async fn subscription_id(&self) -> anyhow::Result<String> {
        Ok(self.resources.subscription_id().await?.to_string())
    }
}
