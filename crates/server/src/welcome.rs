//! The default resource of a new data folder, and what a newcomer needs to know of it.

use serde_json::Value;
use trunkline_kernel::Clock;

use crate::config::Config;
use crate::node::Node;
use crate::program;

/// What a newcomer needs to know.
pub(crate) struct Welcome {
    pub(crate) resource_name: String,
    pub(crate) resource_id: String,
    pub(crate) connection_string: String,
}

impl Node {
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
    pub(crate) async fn subscription_id(&self, clock: &dyn Clock) -> anyhow::Result<String> {
        Ok(self.resources.subscription_id(clock).await?.to_string())
    }
}
