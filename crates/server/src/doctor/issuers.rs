//! Configured issuers: whether their documents can be fetched, and are theirs.

use serde_json::Value;

use super::Check;
use crate::cli::Program;
use crate::config::Config;
use crate::config::typed::Issuer;

/// The directory, and every issuer whose tokens are accepted.
pub(super) async fn directory(config: &Config, program: &dyn Program) -> Vec<Check> {
    let directory = &config.directory;
    let finding = match (directory.is_enabled, directory.is_metadata_enabled) {
        (true, true) => "on; programs on this machine get tokens without a credential",
        (true, false) => "on",
        (false, _) if directory.issuers.is_empty() => "off, and no issuer is configured: access keys only",
        (false, _) => "off; issuers are configured",
    };
    let mut checks = vec![Check::fine("built-in directory", finding)];
    for issuer in &directory.issuers {
        checks.push(one(config, issuer, program).await);
    }
    checks
}

async fn one(config: &Config, issuer: &Issuer, program: &dyn Program) -> Check {
    let subject = format!("issuer {}", issuer.issuer);
    match count_keys(config, issuer, program).await {
        Ok(count) => Check::fine(subject, format!("reachable, {count} keys")),
        Err(reason) => Check::failure(
            subject,
            reason,
            "its tokens are refused until its keys can be fetched: check directory.issuers, the network, and that this machine trusts its certificate",
        ),
    }
}

async fn count_keys(config: &Config, issuer: &Issuer, program: &dyn Program) -> Result<usize, String> {
    let keys_url = match &issuer.jwks_url {
        Some(url) => url.clone(),
        None => find_keys(config, issuer, program).await?,
    };
    let set = program.fetch(config, &keys_url).await.map_err(|cause| format!("{keys_url}: {cause}"))?;
    match set["keys"].as_array() {
        Some(keys) if !keys.is_empty() => Ok(keys.len()),
        _ => Err(format!("{keys_url} has no keys")),
    }
}

/// The address of the key set, from a discovery document that is of this very issuer.
async fn find_keys(config: &Config, issuer: &Issuer, program: &dyn Program) -> Result<String, String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.issuer.trim_end_matches('/'));
    let found: Value = program.fetch(config, &url).await.map_err(|cause| format!("{url}: {cause}"))?;
    let claimed = found["issuer"].as_str().unwrap_or_default();
    if claimed != issuer.issuer {
        return Err(format!("{url} says that its issuer is {claimed:?}, and tokens will say so too"));
    }
    found["jwks_uri"].as_str().map(str::to_owned).ok_or_else(|| format!("{url} names no jwks_uri"))
}
