//! What deleted users and resources leave behind goes, and so does what is too old.
//!
//! Every step takes at most [`ROWS_AT_ONCE`] rows, so that no other write waits long for it. One that fails is done
//! again by whoever asked: it takes what is still there.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Key, Tx};

use crate::CallingService;
use crate::error::CallingError;
use crate::rows::{calls, erasure, owners};

/// Rows of one transaction.
const ROWS_AT_ONCE: u32 = 500;

impl CallingService {
    /// Ends the calls and sessions of a deleted user on this node, and empties what names them in calls that were.
    /// The calls themselves stay: the others have been in them too.
    pub async fn forget_user(&self, resource: ResourceId, raw_id: &str) -> Result<(), CallingError> {
        self.end_user(resource, raw_id);
        let key = Key::new(resource, format!("calling/person/{raw_id}"));
        let (of_legs, of_calls) = (raw_id.to_owned(), raw_id.to_owned());
        self.repeat(&key, move |tx| Ok(erasure::erase_legs(tx, resource, &of_legs, ROWS_AT_ONCE)?)).await?;
        self.repeat(&key, move |tx| Ok(erasure::erase_calls(tx, resource, &of_calls, ROWS_AT_ONCE)?)).await
    }

    /// Ends the calls and sessions of a resource that was deleted at `until`, and deletes what it had then. What one
    /// made again with the same id has got since stays.
    pub async fn forget_resource(&self, resource: ResourceId, until: Timestamp) -> Result<(), CallingError> {
        self.end_resource(resource).await;
        let key = Key::new(resource, "calling");
        // From here on no step of a call is written that has not been: what is deleted below stays deleted.
        self.parts
            .store
            .write(key.clone(), move |tx| Ok::<_, CallingError>(owners::end(tx, resource)?))
            .await?;
        self.repeat(&key, move |tx| Ok(calls::delete_of_resource(tx, resource, until, ROWS_AT_ONCE)?))
            .await?;
        self.parts
            .store
            .write(key, move |tx| Ok::<_, CallingError>(owners::forget(tx, resource, until)?))
            .await
    }

    /// Housekeeping: calls that ended long enough ago.
    pub async fn purge(&self) -> Result<(), CallingError> {
        let until = self.parts.clock.now().minus(self.parts.settings.history);
        let key = Key::system("calling/history");
        self.repeat(&key, move |tx| Ok(calls::delete_ended(tx, until, ROWS_AT_ONCE)?)).await
    }

    /// Repeats a step until it finds fewer rows than it may take.
    async fn repeat<F>(&self, key: &Key, step: F) -> Result<(), CallingError>
    where
        F: Fn(&mut Tx<'_>) -> Result<u64, CallingError> + Clone + Send + Sync + 'static,
    {
        while self.parts.store.write(key.clone(), step.clone()).await? >= u64::from(ROWS_AT_ONCE) {}
        Ok(())
    }
}
