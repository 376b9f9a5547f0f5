//! Tests of the configuration: each source, who wins, what is refused and how that is said.

mod services;

use std::path::Path;

use proptest::prelude::*;

use super::kind::Kind;
use super::table::{OTHER_VARIABLES, SETTINGS, WILDCARD, list_keys, variable_of};
use super::*;

/// Sources for a test; `file` is the text of the configuration file.
#[derive(Default)]
struct Given<'g> {
    file: &'g str,
    environment: &'g [(&'g str, &'g str)],
    flags: &'g [(&'g str, &'g str)],
}

impl Given<'_> {
    fn load(&self) -> Result<Loaded, Vec<String>> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("trunkline.toml");
        std::fs::write(&path, self.file).expect("file written");
        self.load_in(folder.path())
    }

    fn load_in(&self, folder: &Path) -> Result<Loaded, Vec<String>> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let flag = |(key, value): &(&str, &str)| Flag {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            shown: format!("--{key}"),
        };
        let inputs = Inputs {
            file: Some(folder.join("trunkline.toml")),
            machine_file: folder.join("absent.toml"),
            environment: self.environment.iter().map(pair).collect(),
            flags: self.flags.iter().map(flag).collect(),
        };
        let folder = format!("{}/", folder.display());
        load(&inputs).map_err(|errors| {
            errors.0.iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
        })
    }

    fn problems(&self) -> Vec<String> {
        self.load().expect_err("refused")
    }
}

fn source_of(loaded: &Loaded, key: &str) -> String {
    let origin = loaded.origins.iter().find(|origin| origin.key == key).expect("every setting has an origin");
    let file = origin.source.rsplit('/').next().expect("rsplit yields at least one part");
    format!("{} <- {file}", origin.value)
}

#[test]
fn every_default_fits_its_kind_in_both_profiles() {
    let development = Given::default().load().expect("development needs no setting").config;
    assert_eq!(development.http.port, 8443);
    assert_eq!(development.default_resource.expect("development has one").as_str(), "dev");
    let file = "profile = 'production'\npublic_url = 'https://a.example'\ntls.own_authority = true";
    let production = Given { file, ..Given::default() }.load().expect("production needs two settings").config;
    assert_eq!(production.data, Path::new("/var/lib/trunkline"));
    assert_eq!(production.admin.map(|admin| admin.port), Some(9464));
    assert!(production.log.is_json);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let given = Given {
        file: "[http]\nport = 1\nheader_timeout_s = 1\nbody_timeout_s = 1",
        environment: &[("TRUNKLINE_HTTP_HEADER_TIMEOUT_S", "2"), ("TRUNKLINE_HTTP_BODY_TIMEOUT_S", "2")],
        flags: &[("http.body_timeout_s", "3")],
    };
    let loaded = given.load().expect("valid");
    assert_eq!(loaded.config.http.port, 1);
    assert_eq!(loaded.config.http.header_timeout.as_secs(), 2);
    assert_eq!(loaded.config.http.body_timeout.as_secs(), 3);
    assert_eq!(source_of(&loaded, "http.port"), "1 <- trunkline.toml:2");
    assert_eq!(
        source_of(&loaded, "http.header_timeout_s"),
        "2 <- environment TRUNKLINE_HTTP_HEADER_TIMEOUT_S"
    );
    assert_eq!(source_of(&loaded, "http.body_timeout_s"), "3 <- flag --http.body_timeout_s");
    assert_eq!(source_of(&loaded, "http.idle_timeout_s"), "120 <- default");
    assert_eq!(source_of(&loaded, "public_url"), "https://localhost:1 <- derived");
}

#[test]
fn every_kind_of_value_is_read_from_a_file() {
    let file = r#"
        limits = "acs"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        limits.requests.Chat_Send = "10/60"
        admin.port = "off"
        default_resource = ""
        directory.issuers = [{ issuer = "https://i.example", audiences = ["a"], tenants = ["t"] }]
    "#;
    // `limits` cannot be both a text and a table, so the short form stands alone in TOML.
    let file = file.replace("limits.requests.Chat_Send = \"10/60\"\n", "");
    let given = Given { file: &file, flags: &[("limits.requests.Chat_Send", "10/60")], ..Given::default() };
    let config = given.load().expect("valid").config;
    assert_eq!(config.limits.set, trunkline_kernel::limits::LimitSet::Acs);
    assert_eq!(config.limits.requests["Chat_Send"].requests, 10);
    assert!(config.trusted_proxies[0].contains("::ffff:10.2.3.4".parse().expect("address")));
    assert!(!config.trusted_proxies[0].contains("11.0.0.1".parse().expect("address")));
    assert_eq!(config.admin, None);
    assert_eq!(config.default_resource, None);
    assert_eq!(config.directory.issuers[0].tenants, ["t"]);
    assert_eq!(config.directory.issuers[0].role_claim, "roles");
    let text = r#"[{ issuer = "https://i.example", audiences = ["a"] }]"#;
    let by_flag = Given { flags: &[("directory.issuers", text)], ..Given::default() };
    assert_eq!(by_flag.load().expect("valid").config.directory.issuers.len(), 1);
}

#[test]
fn prices_may_have_the_names_of_meters_with_dots() {
    let file = "[usage]\ncurrency = 'USD'\nspend_limit = 500\nspend_action = 'stop'\n\
                [usage.prices]\nidentity.users = 0.0005\n'identity.exchanges' = '0.004/60'";
    let loaded = Given { file, ..Given::default() }.load().expect("valid");
    let usage = &loaded.config.usage;
    assert_eq!(usage.currency, "USD");
    assert_eq!(usage.spend_limit.map(|limit| limit.to_string()).as_deref(), Some("500"));
    assert_eq!(usage.spend_action, trunkline_usage::SpendAction::Stop);
    assert_eq!(source_of(&loaded, "usage.prices.identity.users"), "0.0005 <- trunkline.toml:6");
    assert_eq!(source_of(&loaded, "usage.prices.identity.exchanges"), "0.004/60 <- trunkline.toml:7");
    let wrong = Given {
        file: "[usage]\ncurrency = 'euro'\nspend_limit = -1\n[usage.prices]\na = 0.00000001\nb = '1/0'",
        ..Given::default()
    };
    insta::assert_snapshot!(wrong.problems().join("\n"), @r#"
    trunkline.toml:2: usage.currency: "euro" is not allowed; expected three capital letters such as EUR
    trunkline.toml:3: usage.spend_limit: -1 is not allowed; expected an amount such as 0.0075, at most 6 digits after the point
    trunkline.toml:5: usage.prices.a: 0.00000001 is not allowed; expected an amount such as 0.0075, or for several units such as "0.004/60"
    trunkline.toml:6: usage.prices.b: "1/0" is not allowed; expected an amount such as 0.0075, or for several units such as "0.004/60"
    "#);
    let free = Given { file: "usage.spend_limit = 1", ..Given::default() };
    insta::assert_snapshot!(free.problems().join("\n"), @"trunkline.toml:1: usage.spend_limit: needs usage.prices: without them nothing costs anything");
}

#[test]
fn events_are_kept_and_sent_as_configured() {
    let development = Given::default().load().expect("valid").config.events;
    let contains = |address: &str| {
        let address = address.parse().expect("an address");
        development.allowed_networks.iter().any(|network| network.contains(address))
    };
    assert!(contains("127.0.0.1") && contains("::1") && !contains("10.0.0.1"));
    assert!(development.allow_http);
    assert_eq!(development.history.as_secs(), 24 * 3_600);
    assert_eq!(development.log.as_secs(), 7 * 86_400);
    assert_eq!(
        [development.history_rows_max, development.log_rows_max, development.pending_max],
        [1_000_000, 1_000_000, 5_000_000]
    );
    assert_eq!(development.webhook_origin, "eventgrid.azure.net");
    assert!(development.nats.is_none());
    let file = "[events]\nhistory_hours = 2\nlog_days = 1\nallow_http = false\nallowed_networks = []\n\
                [events.nats]\nurl = 'tls://nats.example'\nuser = 'acs'\npassword = 'hunter2'";
    let loaded = Given { file, ..Given::default() }.load().expect("valid");
    let events = &loaded.config.events;
    assert_eq!((events.history.as_secs(), events.log.as_secs()), (7_200, 86_400));
    assert!(events.allowed_networks.is_empty() && !events.allow_http);
    let nats = events.nats.as_ref().expect("configured");
    assert_eq!((nats.url.as_str(), nats.user.as_deref()), ("tls://nats.example", Some("acs")));
    assert_eq!(nats.password.as_ref().map(|password| password.expose().as_str()), Some("hunter2"));
    assert!(nats.token.is_none());
    assert_eq!(source_of(&loaded, "events.nats.password"), "*** <- trunkline.toml:9");
}

#[test]
fn nats_settings_that_make_no_sense_are_explained() {
    let problems = |file| Given { file, ..Given::default() }.problems().join("\n");
    insta::assert_snapshot!(problems("events.nats.url = 'nats://user:pass@host'"), @"trunkline.toml:1: events.nats.url: expected a URL such as nats://host:4222 or tls://host:4222, without user and password");
    insta::assert_snapshot!(problems("events.nats.user = 'acs'\nevents.nats.token = 't'"), @"
    default: events.nats.url: needed because events.nats.user is set
    default: events.nats.url: needed because events.nats.token is set
    default: events.nats.password: needed because events.nats.user is set
    trunkline.toml:2: events.nats.token: cannot be together with events.nats.user: one of them signs in
    ");
}

#[test]
fn production_takes_http_web_hooks_in_named_networks() {
    let file = "profile = 'production'\npublic_url = 'https://a.example'\ntls.own_authority = true\n\
                events.allow_http = true\nevents.allowed_networks = ['10.0.0.0/8']";
    assert!(Given { file, ..Given::default() }.load().expect("valid").config.events.allow_http);
}

#[test]
fn the_directory_is_filled_from_tables_and_files() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "\nhunter2\n").expect("written");
    let file = format!(
        "[[directory.applications]]\nname = 'billing'\nclient_id = '4B1E2D6C-2F0A-4C8F-9A55-3A5CB1B0F6A1'\n\
         secret_file = '{0}'\nredirect_uris = ['http://localhost']\nroles = ['owner', 'sms-sender@contoso']\n\
         federated = [{{ issuer = 'https://k.example', subject = 's' }}]\n\
         [[directory.users]]\nuser_name = 'ada@example.com'\npassword_file = '{0}'\n",
        secret.display()
    );
    let loaded = Given { file: &file, ..Given::default() }.load().expect("valid");
    let directory = &loaded.config.directory;
    let application = &directory.applications[0];
    let client_id = application.client_id.map(|id| id.to_string());
    assert_eq!(client_id.as_deref(), Some("4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1"));
    assert_eq!(application.secrets[0].secret().expose(), "hunter2");
    assert_eq!(application.roles[1].role.name(), "sms-sender");
    assert_eq!(application.roles[1].resource.as_ref().map(ToString::to_string).as_deref(), Some("contoso"));
    assert_eq!(application.federated[0].audience, None);
    assert_eq!(directory.users[0].password.secret().expose(), "hunter2");
    assert_eq!(source_of(&loaded, "directory.applications"), "billing <- trunkline.toml:1");
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn tables_that_make_no_sense_are_explained_without_their_secrets() {
    let check = |file: &str| Given { file, ..Given::default() }.problems().join("\n");
    let given = [
        "directory.applications = [{ name = 'a', secret = 'hunter2', scret = 'x' }]",
        "directory.applications = [{ name = 'a' }, { client_id = 'x' }]",
        "directory.applications = [{ name = 'a', client_id = 'x' }]",
        "directory.applications = [{ name = 'a', roles = ['admin'] }]",
        "directory.applications = [{ name = 'a', roles = ['owner@'] }]",
        "directory.applications = [{ name = 'a', certificate_file = 'absent.pem' }]",
        "directory.applications = [{ name = 'a', federated = [{ issuer = 'x' }] }]",
        "directory.applications = [{ name = 'a' }, { name = 'A' }]",
        "directory.users = [{ user_name = 'ada' }]",
        "directory.users = [{ user_name = 'ada', password = 'hunter2', password_file = 'absent' }]",
        "directory.users = 'ada'",
        "directory.enabled = false\ndirectory.metadata = true\ndirectory.users = [{ user_name = 'a', password = 'b' }]",
        "directory.issuers = [{ issuer = 'https://i', roles = { Boss = 'king' } }]",
        "[[teams_exchange.issuers]]\nissuer = 'https://i'",
    ];
    let told: Vec<_> = given.iter().map(|file| check(file)).collect();
    assert!(!told.join("").contains("hunter2"), "{told:?}");
    insta::assert_snapshot!(told.join("\n").replace("trunkline.toml:1: directory.", ""), @r#"
    applications: table 1: `scret` is no key of it; there are secret, secret_file, name, client_id, redirect_uris, managed_identity, certificate_file, federated, roles
    applications: table 2: needs `name`
    applications: table 1: `client_id` must be a GUID
    applications: table 1: `roles`: "admin" is no role; there are reader, contributor, owner, sms-sender, email-sender, chat-sender, messages-sender, calling-sender
    applications: table 1: `roles`: "owner@" is not ROLE or ROLE@RESOURCE
    applications: table 1: `certificate_file`: absent.pem: No such file or directory (os error 2)
    applications: table 1: `federated`: table 1: needs `subject`
    applications: has two tables for A; keep one
    users: table 1: needs `password_file` (or `password`)
    users: table 1: `password_file`: absent: No such file or directory (os error 2)
    users: expected an array of tables
    trunkline.toml:3: directory.users: needs directory.enabled = true: nobody could sign in
    trunkline.toml:2: directory.metadata: needs directory.enabled = true: it hands out its tokens
    issuers: table 1: `roles`: "king" is no role; there are reader, contributor, owner, sms-sender, email-sender, chat-sender, messages-sender, calling-sender
    trunkline.toml:1: teams_exchange.issuers: is now directory.issuers; see docs/configuration.md
    "#);
    let flag = "[{ user_name = 'ada', password = 'hunter2', x = 1 }]";
    let told = Given { flags: &[("directory.users", flag)], ..Given::default() }.problems().join("");
    assert!(told.contains("`x` is no key of it") && !told.contains("hunter2"), "{told}");
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let given = Given {
        file: "[http]\nprot = 1",
        environment: &[("TRUNKLINE_HTP_PORT", "1"), ("TRUNKLINE_TEST_POSTGRES", "x"), ("PATH", "/bin")],
        flags: &[("log.levl", "info"), ("qqqq", "1")],
    };
    insta::assert_snapshot!(given.problems().join("\n"), @"
    environment TRUNKLINE_HTP_PORT: no setting has this variable; did you mean TRUNKLINE_HTTP_PORT?
    trunkline.toml:2: http.prot: no such setting; did you mean http.port?
    flag --log.levl: log.levl: no such setting; did you mean log.level?
    flag --qqqq: qqqq: no such setting
    ");
}

#[test]
fn all_problems_are_reported_at_once_with_what_is_allowed() {
    let given = Given {
        file: "profile = 'staging'\n[http]\nport = 99999\nmax_body_bytes = '1'\naddresses = ['here']\n\
               [database]\nurl = 'mysql://root:hunter2@db'\n[limits.requests]\nX = '0/0'\n\
               [tls]\nkey_file = 'key.pem'\n[directory]\nissuers = [{ issuer = 'x' }]",
        environment: &[("TRUNKLINE_EPHEMERAL", "perhaps")],
        flags: &[("public_url", "https://a.example/path")],
    };
    let problems = given.problems().join("\n");
    assert!(!problems.contains("hunter2"), "{problems}");
    insta::assert_snapshot!(problems, @r#"
    trunkline.toml:1: profile: "staging" is not allowed; expected development or production
    trunkline.toml:3: http.port: 99999 is not allowed; expected a port from 0 to 65535
    trunkline.toml:4: http.max_body_bytes: "1" is not allowed; expected a whole number of bytes from 1024 to 1073741824
    trunkline.toml:5: http.addresses: ["here"] is not allowed; expected a list of IP addresses
    trunkline.toml:7: database.url: *** is not allowed; expected a URL such as postgres://user@host/database
    trunkline.toml:9: limits.requests.X: "0/0" is not allowed; expected REQUESTS/SECONDS such as 500/30, both at least 1
    trunkline.toml:13: directory.issuers: table 1: `issuer` must be the URL in the `iss` claim of its tokens
    environment TRUNKLINE_EPHEMERAL: ephemeral: perhaps is not allowed; expected true or false
    flag --public_url: public_url: https://a.example/path is not allowed; expected an origin such as https://api.example.com, without a path
    default: tls.certificate_file: needed because tls.key_file is set
    "#);
}

#[test]
fn syntax_errors_name_their_line() {
    let given = Given { file: "profile = 'development'\n[http\nport = 1", ..Given::default() };
    insta::assert_snapshot!(given.problems().join("\n"), @"trunkline.toml:2: unclosed table, expected `]`");
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let secret = folder.path().join("url");
    std::fs::write(&secret, "postgres://root:hunter2@db/x\n").expect("file written");
    let file = format!("database.url_file = '{}'", secret.display());
    std::fs::write(folder.path().join("trunkline.toml"), &file).expect("file written");
    let loaded = Given::default().load_in(folder.path()).expect("valid");
    assert_eq!(loaded.config.database.url.as_ref().expect("set").expose(), "postgres://root:hunter2@db/x");
    assert_eq!(source_of(&loaded, "database.url"), "*** <- trunkline.toml:1");
    assert!(!format!("{loaded:?}").contains("hunter2"));

    let both = format!("{file}\ndatabase.url = 'postgres://root:hunter2@db/y'");
    std::fs::write(folder.path().join("trunkline.toml"), both).expect("file written");
    let problems = Given::default().load_in(folder.path()).expect_err("refused");
    assert_eq!(
        problems,
        ["trunkline.toml:2: database.url: given both as database.url and as database.url_file; keep one"]
    );
}

#[test]
fn a_missing_or_empty_secret_file_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("trunkline.toml"), "").expect("file written");
    for (name, text) in [("absent", None), ("empty", Some("\n"))] {
        let path = folder.path().join(name);
        if let Some(text) = text {
            std::fs::write(&path, text).expect("file written");
        }
        let path = path.display().to_string();
        let given = Given { flags: &[("database.url_file", path.as_str())], ..Given::default() };
        assert_eq!(given.load_in(folder.path()).expect_err("refused").len(), 1, "{name}");
    }
}

#[test]
fn production_refuses_every_convenience() {
    let given = Given {
        file: "profile = 'production'\nephemeral = true\ntest_clock = true\ndefault_resource = 'dev'\n\
               cors.origins = ['*']\npublic_url = 'http://a.example'\n\
               directory.enabled = true\ndirectory.metadata = true\nevents.allow_http = true",
        ..Given::default()
    };
    insta::assert_snapshot!(given.problems().join("\n"), @r#"
    trunkline.toml:2: ephemeral: is refused in the profile production
    trunkline.toml:3: test_clock: is refused in the profile production
    trunkline.toml:4: default_resource: is refused in the profile production: clients must name their resource
    trunkline.toml:5: cors.origins: "*" is refused in the profile production; list the origins
    trunkline.toml:6: public_url: must start with https:// in the profile production
    trunkline.toml:9: events.allow_http: needs events.allowed_networks in the profile production: on the Internet events go by https://
    trunkline.toml:8: directory.metadata: is refused in the profile production: every program on the machine could get a token
    default: tls.certificate_file: is required in the profile production, or set tls.own_authority = true to let the server sign, or tls.terminated_by_proxy = true behind a proxy that ends TLS
    "#);
    let bare = Given { file: "profile = 'production'", ..Given::default() };
    insta::assert_snapshot!(bare.problems().join("\n"), @"
    default: public_url: is required in the profile production, such as https://acs.example.com
    default: tls.certificate_file: is required in the profile production, or set tls.own_authority = true to let the server sign, or tls.terminated_by_proxy = true behind a proxy that ends TLS
    ");
}

#[test]
fn production_takes_the_word_of_issuers_over_https_only() {
    let production = "profile = 'production'\npublic_url = 'https://a.example'\ntls.own_authority = true\n";
    let issuer = "[[directory.issuers]]\nissuer = 'http://a.example'\naudiences = ['x']";
    let file = format!("{production}{issuer}");
    let given = Given { file: &file, ..Given::default() };
    let told = given.problems().join("\n");
    assert!(told.contains("directory.issuers: must name https:// addresses"), "{told}");
    let file = file.replace("'http://a.example'", "'https://a.example'\njwks_url = 'http://a.example/keys'");
    assert_eq!(Given { file: &file, ..Given::default() }.problems().len(), 1);
    let file = file.replace("http://a.example/keys", "https://a.example/keys");
    assert!(Given { file: &file, ..Given::default() }.load().is_ok());
}

#[test]
fn a_missing_file_is_a_problem_only_if_it_was_asked_for() {
    let folder = tempfile::tempdir().expect("temporary folder");
    assert_eq!(Given::default().load_in(folder.path()).expect_err("refused").len(), 1);
    let inputs = Inputs {
        file: None,
        machine_file: folder.path().join("machine.toml"),
        environment: vec![("TRUNKLINE_DATA".to_owned(), folder.path().display().to_string())],
        flags: Vec::new(),
    };
    assert_eq!(load(&inputs).expect("defaults").config.http.port, 8443);
    std::fs::write(folder.path().join("machine.toml"), "http.port = 1").expect("file written");
    assert_eq!(load(&inputs).expect("valid").config.http.port, 1);
    std::fs::write(folder.path().join("trunkline.toml"), "http.port = 2").expect("file written");
    assert_eq!(load(&inputs).expect("valid").config.http.port, 2);
}

#[test]
fn origins_and_host_names_are_told_from_other_texts() {
    for good in ["https://a.example", "http://localhost:80", "https://[::1]:8443", "https://10.0.0.1"] {
        assert!(Kind::Origin.accept_text(good).is_some(), "{good}");
    }
    for bad in [
        "a.example",
        "https://",
        "https://a/",
        "https://a:0",
        "https://a:x",
        "https://-a",
        "https://[::1",
        "ftp://a",
    ] {
        assert!(Kind::Origin.accept_text(bad).is_none(), "{bad}");
    }
}

proptest! {
    #[test]
    fn what_is_accepted_as_text_is_written_and_read_again(
        index in 0..SETTINGS.len(),
        text in "[a-z0-9./:,*= \\-\\[\\]]{0,30}|[0-9]{1,6}(/[0-9]{1,6})?|https?://[a-z0-9.:-]{1,20}",
    ) {
        let kind = SETTINGS[index].kind;
        if let Some(value) = kind.accept_text(&text)
            && !matches!(kind, Kind::Issuers | Kind::Applications | Kind::Users | Kind::PortOrOff)
        {
            prop_assert_eq!(kind.accept_text(&value.to_string()), Some(value));
        }
    }

    #[test]
    fn no_file_makes_the_reader_panic(file in "([a-z_.\\[\\]{}=\"'\n 0-9é#]|limits|http|port|database){0,60}") {
        let _ = Given { file: &file, ..Given::default() }.load();
    }
}

#[test]
fn no_two_settings_share_a_variable() {
    let keys = list_keys();
    let mut names: Vec<_> =
        keys.iter().filter(|key| !key.ends_with(WILDCARD)).map(|key| variable_of(key)).collect();
    names.extend(OTHER_VARIABLES.iter().map(|name| (*name).to_owned()));
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(SETTINGS.iter().all(|setting| setting.doc.ends_with('.')));
}

#[test]
fn the_example_of_the_documentation_is_valid() {
    let page = documentation();
    let example =
        page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let secret = tempfile::NamedTempFile::new().expect("temporary file");
    std::fs::write(secret.path(), "postgres://trunkline@db/trunkline").expect("written");
    let example = example.replace("/etc/trunkline/database-url", &secret.path().display().to_string());
    let config = Given { file: &example, ..Given::default() }.load().expect("valid").config;
    assert_eq!(config.profile, Profile::Production);
    assert_eq!(config.limits.requests.len(), 1);
}

#[test]
fn the_documentation_equals_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = documentation();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("page written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/configuration.md is stale; run UPDATE_DOCS=1 cargo test -p trunkline-server"
    );
}
