//! What must hold between settings, and what production refuses.

use std::collections::HashSet;

use super::Profile;
use super::kind::Value;
use super::resolve::{Problem, Source, Values, profile_of};
use super::typed::ApplicationSeed;

/// Adds what is wrong between settings. A key that already has a problem is left alone.
pub(crate) fn check(values: &Values, problems: &mut Vec<Problem>) {
    let mut checker = Checker { values, found: Vec::new() };
    checker.check_pairs();
    if profile_of(values) == Profile::Production {
        checker.refuse_conveniences();
    }
    let known: Vec<String> = problems.iter().map(|problem| problem.key.clone()).collect();
    problems.extend(checker.found.into_iter().filter(|problem| !known.contains(&problem.key)));
}

/// What tells an application from others: its client id, without one its name.
fn application_name(seed: &ApplicationSeed) -> String {
    seed.client_id.map_or_else(|| seed.name.clone(), |id| id.to_string())
}

struct Checker<'v> {
    values: &'v Values,
    found: Vec<Problem>,
}

impl Checker<'_> {
    fn check_pairs(&mut self) {
        let pair = ["tls.certificate_file", "tls.key_file"];
        for (given, missing) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            if self.is_set(given) && !self.is_set(missing) {
                self.report(missing, &format!("needed because {given} is set"));
            }
        }
        if self.is_on("tls.terminated_by_proxy") && self.is_set(pair[0]) {
            self.report(
                "tls.terminated_by_proxy",
                "cannot be together with tls.certificate_file: one of them ends TLS",
            );
        }
        if matches!(self.value("http.addresses"), Value::List(items) if items.is_empty()) {
            self.report("http.addresses", "needs at least one address");
        }
        let ports = (self.value("http.port").clone(), self.value("admin.port").clone());
        if ports.0 == ports.1 && ports.0 != Value::Integer(0) {
            self.report("admin.port", "is the same port as http.port; the admin listener needs its own");
        }
        self.check_directory();
        self.check_nats();
        self.check_samples();
        let is_price = |key: &String| key.starts_with("usage.prices.");
        if self.is_set("usage.spend_limit") && !self.values.keys().any(is_price) {
            self.report("usage.spend_limit", "needs usage.prices: without them nothing costs anything");
        }
        if self.is_on("ephemeral") && self.is_set("database.url") {
            self.report("ephemeral", "cannot be together with database.url: memory or PostgreSQL, not both");
        }
    }

    fn check_directory(&mut self) {
        let names = |key: &str| match self.value(key) {
            Value::Issuers(all) => all.iter().map(|one| one.issuer.clone()).collect(),
            Value::Applications(all) => all.iter().map(application_name).collect(),
            Value::Users(all) => all.iter().map(|one| one.user_name.clone()).collect(),
            _ => Vec::new(),
        };
        let is_enabled = self.is_on("directory.enabled");
        let mut found = Vec::new();
        for key in ["directory.issuers", "directory.applications", "directory.users"] {
            let names = names(key);
            if !is_enabled && key != "directory.issuers" && !names.is_empty() {
                found.push((key, "needs directory.enabled = true: nobody could sign in".to_owned()));
            }
            // Two tables that describe the same thing contradict each other.
            let mut seen = HashSet::new();
            if let Some(twice) = names.into_iter().find(|name| !seen.insert(name.to_lowercase())) {
                found.push((key, format!("has two tables for {twice}; keep one")));
            }
        }
        // Production refuses it by itself, for a better reason.
        let is_development = profile_of(self.values) == Profile::Development;
        let has_metadata = self.is_on("directory.metadata") && !self.is_default("directory.metadata");
        if is_development && !is_enabled && has_metadata {
            let message = "needs directory.enabled = true: it hands out its tokens";
            found.push(("directory.metadata", message.to_owned()));
        }
        for (key, message) in found {
            self.report(key, &message);
        }
    }

    fn check_nats(&mut self) {
        let url = "events.nats.url";
        for key in ["events.nats.user", "events.nats.password", "events.nats.token"] {
            if self.is_set(key) && !self.is_set(url) {
                self.report(url, &format!("needed because {key} is set"));
            }
        }
        let pair = ["events.nats.user", "events.nats.password"];
        for (given, missing) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            if self.is_set(given) && !self.is_set(missing) {
                self.report(missing, &format!("needed because {given} is set"));
            }
        }
        if self.is_set(pair[0]) && self.is_set("events.nats.token") {
            self.report(
                "events.nats.token",
                "cannot be together with events.nats.user: one of them signs in",
            );
        }
    }

    fn check_samples(&mut self) {
        let key = "samples.trusted_service";
        let address = match self.value(key) {
            Value::Text(origin) => origin.clone(),
            _ => return,
        };
        if !["http://127.0.0.1:", "http://localhost:", "http://[::1]:"]
            .iter()
            .any(|start| address.starts_with(start))
        {
            self.report(
                key,
                "must be on this machine, such as http://127.0.0.1:3000: it believes every name",
            );
        }
        if !self.is_set("samples.folder") {
            self.report("samples.folder", &format!("needed because {key} is set"));
        }
    }

    fn refuse_conveniences(&mut self) {
        for key in ["samples.folder", "samples.trusted_service"] {
            if self.is_set(key) {
                self.report(key, "is refused in the profile production: its sign-in asks for no password");
            }
        }
        for key in ["ephemeral", "test_clock"] {
            if self.is_on(key) {
                self.report(key, "is refused in the profile production");
            }
        }
        if self.is_set("default_resource") {
            self.report(
                "default_resource",
                "is refused in the profile production: clients must name their resource",
            );
        }
        if matches!(self.value("cors.origins"), Value::List(items) if items.iter().any(|item| item == "*")) {
            self.report("cors.origins", "\"*\" is refused in the profile production; list the origins");
        }
        match self.value("public_url") {
            Value::Text(url) if url.starts_with("https://") => {}
            Value::Text(_) => self.report("public_url", "must start with https:// in the profile production"),
            _ => self.report(
                "public_url",
                "is required in the profile production, such as https://acs.example.com",
            ),
        }
        self.refuse_open_web_hooks();
        if self.is_on("directory.metadata") {
            self.report(
                "directory.metadata",
                "is refused in the profile production: every program on the machine could get a token",
            );
        }
        if let Value::Issuers(issuers) = self.value("directory.issuers") {
            let addresses =
                issuers.iter().flat_map(|issuer| [Some(&issuer.issuer), issuer.jwks_url.as_ref()]);
            if addresses.flatten().any(|address| !address.starts_with("https://")) {
                let message =
                    "must name https:// addresses in the profile production: its keys decide who gets in";
                self.report("directory.issuers", message);
            }
        }
        if !self.is_set("tls.certificate_file")
            && !self.is_set("tls.key_file")
            && !self.is_on("tls.own_authority")
            && !self.is_on("tls.terminated_by_proxy")
        {
            self.report(
                "tls.certificate_file",
                "is required in the profile production, or set tls.own_authority = true to let the server sign, or tls.terminated_by_proxy = true behind a proxy that ends TLS",
            );
        }
    }

    fn refuse_open_web_hooks(&mut self) {
        let networks = self.value("events.allowed_networks");
        let has_networks = matches!(networks, Value::List(items) if !items.is_empty());
        if self.is_on("events.allow_http") && !has_networks {
            self.report(
                "events.allow_http",
                "needs events.allowed_networks in the profile production: on the Internet events go by https://",
            );
        }
    }

    fn value(&self, key: &str) -> &Value {
        self.values.get(key).map_or(&Value::Unset, |resolved| &resolved.value)
    }

    fn is_set(&self, key: &str) -> bool {
        *self.value(key) != Value::Unset
    }

    fn is_default(&self, key: &str) -> bool {
        self.values.get(key).is_none_or(|resolved| resolved.source == Source::Default)
    }

    fn is_on(&self, key: &str) -> bool {
        *self.value(key) == Value::Switch(true)
    }

    fn report(&mut self, key: &str, message: &str) {
        let source = self.values.get(key).map_or(Source::Default, |resolved| resolved.source.clone());
        self.found.push(Problem { source, key: key.to_owned(), message: message.to_owned() });
    }
}
