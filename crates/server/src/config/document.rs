//! `docs/configuration.md`, written from the table of settings.

use std::fmt::Write as _;

use super::kind::Kind;
use super::table::{Preset, Setting, WILDCARD, variable_of};

const HEAD: &str = "\
# Configuration

A setting can come from four places; a later one wins over an earlier:

1. its default, which depends on the profile;
2. a TOML file: the one `--config FILE` or `TRUNKLINE_CONFIG` names, else `DATA/trunkline.toml`, else
   `/etc/trunkline/trunkline.toml`;
3. the environment: `TRUNKLINE_` and the key in capitals with `_` for each dot, so `http.port` is
   `TRUNKLINE_HTTP_PORT`; lists are separated by commas;
4. flags: the named ones of `trunkline serve --help`, and `--set KEY=VALUE` for every key.

`trunkline config show` prints every value and where it came from, `trunkline config check` all that is wrong.
A key that does not exist is refused with the nearest one that does, wherever it stands. Relative paths count
from the working folder. An empty text unsets a setting that can be unset.

A secret can stand in a file of its own: `database.url_file = \"/run/secrets/database\"` reads the first line.

```toml
profile = \"production\"
public_url = \"https://acs.example.com\"
domain = \"acs.example.com\"

[tls]
certificate_file = \"/etc/trunkline/tls/chain.pem\"
key_file = \"/etc/trunkline/tls/key.pem\"

[database]
url_file = \"/etc/trunkline/database-url\"

[limits]
set = \"acs\"

[limits.requests]
CommunicationIdentity_IssueAccessToken = \"1000/30\"

[[directory.issuers]]
issuer = \"https://login.example.com/tenant/v2.0\"
tenants = [\"5f1e1a94-7c1b-4d4f-9f6b-0a2c7f2f5b11\"]
roles = { \"Acs.Operations\" = \"owner\", \"Acs.Sender\" = \"sms-sender@contoso\" }

[events]
allowed_networks = [\"10.0.0.0/8\"]

[usage]
currency = \"EUR\"
spend_limit = 500
spend_action = \"stop\"

[usage.prices]
identity.users = 0.0005
```

The profile `production` refuses `ephemeral`, `test_clock`, `default_resource`, `directory.metadata`, `samples.*`
and `cors.origins = \"*\"`, issuers that are not reached by `https://`, `events.allow_http` without
`events.allowed_networks`, a missing `public_url` or one without `https://`, and certificates of the server's own
authority unless `tls.own_authority = true` or `tls.terminated_by_proxy = true`.
";

/// The page, section by section in the order of the table.
pub(crate) fn render(settings: &[Setting]) -> String {
    let mut page = HEAD.to_owned();
    let mut section = None;
    for setting in settings {
        let group = setting.key.split_once('.').map(|(group, _)| group);
        if section != Some(group) {
            let _ = write!(page, "\n## {}\n", group.unwrap_or("General"));
            section = Some(group);
        }
        render_setting(setting, &mut page);
    }
    page
}

fn render_setting(setting: &Setting, page: &mut String) {
    let last = if setting.kind == Kind::Price { ".METER" } else { ".OPERATION_ID" };
    let title = setting.key.replace(WILDCARD, last);
    let _ = write!(page, "\n### `{title}`\n\n{}\n\n", setting.doc);
    let _ = writeln!(page, "- Takes: {}", setting.kind.describe());
    let _ = writeln!(page, "- Default: {}", describe_default(setting.preset));
    if setting.key.ends_with(WILDCARD) {
        let _ = writeln!(
            page,
            "- In the file and by `--set` only: a variable cannot carry the case and the dots of such a name"
        );
    } else {
        let _ = writeln!(page, "- Environment: `{}`", variable_of(setting.key));
    }
    if setting.secret {
        let _ = writeln!(page, "- Secret: never shown; `{0}_file` names a file that holds it", setting.key);
    }
}

fn describe_default(preset: Preset) -> String {
    let shown = |text: &str| if text.is_empty() { "unset".to_owned() } else { format!("`{text}`") };
    match preset {
        Preset::Same(text) => shown(text),
        Preset::Differs { development, production } => {
            format!("{} in development, {} in production", shown(development), shown(production))
        }
        Preset::Derived(how) => how.to_owned(),
    }
}
