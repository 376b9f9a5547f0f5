//! What `serve` prints when it is ready: everything a newcomer pastes.

use std::fmt::Write as _;
use std::io::Write as _;

use trunkline_net::TrustBundle;

use crate::config::{Config, Profile};
use crate::ready::Ready;

/// Prints the address, and in development the connection string and the lines that make each SDK trust it.
pub(crate) fn print(
    ready: &Ready,
    bundle: &TrustBundle,
    config: &Config,
    is_json: bool,
) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    if is_json {
        serde_json::to_writer(&mut output, ready)?;
        writeln!(output)?;
    } else {
        output.write_all(text(ready, bundle, config).as_bytes())?;
    }
    output.flush()
}

fn text(ready: &Ready, bundle: &TrustBundle, config: &Config) -> String {
    let mut text = format!("Trunkline {} is ready at {}\n", env!("CARGO_PKG_VERSION"), ready.endpoint);
    if config.profile != Profile::Development {
        return text;
    }
    let mut add = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    if let Some(connection_string) = &ready.connection_string {
        add("\nConnection string:\n");
        add(&format!("  {connection_string}"));
    }
    if ready.ca_file.is_some() {
        add("\nMake your SDK trust this server (in the shell that starts your program):\n");
        for paste in bundle.paste_lines() {
            add(&format!("  # {}", paste.client));
            for line in &paste.lines {
                add(&format!("  {line}"));
            }
        }
        let program = std::env::current_exe().unwrap_or_else(|_| "trunkline".into());
        add(&format!("\nBrowsers: {} ca trust --data {}", program.display(), config.data.display()));
    }
    if let Some(connection_string) = &ready.connection_string {
        add("\nPython (pip install azure-communication-identity):\n");
        add(
            "  from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope",
        );
        add(&format!(
            "  client = CommunicationIdentityClient.from_connection_string(\"{connection_string}\")"
        ));
        add("  user, token = client.create_user_and_token([CommunicationTokenScope.CHAT])");
        add("  print(user.raw_id, token.token)");
        add("\nJavaScript (npm install @azure/communication-identity), in a file ending in .mjs:\n");
        add("  import { CommunicationIdentityClient } from \"@azure/communication-identity\";");
        add(&format!("  const client = new CommunicationIdentityClient(\"{connection_string}\");"));
        add("  const { user, token } = await client.createUserAndToken([\"chat\"]);");
        add("  console.log(user.communicationUserId, token);");
    }
    if let Some(host) = &ready.managed_identity_endpoint {
        add("\nPrograms with DefaultAzureCredential run unchanged in a shell that says:\n");
        add(&format!("  export AZURE_POD_IDENTITY_AUTHORITY_HOST={host}"));
        add(&format!("  export ACS_ENDPOINT={}   # or what your program calls it", ready.endpoint));
    }
    if let Some((authority, tenant)) = ready.authority.as_ref().zip(ready.tenant_id.as_ref()) {
        add("\nPrograms with a secret or certificate of their own (trunkline app create) also say:\n");
        add(&format!("  export AZURE_AUTHORITY_HOST={authority} AZURE_TENANT_ID={tenant}"));
    }
    if config.samples.folder.is_some() {
        add(&format!("\nSamples, in a browser that trusts this server: {}/", ready.endpoint));
    }
    if let Some(admin) = &ready.admin_endpoint {
        add(&format!("\nHealth and metrics: {admin}/readyz, {admin}/metrics"));
    }
    add("Stop with Ctrl-C.");
    text
}
