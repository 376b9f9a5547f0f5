//! Settings that are arrays of tables: token issuers, applications and users of the directory.

use std::collections::BTreeMap;
use std::path::Path;

use trunkline_kernel::ResourceName;
use trunkline_web::principal::ApplicationRole;
use uuid::Uuid;

use super::kind::Written;
use super::typed::{ApplicationSeed, FederatedSeed, Hidden, Issuer, RoleGrant, UserSeed};

/// The largest certificate or secret that a table may name; a bigger file is a mistaken path.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads the tables of `directory.issuers`.
///
/// **Errors**: which table, which key, and what it should be.
pub(super) fn issuers(written: &Written) -> Result<Vec<Issuer>, String> {
    each(written, |table| {
        let issuer = Issuer {
            issuer: table.required("issuer")?,
            audiences: table.texts("audiences")?,
            management_audiences: table.texts("management_audiences")?,
            clients: table.texts("clients")?,
            tenants: table.texts("tenants")?,
            jwks_url: table.text("jwks_url")?,
            role_claim: table.text("role_claim")?.unwrap_or_else(|| "roles".to_owned()),
            roles: table.claim_roles("roles")?,
        };
        let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        if !is_url(&issuer.issuer) {
            return Err("`issuer` must be the URL in the `iss` claim of its tokens".to_owned());
        }
        if issuer.jwks_url.as_deref().is_some_and(|url| !is_url(url)) {
            return Err("`jwks_url` must be a URL".to_owned());
        }
        Ok(issuer)
    })
}

/// Reads the tables of `directory.applications`.
///
/// **Errors**: which table, which key, and what it should be.
pub(super) fn applications(written: &Written) -> Result<Vec<ApplicationSeed>, String> {
    each(written, |table| {
        let mut secrets: Vec<_> = table.text("secret")?.into_iter().map(Hidden::new).collect();
        secrets.extend(table.file("secret_file")?.map(|text| Hidden::new(first_line(&text))));
        Ok(ApplicationSeed {
            name: table.required("name")?,
            client_id: table.guid("client_id")?,
            redirect_uris: table.texts("redirect_uris")?,
            is_managed_identity: table.switch("managed_identity")?,
            secrets,
            certificates: table.file("certificate_file")?.into_iter().collect(),
            federated: table.federated("federated")?,
            roles: table.roles("roles")?,
        })
    })
}

/// Reads the tables of `directory.users`.
///
/// **Errors**: which table, which key, and what it should be.
pub(super) fn users(written: &Written) -> Result<Vec<UserSeed>, String> {
    each(written, |table| {
        let password = match (table.text("password")?, table.file("password_file")?) {
            (Some(_), Some(_)) => return Err("has both `password` and `password_file`; keep one".to_owned()),
            (None, None) => return Err("needs `password_file` (or `password`)".to_owned()),
            (Some(text), None) => text,
            (None, Some(text)) => first_line(&text),
        };
        Ok(UserSeed {
            user_name: table.required("user_name")?,
            display_name: table.text("display_name")?,
            object_id: table.guid("object_id")?,
            password: Hidden::new(password),
            roles: table.roles("roles")?,
        })
    })
}

/// Reads every table with `read`, and refuses keys that it did not ask for.
fn each<T>(written: &Written, read: impl Fn(&Table<'_>) -> Result<T, String>) -> Result<Vec<T>, String> {
    let Written::Array(items) = written else {
        return Err("expected an array of tables".to_owned());
    };
    let one = |(index, item): (usize, &Written)| {
        let number = index + 1;
        let Written::Table(entries) = item else { return Err(format!("table {number}: expected a table")) };
        let table = Table { entries, asked: std::cell::RefCell::default() };
        let value = read(&table).map_err(|reason| format!("table {number}: {reason}"))?;
        let asked = table.asked.into_inner();
        match entries.keys().find(|key| !asked.contains(&key.as_str())) {
            Some(unknown) => {
                let known = asked.join(", ");
                Err(format!("table {number}: `{unknown}` is no key of it; there are {known}"))
            }
            None => Ok(value),
        }
    };
    items.iter().enumerate().map(one).collect()
}

/// One table, and which of its keys were asked for.
struct Table<'t> {
    entries: &'t BTreeMap<String, Written>,
    asked: std::cell::RefCell<Vec<&'static str>>,
}

impl Table<'_> {
    fn value(&self, key: &'static str) -> Option<&Written> {
        self.asked.borrow_mut().push(key);
        self.entries.get(key)
    }

    fn text(&self, key: &'static str) -> Result<Option<String>, String> {
        match self.value(key) {
            None => Ok(None),
            Some(Written::Quoted(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{key}` must be a text")),
        }
    }

    fn required(&self, key: &'static str) -> Result<String, String> {
        self.text(key)?.ok_or_else(|| missing(key))
    }

    fn switch(&self, key: &'static str) -> Result<bool, String> {
        match self.value(key) {
            None => Ok(false),
            Some(Written::Switch(on)) => Ok(*on),
            Some(_) => Err(format!("`{key}` must be true or false")),
        }
    }

    fn texts(&self, key: &'static str) -> Result<Vec<String>, String> {
        let refusal = || format!("`{key}` must be an array of texts");
        let text = |item: &Written| match item {
            Written::Quoted(text) if !text.is_empty() => Ok(text.clone()),
            _ => Err(refusal()),
        };
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(Written::Array(items)) => items.iter().map(text).collect(),
            Some(_) => Err(refusal()),
        }
    }

    fn guid(&self, key: &'static str) -> Result<Option<Uuid>, String> {
        const LENGTH: usize = 36; // Not the other forms that the parser takes: people compare these texts.
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.parse() {
            Ok(guid) if text.len() == LENGTH => Ok(Some(guid)),
            _ => Err(format!("`{key}` must be a GUID")),
        }
    }

    /// The content of the file that `key` names.
    fn file(&self, key: &'static str) -> Result<Option<String>, String> {
        let Some(path) = self.text(key)? else { return Ok(None) };
        let text = load(Path::new(&path)).map_err(|cause| format!("`{key}`: {path}: {cause}"))?;
        if text.trim().is_empty() { Err(format!("`{key}`: {path} is empty")) } else { Ok(Some(text)) }
    }

    fn roles(&self, key: &'static str) -> Result<Vec<RoleGrant>, String> {
        self.texts(key)?.iter().map(|text| role(key, text)).collect()
    }

    /// What each value of the role claim grants.
    fn claim_roles(&self, key: &'static str) -> Result<BTreeMap<String, RoleGrant>, String> {
        let one = |(claim, written): (&String, &Written)| match written {
            Written::Quoted(text) => Ok((claim.clone(), role(key, text)?)),
            _ => Err(format!("`{key}` must map values of the role claim to roles")),
        };
        match self.value(key) {
            None => Ok(BTreeMap::new()),
            Some(Written::Table(entries)) => entries.iter().map(one).collect(),
            Some(_) => Err(format!("`{key}` must map values of the role claim to roles")),
        }
    }

    fn federated(&self, key: &'static str) -> Result<Vec<FederatedSeed>, String> {
        let Some(written) = self.value(key) else { return Ok(Vec::new()) };
        let read = |table: &Table<'_>| {
            Ok(FederatedSeed {
                issuer: table.required("issuer")?,
                subject: table.required("subject")?,
                audience: table.text("audience")?,
            })
        };
        each(written, read).map_err(|reason| format!("`{key}`: {reason}"))
    }
}

fn missing(key: &str) -> String {
    format!("needs `{key}`")
}

/// `ROLE` on the whole installation, or `ROLE@RESOURCE`.
fn role(key: &str, text: &str) -> Result<RoleGrant, String> {
    let (name, resource) = text.split_once('@').map_or((text, None), |(name, rest)| (name, Some(rest)));
    let Some(role) = ApplicationRole::from_name(name) else {
        let known = ApplicationRole::ALL.map(ApplicationRole::name).join(", ");
        return Err(format!("`{key}`: {name:?} is no role; there are {known}"));
    };
    let resource = resource.map(str::parse::<ResourceName>).transpose();
    match resource {
        Ok(resource) => Ok(RoleGrant { role, resource }),
        Err(_) => Err(format!("`{key}`: {text:?} is not ROLE or ROLE@RESOURCE")),
    }
}

fn load(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path)
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}
