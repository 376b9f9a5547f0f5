//! The command line as types. Every command's help ends with an example.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Flag;

mod chat;
mod directory;
mod events;

pub(crate) use chat::{ChatCommand, Import};
pub(crate) use directory::{AppCommand, CredentialFacts, DirectoryUserCommand, RoleCommand};
pub(crate) use events::{EnvelopeSchema, EventsCommand, Listen, Log, SendTest, Subscribe};

/// Self-hosted communication services that the Azure Communication Services SDKs can use.
#[derive(Debug, Parser)]
#[command(name = "trunkline", version, max_term_width = 100)]
#[command(
    after_help = "Start here:\n  trunkline serve\n\nConfiguration: trunkline config show; docs/configuration.md"
)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The data folder
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file [default: DATA/trunkline.toml, then /etc/trunkline/trunkline.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Sets one setting; can be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Prints JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts the server
    #[command(after_help = "Example:\n  trunkline serve --data ./data --port 8443")]
    Serve(Box<Serve>),
    /// Creates, lists, shows and deletes resources
    #[command(subcommand, after_help = "Example:\n  trunkline resource create contoso")]
    Resource(ResourceCommand),
    /// Shows and regenerates the access keys of a resource
    #[command(subcommand, after_help = "Example:\n  trunkline key show --resource contoso")]
    Key(KeyCommand),
    /// Creates, lists and deletes the users of a resource
    #[command(subcommand, after_help = "Example:\n  trunkline user list --label team=support")]
    User(UserCommand),
    /// Issues, revokes and inspects access tokens
    #[command(subcommand, after_help = "Example:\n  trunkline token issue 8:acs:RESOURCE_USER --scope chat")]
    Token(TokenCommand),
    /// Lists, shows, deletes, exports and imports chat threads
    #[command(
        subcommand,
        after_help = "Example:\n  trunkline chat threads\n  trunkline chat import chat.jsonl"
    )]
    Chat(ChatCommand),
    /// Subscribes web hooks to events, and looks at what was delivered
    #[command(
        subcommand,
        after_help = "Example:\n  trunkline events subscribe hook http://localhost:3000/hook\n  trunkline events listen"
    )]
    Events(EventsCommand),
    /// Creates, lists and deletes operators of this installation
    #[command(subcommand, after_help = "Example:\n  trunkline operator create alice --role contributor")]
    Operator(OperatorCommand),
    /// Creates, lists and deletes applications of the directory, and their credentials
    #[command(subcommand, after_help = "Example:\n  trunkline app create billing --role contributor")]
    App(AppCommand),
    /// Creates, lists, changes and deletes users who can sign in
    #[command(
        subcommand,
        name = "directory-user",
        after_help = "Example:\n  trunkline directory-user create alice@contoso.example"
    )]
    DirectoryUser(DirectoryUserCommand),
    /// Says what applications and directory users may do
    #[command(subcommand, after_help = "Example:\n  trunkline role assign billing contributor")]
    Role(RoleCommand),
    /// Shows what resources used and what it costs
    #[command(
        after_help = "Example:\n  trunkline usage --resource contoso --by month\n  trunkline usage --csv > usage.csv"
    )]
    Usage(super::usage::UsageArguments),
    /// Lists the changes operators made, newest first
    #[command(after_help = "Example:\n  trunkline audit --limit 20")]
    Audit {
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Shows and checks the configuration
    #[command(subcommand, after_help = "Example:\n  trunkline config show")]
    Config(ConfigCommand),
    /// Copies the data of a running or stopped server
    #[command(
        after_help = "Example:\n  trunkline backup before-upgrade\n\nThe master key is not part of a backup; keep a copy of it elsewhere."
    )]
    Backup(Backup),
    /// Puts a backup into an empty data folder
    #[command(after_help = "Example:\n  trunkline restore ./data/backups/before-upgrade --data ./restored")]
    Restore(Restore),
    /// Shows the server's own certificate authority, and makes this machine trust it
    #[command(subcommand, after_help = "Example:\n  trunkline ca show")]
    Ca(CaCommand),
    /// Looks for what is wrong with this installation and says what to do
    #[command(after_help = "Example:\n  trunkline doctor --data ./data")]
    Doctor,
    /// Prints a completion script for a shell
    #[command(after_help = "Example:\n  trunkline completions bash > /etc/bash_completion.d/trunkline")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the OpenAPI documents of this server
    #[command(after_help = "Example:\n  trunkline openapi --list\n  trunkline openapi identity 2023-10-01")]
    Openapi(OpenApi),
    /// Works with the key that seals secrets in the database
    #[command(subcommand, name = "master-key", after_help = "Example:\n  trunkline master-key rotate")]
    MasterKey(MasterKeyCommand),
}

/// The flags of `serve`.
#[derive(Debug, Default, Args)]
pub(crate) struct Serve {
    /// The profile: development or production
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// The port of the API; 0 takes a free one
    #[arg(long)]
    pub(crate) port: Option<String>,
    /// An address to listen on; can be repeated
    #[arg(long = "address", value_name = "IP")]
    pub(crate) addresses: Vec<String>,
    /// The port of the admin listener; 0 takes a free one, off runs without it
    #[arg(long, value_name = "PORT")]
    pub(crate) admin_port: Option<String>,
    /// The origin under which clients reach the server
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Resources answer at NAME.DOMAIN
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// The resource that answers at unknown host names (development)
    #[arg(long, value_name = "NAME")]
    pub(crate) default_resource: Option<String>,
    /// The set of limits: generous or acs
    #[arg(long, value_name = "SET")]
    pub(crate) limits: Option<String>,
    /// How log lines look: human or json
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or a filter
    #[arg(long, value_name = "FILTER")]
    pub(crate) log_level: Option<String>,
    /// Keeps everything in memory (development)
    #[arg(long)]
    pub(crate) ephemeral: bool,
    /// Makes the clock settable through the admin listener (development)
    #[arg(long)]
    pub(crate) test_clock: bool,
    /// Written as JSON when the server is ready, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// `trunkline resource`.
#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Creates a resource with two access keys
    #[command(after_help = "Example:\n  trunkline resource create contoso --tag team=voice")]
    Create {
        /// The name: a-z, 0-9 and -
        name: String,
        /// Its immutable id, a GUID, to keep existing user identifiers valid
        #[arg(long, value_name = "GUID")]
        id: Option<String>,
        /// The data location that it reports
        #[arg(long, value_name = "TEXT")]
        data_location: Option<String>,
        /// A file with the primary access key in base64, to keep existing connection strings valid
        #[arg(long, value_name = "FILE")]
        primary_key_file: Option<PathBuf>,
        /// A file with the secondary access key in base64
        #[arg(long, value_name = "FILE")]
        secondary_key_file: Option<PathBuf>,
        /// A tag; can be repeated
        #[arg(long = "tag", value_name = "NAME=VALUE")]
        tags: Vec<String>,
    },
    /// Lists the resources
    #[command(after_help = "Example:\n  trunkline resource list --json")]
    List,
    /// Shows one resource
    #[command(after_help = "Example:\n  trunkline resource show contoso")]
    Show {
        /// The name; the default resource, or the only one, when left out
        name: Option<String>,
    },
    /// Deletes a resource with everything in it
    #[command(after_help = "Example:\n  trunkline resource delete contoso")]
    Delete {
        /// The name
        name: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Which resource a command is about.
#[derive(Debug, Default, Args)]
pub(crate) struct InResource {
    /// The resource; the default resource, or the only one, when left out
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
}

/// `trunkline key`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Shows the access keys and connection strings
    #[command(after_help = "Example:\n  trunkline key show --json | jq -r .primaryConnectionString")]
    Show {
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Makes a new access key; the old one is refused at once
    #[command(after_help = "Example:\n  trunkline key regenerate secondary")]
    Regenerate {
        /// Which of the two
        key: WhichKey,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}

/// One of a resource's two access keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhichKey {
    /// The primary key
    Primary,
    /// The secondary key
    Secondary,
}

/// `trunkline user`.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Creates a user
    #[command(after_help = "Example:\n  trunkline user create --label team=support")]
    Create {
        /// Its identifier, to keep an existing one valid; must belong to the resource
        #[arg(long)]
        id: Option<String>,
        /// A label; can be repeated
        #[arg(long = "label", value_name = "NAME=VALUE")]
        labels: Vec<String>,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Lists users
    #[command(after_help = "Example:\n  trunkline user list --search 8f2c --limit 20")]
    List {
        /// Part of the identifier
        #[arg(long)]
        search: Option<String>,
        /// Only users with this label
        #[arg(long, value_name = "NAME=VALUE")]
        label: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        limit: u32,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Deletes a user; its tokens end at once
    #[command(after_help = "Example:\n  trunkline user delete 8:acs:RESOURCE_USER --yes")]
    Delete {
        /// The identifier
        id: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
}

/// `trunkline token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issues an access token for a user and prints it alone
    #[command(
        after_help = "Example:\n  TOKEN=$(trunkline token issue 8:acs:RESOURCE_USER --scope chat --scope voip)"
    )]
    Issue {
        /// The user's identifier
        user: String,
        /// What it allows: chat, chat.join, chat.join.limited, voip, voip.join; can be repeated
        #[arg(long = "scope", default_values = ["chat", "voip"])]
        scopes: Vec<String>,
        /// How long it lives, 60 to 1440 minutes
        #[arg(long, value_name = "MINUTES")]
        expires_in_minutes: Option<u32>,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Revokes every access token of a user
    #[command(after_help = "Example:\n  trunkline token revoke 8:acs:RESOURCE_USER")]
    Revoke {
        /// The user's identifier
        user: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Says what is in a token and whether it is valid; ends with 1 when it is not
    #[command(after_help = "Example:\n  echo \"$TOKEN\" | trunkline token inspect")]
    Inspect {
        /// The token; - or nothing reads it from standard input, where no other user can see it
        #[arg(default_value = "-")]
        token: String,
    },
}

/// `trunkline operator`.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Creates an operator and prints its token once
    #[command(after_help = "Example:\n  trunkline operator create alice --role reader")]
    Create {
        /// The name
        name: String,
        /// What it may do
        #[arg(long, default_value = "reader")]
        role: Role,
    },
    /// Lists the operators
    #[command(after_help = "Example:\n  trunkline operator list")]
    List,
    /// Deletes an operator; its token is refused at once
    #[command(after_help = "Example:\n  trunkline operator delete alice")]
    Delete {
        /// The name
        name: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Everything: resources, keys, operators, backups, the audit log
    Owner,
    /// Users and tokens
    Contributor,
    /// Looking only, no keys
    Reader,
}

/// `trunkline config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows every setting and where its value came from
    #[command(after_help = "Example:\n  trunkline config show --changed")]
    Show {
        /// Only what differs from the defaults
        #[arg(long)]
        changed: bool,
    },
    /// Lists everything that is wrong; ends with 1 when something is
    #[command(after_help = "Example:\n  trunkline config check --config /etc/trunkline/trunkline.toml")]
    Check,
}

/// `trunkline backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// A name in the backup folder, or a path; the present time when left out
    pub(crate) name: Option<String>,
    /// Puts the master key into the backup too: whoever has the backup can then read every secret
    #[arg(long)]
    pub(crate) include_master_key: bool,
}

/// `trunkline restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// A name in the backup folder, or a path
    pub(crate) backup: PathBuf,
}

/// `trunkline ca`.
#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Shows the authority's files and the lines to paste for each SDK
    #[command(after_help = "Example:\n  eval \"$(trunkline ca show | grep REQUESTS_CA_BUNDLE)\"")]
    Show,
    /// Puts the authority into the stores of this machine and its browsers
    #[command(after_help = "Example:\n  sudo trunkline ca trust --data ./data")]
    Trust,
}

/// `trunkline openapi`.
#[derive(Debug, Args)]
pub(crate) struct OpenApi {
    /// Lists every operation: method, path, id, service and versions, separated by tabs
    #[arg(long, conflicts_with_all = ["service", "api_version"])]
    pub(crate) list: bool,
    /// The service
    #[arg(required_unless_present = "list")]
    pub(crate) service: Option<String>,
    /// The api-version
    #[arg(required_unless_present = "list")]
    pub(crate) api_version: Option<String>,
}

/// `trunkline master-key`.
#[derive(Debug, Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Makes a new master key and seals every secret again
    #[command(
        after_help = "Example:\n  trunkline master-key rotate\n\nCopy the new key file afterwards: older copies do not open newer data."
    )]
    Rotate {
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}

impl Cli {
    /// The settings that flags name, in rising order. A `--set` without `=` is a key without a value.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let mut flags = Vec::new();
        let mut add = |key: &str, shown: &str, value: Option<String>| {
            let flag = |value| Flag { key: key.to_owned(), value, shown: shown.to_owned() };
            flags.extend(value.map(flag));
        };
        for text in &self.global.set {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            add(key.trim(), "--set", Some(value.to_owned()));
        }
        add("data", "--data", self.global.data.as_ref().map(|path| path.display().to_string()));
        if let Command::Serve(serve) = &self.command {
            let addresses = (!serve.addresses.is_empty()).then(|| serve.addresses.join(","));
            let on = |is_on: bool| is_on.then(|| "true".to_owned());
            add("profile", "--profile", serve.profile.clone());
            add("http.port", "--port", serve.port.clone());
            add("http.addresses", "--address", addresses);
            add("admin.port", "--admin-port", serve.admin_port.clone());
            add("public_url", "--public-url", serve.public_url.clone());
            add("domain", "--domain", serve.domain.clone());
            add("default_resource", "--default-resource", serve.default_resource.clone());
            add("limits.set", "--limits", serve.limits.clone());
            add("log.format", "--log-format", serve.log_format.clone());
            add("log.level", "--log-level", serve.log_level.clone());
            add("ephemeral", "--ephemeral", on(serve.ephemeral));
            add("test_clock", "--test-clock", on(serve.test_clock));
        }
        flags
    }
}
