//! What can go wrong, one variant per thing a caller can act on.

use std::path::PathBuf;

/// Why a transaction did not happen, or is not known to have happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too much work waits already; trying again later helps (503).
    #[error("the store's queue is full")]
    Busy,
    /// The disk, the database server or the way to it fails; nothing was acknowledged (503).
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// What failed, for the log; never for a client.
        reason: String,
    },
    /// The connection broke while the commit was under way: it may or may not have happened (503).
    #[error("the connection broke during the commit: whether it happened is not known")]
    OutcomeUnknown,
    /// The closure ran longer than the configured limit and was rolled back.
    #[error("the transaction ran longer than its time limit")]
    TooSlow,
    /// The database refused a statement. Expected conflicts use `ON CONFLICT`, so this is a bug.
    #[error("statement failed: {message}: {sql}")]
    Statement {
        /// The statement without its values.
        sql: String,
        /// What the database said; it may quote values, so it is for the log only.
        message: String,
    },
    /// An earlier statement of this transaction failed; nothing more can be done in it.
    #[error("an earlier statement of this transaction failed")]
    Poisoned,
    /// A statement that writes stood in a closure that only reads.
    #[error("a closure that only reads cannot write")]
    ReadOnly,
    /// A column holds something else than the code expects: a bug or a damaged row.
    #[error("column {column} does not hold {expected}")]
    Decode {
        /// The column, counted from 0.
        column: usize,
        /// What the code expected.
        expected: &'static str,
    },
    /// A text holds U+0000, which PostgreSQL cannot store; refused on both engines.
    #[error("a text holds the character U+0000")]
    NulCharacter,
    /// Something is larger than its stated bound.
    #[error("{what} has more than {bytes_max} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The bound.
        bytes_max: usize,
    },
    /// The closure panicked and was rolled back.
    #[error("the transaction's closure panicked")]
    Panicked,
    /// Another worker holds the job or the cursor now; this one must let go of it.
    #[error("the lease was lost to another worker")]
    LeaseLost,
    /// The engine cannot do this; the text says what to use instead.
    #[error("{0}")]
    Unsupported(&'static str),
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the file cannot be used.
    #[error("cannot open the database in {}: {reason}", folder.display())]
    Folder {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The address of the PostgreSQL server is not understood.
    #[error("the PostgreSQL address is not valid: {reason}")]
    Address {
        /// What is wrong with it; never the address itself, which may hold a password.
        reason: String,
    },
    /// The PostgreSQL server cannot be reached or refuses us.
    #[error("cannot connect to PostgreSQL: {reason}")]
    Connect {
        /// What the server or the system said.
        reason: String,
    },
    /// The PostgreSQL server is too old.
    #[error("PostgreSQL {found} is too old: version {required} or later is needed")]
    ServerTooOld {
        /// The server's major version.
        found: u32,
        /// The oldest major version we run on.
        required: u32,
    },
    /// The data was written by a newer program.
    #[error(
        "the data of {slice} has version {data}, but this program knows only {program}: \
         start the newer program, or restore a backup made before the upgrade"
    )]
    DataNewer {
        /// The slice whose tables are newer.
        slice: String,
        /// The version found in the database.
        data: u32,
        /// The newest version this program knows; 0 when it does not know the slice at all.
        program: u32,
    },
    /// An applied migration is not the one this program carries.
    #[error("migration {version} ({name}) of {slice} differs from the one applied to this database")]
    MigrationChanged {
        /// The slice.
        slice: String,
        /// The migration's number.
        version: u32,
        /// The migration's name.
        name: String,
    },
    /// The program's own list of migrations has a gap or is out of order.
    #[error("the migrations of {slice} must be numbered 1, 2, 3, ...: {version} is out of place")]
    MigrationOrder {
        /// The slice.
        slice: &'static str,
        /// The number that is out of place.
        version: u32,
    },
    /// A migration failed; nothing of it was applied.
    #[error("migration {version} ({name}) of {slice} failed: {reason}")]
    Migration {
        /// The slice.
        slice: &'static str,
        /// The migration's number.
        version: u32,
        /// The migration's name.
        name: &'static str,
        /// What the database said.
        reason: String,
    },
    /// The store failed while it was being opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}
