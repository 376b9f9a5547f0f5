//! The commands about chat as types.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::InResource;

/// `trunkline chat`.
#[derive(Debug, Subcommand)]
pub(crate) enum ChatCommand {
    /// Lists the threads of a resource, the last made first
    #[command(after_help = "Example:\n  trunkline chat threads --participant 8:acs:RESOURCE_USER")]
    Threads {
        /// Only threads this user is in
        #[arg(long, value_name = "ID")]
        participant: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Shows the messages of a thread, the newest last
    #[command(after_help = "Example:\n  trunkline chat messages 19:…@thread.v2 --limit 20")]
    Messages {
        /// The thread
        thread: String,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Only what was said or changed since then, such as 2026-11-21T08:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Deletes a thread for everybody, or one message
    #[command(
        after_help = "Example:\n  trunkline chat delete 19:…@thread.v2\n  trunkline chat delete 19:…@thread.v2 --message 1795247159123"
    )]
    Delete {
        /// The thread
        thread: String,
        /// Only this message
        #[arg(long, value_name = "ID")]
        message: Option<String>,
        /// Does not ask
        #[arg(long)]
        yes: bool,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Prints threads with all their messages as JSON, one object a line
    #[command(
        after_help = "Example:\n  trunkline chat export --resource contoso > chat.jsonl\n  trunkline chat export 19:…@thread.v2 > thread.jsonl"
    )]
    Export {
        /// Which threads [default: all of the resource]
        #[arg(value_name = "THREAD")]
        threads: Vec<String>,
        /// Which resource.
        #[command(flatten)]
        place: InResource,
    },
    /// Puts threads from elsewhere into a resource, with their ids, times and senders
    #[command(
        after_help = "Example:\n  trunkline chat import chat.jsonl --resource contoso\n\nThe file has what `trunkline chat export` prints; docs/chat.md has a script that writes one from ACS.\nImporting it again changes nothing."
    )]
    Import(Import),
}

/// `trunkline chat import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file; - reads standard input
    pub(crate) file: PathBuf,
    /// More is to come: leaves the threads closed to their participants
    #[arg(long)]
    pub(crate) unfinished: bool,
    /// Which resource.
    #[command(flatten)]
    pub(crate) place: InResource,
}
