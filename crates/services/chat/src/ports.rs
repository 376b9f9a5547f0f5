//! What chat asks of other services.

use std::sync::Arc;

use trunkline_kernel::ResourceId;
use trunkline_web::ports::PortFuture;

/// A token that somebody connected with, as far as it can end before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldToken {
    /// Whose it is.
    pub raw_id: Arc<str>,
    /// Which of the user's generations of tokens it is of.
    pub generation: i64,
    /// The access key it was made with, if one was: as the principal has it.
    pub access_key: Option<Arc<str>>,
}

/// Knows the users of a resource, and their tokens.
pub trait FindUsers: Send + Sync + 'static {
    /// Which of the raw ids are users of the resource, in the order given.
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>>;

    /// Which of the tokens are still good, in the order given, as the database has it now; none of a resource that is
    /// gone. When they end by themselves is not looked at.
    fn still_good(&self, resource: ResourceId, tokens: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>>;
}
