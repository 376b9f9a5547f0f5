//! What tests look at.

use super::endpoint::Endpoint;
use super::hub::Hub;

impl Hub {
    pub(crate) fn count(&self) -> usize {
        self.connected.count()
    }

    /// Connections that are not over.
    pub(crate) fn open(&self) -> usize {
        self.connected.all().iter().filter(|endpoint| endpoint.closing().is_none()).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connected.count() == 0
    }

    pub(crate) fn are_all_live(&self) -> bool {
        self.connected.all().iter().all(|endpoint| endpoint.is_live() || endpoint.is_ending())
    }

    /// Whether everything that was sent is acknowledged.
    pub(crate) fn are_all_settled(&self) -> bool {
        self.connected.all().iter().all(|endpoint| endpoint.is_settled())
    }

    /// Polls that wait for something to say.
    pub(crate) fn polls_waiting(&self) -> u32 {
        self.polls.waiting()
    }

    /// The longest queue of a client.
    pub(crate) fn waiting_max(&self) -> usize {
        let waiting = |endpoint: &std::sync::Arc<Endpoint>| endpoint.waiting();
        self.connected.all().iter().map(waiting).max().unwrap_or(0)
    }
}
