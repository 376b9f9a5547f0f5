//! Calls whose task panicked: no device goes on ringing for them, and they run on from their rows, as after a restart.

use std::sync::Arc;

use trunkline_web::ResourceView;

use super::Registry;
use crate::actor::CallHandle;
use crate::error::CallingError;
use crate::rows::{calls, legs};
use crate::rules::Reason;

/// How often a call is begun again: what its rows say may be what makes it panic.
const PANICS_MAX: u8 = 3;

impl Registry {
    /// Begins a call again whose task panicked. Its legs are away until they come back; whoever is called is called anew.
    pub(crate) fn recover(self: &Arc<Self>, resource: &Arc<ResourceView>, handle: &CallHandle, panics: u8) {
        let legs = self.index().legs_of(handle);
        self.forget_call(handle);
        for (leg, user) in legs {
            self.hub.stop_ring(resource.id, &user, &leg, Reason::BY_SERVICE, None);
        }
        if panics >= PANICS_MAX {
            tracing::error!(call.id = %handle.id, "a call has panicked too often; it rests until the node restarts");
            return;
        }
        let (registry, resource, id) = (Arc::clone(self), Arc::clone(resource), Arc::clone(&handle.id));
        self.tasks.spawn_quiet(async move {
            match registry.run_from_rows(&resource, &id, panics + 1).await {
                Ok(()) => {}
                Err(CallingError::Elsewhere) => {
                    tracing::debug!(call.id = %id, "a call goes on at another node");
                }
                Err(cause) => {
                    tracing::error!(%cause, call.id = %id, "a call whose task panicked cannot go on");
                }
            }
        });
    }

    async fn run_from_rows(
        self: &Arc<Self>,
        resource: &Arc<ResourceView>,
        id: &Arc<str>,
        panics: u8,
    ) -> Result<(), CallingError> {
        let lease = self.lease(resource.id).ok_or(CallingError::Elsewhere)?;
        let (owner, id) = (resource.id, Arc::clone(id));
        let found = self
            .store
            .read(move |tx| {
                let running = calls::find_by_id(tx, owner, &id)?.filter(|call| call.ended.is_none());
                let Some(call) = running else { return Ok(None) };
                let alive = legs::list_alive(tx, call.number)?;
                Ok::<_, CallingError>(Some((call, alive)))
            })
            .await?;
        // Whoever took the resource anew meanwhile begins its calls by itself.
        if self.lease(resource.id).is_none_or(|now| now.epoch != lease.epoch) {
            return Err(CallingError::Elsewhere);
        }
        if let Some(found) = found {
            self.run_again(resource, &lease, found, panics);
        }
        Ok(())
    }
}
