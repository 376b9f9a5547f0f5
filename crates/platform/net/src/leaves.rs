//! Certificates of the own authority, made when a client asks for a name and renewed before they end.

use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;
use rustls::sign::CertifiedKey;
use tracing::warn;

use crate::authority::{Authority, Leaf, check_name};
use crate::{NetError, TrustBundle};

/// Certificates kept at a time. A leaf has about 1 KB and is made again within a millisecond, so that more
/// resources than this only cost time.
const CACHED_LEAVES: usize = 1024;

/// Says whether a certificate may be issued for a host name (lower case). Called during handshakes, so it
/// must answer from memory.
pub type AllowName = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// The certificates of the own authority, by the name a client asks for.
pub struct Leaves {
    authority: Authority,
    names: Vec<String>,
    is_allowed: AllowName,
    // Guards the certificate for `names`; replaced when it must be renewed.
    standard: Mutex<Leaf>,
    by_name: Cache<String, Leaf>,
}

impl Leaves {
    /// Issues the standard certificate for `localhost`, 127.0.0.1, `::1` and the `configured` names; other
    /// names get their own when `is_allowed` says so.
    ///
    /// **Errors**: [`NetError::Name`] when a configured name cannot stand in a certificate.
    pub fn new(authority: Authority, configured: &[String], is_allowed: AllowName) -> Result<Self, NetError> {
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        for name in configured {
            let name = name.to_ascii_lowercase();
            check_name(&name)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let standard = Mutex::new(authority.issue(&names)?);
        Ok(Self { authority, names, is_allowed, standard, by_name: Cache::new(CACHED_LEAVES) })
    }

    /// The authority that signs them.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Writes the trust bundle beside the authority's files; see [`TrustBundle::write`].
    pub fn write_trust_bundle(&self) -> Result<TrustBundle, NetError> {
        TrustBundle::write(&self.authority)
    }

    /// The certificate for a client that asks for `server_name`, or `None` when the name is not allowed.
    ///
    /// A client that names nothing (as for IP addresses) gets the standard certificate.
    pub fn find(&self, server_name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = server_name.map(str::to_ascii_lowercase) else {
            return Some(self.standard());
        };
        if self.names.contains(&name) {
            return Some(self.standard());
        }
        // Asked every time: a deleted resource's name is refused although its certificate is still cached.
        if !(self.is_allowed)(&name) {
            return None;
        }
        let now = self.authority.clock().now();
        if let Some(leaf) = self.by_name.get(&name).filter(|leaf| leaf.is_fresh(now)) {
            return Some(leaf.key);
        }
        let leaf = self.issue(std::slice::from_ref(&name))?;
        let key = Arc::clone(&leaf.key);
        self.by_name.insert(name, leaf);
        Some(key)
    }

    fn standard(&self) -> Arc<CertifiedKey> {
        let mut standard = self.standard.lock().unwrap_or_else(PoisonError::into_inner);
        if !standard.is_fresh(self.authority.clock().now())
            && let Some(renewed) = self.issue(&self.names)
        {
            *standard = renewed;
        }
        Arc::clone(&standard.key)
    }

    fn issue(&self, names: &[String]) -> Option<Leaf> {
        self.authority.issue(names).inspect_err(|error| warn!(%error, "no certificate could be issued")).ok()
    }
}

impl std::fmt::Debug for Leaves {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Leaves").field("names", &self.names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trunkline_kernel::{Clock as _, ManualClock, Timestamp};

    use super::*;
    use crate::authority::CertificateFacts;

    fn leaves(clock: &Arc<ManualClock>) -> (tempfile::TempDir, Leaves) {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(folder.path(), clock.clone()).unwrap();
        let allow: AllowName = Box::new(|name| name.ends_with(".localhost"));
        let leaves = Leaves::new(authority, &["Trunkline.Example".to_owned()], allow).unwrap();
        (folder, leaves)
    }

    fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_000_000)))
    }

    fn names(key: &CertifiedKey) -> Vec<String> {
        CertificateFacts::read(&key.cert[0]).unwrap().names
    }

    #[test]
    fn known_names_share_the_standard_certificate() {
        let (_folder, leaves) = leaves(&clock());
        let standard = leaves.find(None).unwrap();
        assert_eq!(names(&standard), ["localhost", "trunkline.example"]);
        for name in ["localhost", "LOCALHOST", "trunkline.example"] {
            assert!(Arc::ptr_eq(&standard, &leaves.find(Some(name)).unwrap()), "{name}");
        }
    }

    #[test]
    fn allowed_names_get_their_own_certificate_once_and_others_none() {
        let (_folder, leaves) = leaves(&clock());
        let demo = leaves.find(Some("demo.localhost")).unwrap();
        assert_eq!(names(&demo), ["demo.localhost"]);
        assert!(Arc::ptr_eq(&demo, &leaves.find(Some("DEMO.localhost")).unwrap()));
        assert!(leaves.find(Some("demo.example")).is_none());
        assert!(leaves.find(Some("*.localhost")).is_none());
    }

    #[test]
    fn certificates_are_renewed_before_they_end() {
        let clock = clock();
        let (_folder, leaves) = leaves(&clock);
        let before = [leaves.find(None).unwrap(), leaves.find(Some("demo.localhost")).unwrap()];
        clock.advance(Duration::from_hours(24 * 59));
        assert!(Arc::ptr_eq(&before[0], &leaves.find(None).unwrap()));
        assert!(Arc::ptr_eq(&before[1], &leaves.find(Some("demo.localhost")).unwrap()));
        clock.advance(Duration::from_hours(24 * 2));
        let after = [leaves.find(None).unwrap(), leaves.find(Some("demo.localhost")).unwrap()];
        for (old, new) in before.iter().zip(&after) {
            assert!(!Arc::ptr_eq(old, new));
            let not_after = CertificateFacts::read(&new.cert[0]).unwrap().not_after;
            assert!(not_after.since(clock.now()) > Duration::from_hours(24 * 89));
        }
    }

    #[test]
    fn a_configured_wildcard_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(folder.path(), clock()).unwrap();
        let error = Leaves::new(authority, &["*.example".to_owned()], Box::new(|_| true)).unwrap_err();
        assert!(error.to_string().contains("\"*.example\""), "{error}");
    }
}
