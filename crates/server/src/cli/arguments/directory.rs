//! The commands about the built-in directory as types.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `trunkline app`.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Creates an application
    #[command(
        after_help = "Example:\n  trunkline app create billing --role contributor\n  trunkline app create web --redirect-uri http://localhost/callback\n  trunkline app create worker --managed-identity --role sms-sender@contoso"
    )]
    Create {
        /// What people call it
        name: String,
        /// Its client id, a GUID, to keep an existing one
        #[arg(long, value_name = "GUID")]
        client_id: Option<String>,
        /// Where sign-ins of users may return to; can be repeated
        #[arg(long = "redirect-uri", value_name = "URL")]
        redirect_uris: Vec<String>,
        /// Lets programs on this machine get its tokens without a credential (development)
        #[arg(long)]
        managed_identity: bool,
        /// A role on the installation, or on one resource; can be repeated
        #[arg(long = "role", value_name = "ROLE[@RESOURCE]")]
        roles: Vec<String>,
    },
    /// Lists the applications
    #[command(after_help = "Example:\n  trunkline app list")]
    List {
        /// How many at most
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Shows an application with its credentials and roles
    #[command(after_help = "Example:\n  trunkline app show billing")]
    Show {
        /// Its client id or its name
        app: String,
    },
    /// Deletes an application; its tokens end at once
    #[command(after_help = "Example:\n  trunkline app delete billing")]
    Delete {
        /// Its client id or its name
        app: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
    /// Adds a client secret and prints it once
    #[command(after_help = "Example:\n  trunkline app secret billing --expires-on 2027-06-30T00:00:00Z")]
    Secret {
        /// Its client id or its name
        app: String,
        /// A file with the secret, to keep an existing one; made here when left out
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// What else is said about it.
        #[command(flatten)]
        facts: CredentialFacts,
    },
    /// Adds a certificate whose key signs client assertions
    #[command(after_help = "Example:\n  trunkline app certificate billing client.pem")]
    Certificate {
        /// Its client id or its name
        app: String,
        /// The certificate in PEM; a private key in the file stays here
        file: PathBuf,
        /// What else is said about it.
        #[command(flatten)]
        facts: CredentialFacts,
    },
    /// Trusts the tokens of another issuer in place of a secret (workload identity federation)
    #[command(
        after_help = "Example:\n  trunkline app federate billing --issuer https://kubernetes.example.com --subject system:serviceaccount:shop:billing"
    )]
    Federate {
        /// Its client id or its name
        app: String,
        /// The `iss` claim of those tokens
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// The `sub` claim of those tokens
        #[arg(long)]
        subject: String,
        /// The `aud` claim of those tokens
        #[arg(long, default_value = "api://AzureADTokenExchange")]
        audience: String,
        /// What people call it
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
    },
    /// Removes a secret, certificate or federation
    #[command(
        after_help = "Example:\n  trunkline app forget-credential billing 4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1\n\nThe ids: trunkline app show APP"
    )]
    ForgetCredential {
        /// Its client id or its name
        app: String,
        /// The credential's id
        id: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What can be said about a credential.
#[derive(Debug, Default, Args)]
pub(crate) struct CredentialFacts {
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_on: Option<String>,
}

/// `trunkline directory-user`.
#[derive(Debug, Subcommand)]
pub(crate) enum DirectoryUserCommand {
    /// Creates a user who can sign in; prints a password made here once
    #[command(after_help = "Example:\n  trunkline directory-user create alice@contoso.example")]
    Create {
        /// The name to sign in with
        user_name: String,
        /// What people call them
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// A file with the password; made here when left out
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Their object id, a GUID, to keep an existing one
        #[arg(long, value_name = "GUID")]
        object_id: Option<String>,
    },
    /// Lists the users of the directory
    #[command(after_help = "Example:\n  trunkline directory-user list")]
    List {
        /// How many at most
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Shows a user with their roles
    #[command(after_help = "Example:\n  trunkline directory-user show alice@contoso.example")]
    Show {
        /// Their name or object id
        user: String,
    },
    /// Changes a user; a new password or a disabled user ends every token
    #[command(
        after_help = "Example:\n  trunkline directory-user update alice@contoso.example --enabled false"
    )]
    Update {
        /// Their name or object id
        user: String,
        /// What people call them
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// A file with the new password
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Whether they can sign in
        #[arg(long, value_name = "BOOLEAN")]
        enabled: Option<bool>,
    },
    /// Deletes a user; their tokens end at once
    #[command(after_help = "Example:\n  trunkline directory-user delete alice@contoso.example")]
    Delete {
        /// Their name or object id
        user: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}

/// `trunkline role`.
#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Gives a role to an application or directory user
    #[command(
        after_help = "Example:\n  trunkline role assign billing contributor --resource contoso\n\nRoles: owner, contributor, reader, sms-sender, email-sender, chat-sender, messages-sender, calling-sender"
    )]
    Assign {
        /// An application's client id or name, a user's name, or an object id
        principal: String,
        /// The role
        role: String,
        /// Only on this resource; on the whole installation when left out
        #[arg(long, value_name = "NAME")]
        resource: Option<String>,
    },
    /// Lists who has which role
    #[command(after_help = "Example:\n  trunkline role list --resource contoso")]
    List {
        /// Only those of this application or user
        #[arg(long)]
        principal: Option<String>,
        /// Only those on this resource
        #[arg(long, value_name = "NAME")]
        resource: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Takes a role back; it counts no more at once
    #[command(
        after_help = "Example:\n  trunkline role remove 4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1\n\nThe ids: trunkline role list"
    )]
    Remove {
        /// The id of the assignment
        id: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}
