//! Configured certificate files, read again when they change.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tracing::{error, info};
use trunkline_kernel::{Clock, Timestamp};
use trunkline_tasks::Shutdown;

use crate::NetError;
use crate::authority::CertificateFacts;
use crate::files::find_content;

/// How often [`CertificateFiles::watch`] looks. Certificate tools replace files hours before the old ones
/// end; a person who waits for the change does not want to wait longer.
const LOOK_INTERVAL: Duration = Duration::from_secs(3);

/// The files of one certificate, as certificate tools write them (PEM).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePair {
    /// The server's certificate, then the intermediate ones.
    pub chain: PathBuf,
    /// The unencrypted private key.
    pub key: PathBuf,
}

/// What [`CertificateFiles::reload`] found for one pair.
#[derive(Debug)]
pub enum Reload {
    /// The files have the content they had.
    Unchanged,
    /// New connections get the new certificate.
    Replaced {
        /// When the new one ends.
        not_after: Timestamp,
    },
    /// The new content cannot be used; the old certificate stays.
    Kept {
        /// What is wrong with the new content.
        reason: NetError,
    },
}

/// The state of one pair, for `doctor` and metrics.
#[derive(Clone, Debug)]
pub struct CertificateStatus {
    /// The files.
    pub pair: CertificatePair,
    /// The DNS names of the certificate in use, lower case.
    pub names: Vec<String>,
    /// When the certificate in use ends.
    pub not_after: Timestamp,
    /// Why newer files are not in use, if so.
    pub problem: Option<String>,
}

/// Certificates from files. They are presented in preference to those of the own authority.
pub struct CertificateFiles {
    slots: Vec<Slot>,
    clock: Arc<dyn Clock>,
}

struct Slot {
    pair: CertificatePair,
    // Guards what is presented and what the files last held.
    state: Mutex<State>,
}

#[derive(Clone)]
struct State {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    not_after: Timestamp,
    /// A hash of the files' content when they were last looked at, good or bad.
    seen: u64,
    problem: Option<String>,
}

impl CertificateFiles {
    /// Reads all pairs.
    ///
    /// **Errors**: [`NetError::File`] or [`NetError::Certificate`] for the first file that cannot be used.
    /// An expired certificate is accepted at start, so that a restart does not make things worse; see
    /// [`CertificateFiles::status`].
    pub fn load(pairs: Vec<CertificatePair>, clock: Arc<dyn Clock>) -> Result<Self, NetError> {
        let slots = pairs
            .into_iter()
            .map(|pair| {
                let content = Content::read(&pair)?;
                let state = Mutex::new(content.parse(&pair)?);
                Ok(Slot { pair, state })
            })
            .collect::<Result<_, NetError>>()?;
        Ok(Self { slots, clock })
    }

    /// Looks at every pair's files once; new content that cannot be used or has expired leaves the old
    /// certificate in place. Results are in the order of the pairs.
    ///
    /// It reads a few kilobytes and compares the content: modification times are too coarse on some file
    /// systems and unchanged by a renamed folder.
    pub fn reload(&self) -> Vec<Reload> {
        self.slots.iter().map(|slot| slot.reload(self.clock.now())).collect()
    }

    /// Calls [`CertificateFiles::reload`] every 3 seconds until `shutdown`, and logs what changed.
    pub async fn watch(self: Arc<Self>, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            let files = Arc::clone(&self);
            let Ok(results) = tokio::task::spawn_blocking(move || files.reload()).await else { continue };
            for (slot, result) in self.slots.iter().zip(results) {
                let file = slot.pair.chain.display();
                match result {
                    Reload::Unchanged => {}
                    Reload::Replaced { not_after } => info!(%file, ?not_after, "new certificate in use"),
                    Reload::Kept { reason } => error!(%file, %reason, "the old certificate stays in use"),
                }
            }
        }
    }

    /// The state of every pair, in the order given.
    pub fn status(&self) -> Vec<CertificateStatus> {
        let status = |slot: &Slot| {
            let State { names, not_after, problem, .. } = slot.state();
            CertificateStatus { pair: slot.pair.clone(), names, not_after, problem }
        };
        self.slots.iter().map(status).collect()
    }

    /// The first certificate that has `server_name`.
    pub(crate) fn find(&self, server_name: &str) -> Option<Arc<CertifiedKey>> {
        let name = server_name.to_ascii_lowercase();
        let mut states = self.slots.iter().map(Slot::state);
        states.find(|state| state.names.iter().any(|pattern| is_named(pattern, &name))).map(|state| state.key)
    }

    /// The first pair's certificate.
    pub(crate) fn first(&self) -> Option<Arc<CertifiedKey>> {
        self.slots.first().map(|slot| slot.state().key)
    }
}

impl std::fmt::Debug for CertificateFiles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.slots.iter().map(|slot| &slot.pair.chain)).finish()
    }
}

impl Slot {
    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reload(&self, now: Timestamp) -> Reload {
        let content = Content::read(&self.pair);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = content.as_ref().map_or(0, Content::hash);
        if seen == state.seen {
            return Reload::Unchanged;
        }
        state.seen = seen;
        match content.and_then(|content| content.parse(&self.pair)?.refuse_expired(&self.pair, now)) {
            Ok(fresh) => {
                let not_after = fresh.not_after;
                *state = fresh;
                Reload::Replaced { not_after }
            }
            Err(reason) => {
                state.problem = Some(reason.to_string());
                Reload::Kept { reason }
            }
        }
    }
}

impl State {
    fn refuse_expired(self, pair: &CertificatePair, now: Timestamp) -> Result<Self, NetError> {
        if self.not_after > now {
            return Ok(self);
        }
        Err(refuse(&pair.chain, format!("it expired at {}", self.not_after.to_rfc3339())))
    }
}

/// What the two files of a pair hold.
struct Content {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Content {
    fn read(pair: &CertificatePair) -> Result<Self, NetError> {
        let read = |path: &Path| find_content(path)?.ok_or_else(|| refuse(path, "it is not there"));
        Ok(Self { chain: read(&pair.chain)?, key: read(&pair.key)? })
    }

    /// Never 0, which stands for files that cannot be read.
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.chain, &self.key).hash(&mut hasher);
        hasher.finish().max(1)
    }

    fn parse(&self, pair: &CertificatePair) -> Result<State, NetError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.chain)
            .collect::<Result<_, _>>()
            .map_err(|error| refuse(&pair.chain, error))?;
        let Some(first) = chain.first() else {
            return Err(refuse(&pair.chain, "it holds no certificate in PEM form"));
        };
        let facts = CertificateFacts::read(first).map_err(|reason| refuse(&pair.chain, reason))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| refuse(&pair.key, "it holds no unencrypted private key in PEM form"))?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
            .map_err(|error| refuse(&pair.key, error))?;
        let key = CertifiedKey::new(chain, key);
        key.keys_match().map_err(|_| {
            refuse(&pair.key, format!("it does not belong to the certificate in {}", pair.chain.display()))
        })?;
        let CertificateFacts { names, not_after, .. } = facts;
        Ok(State { key: Arc::new(key), names, not_after, seen: self.hash(), problem: None })
    }
}

fn refuse(path: &Path, reason: impl std::fmt::Display) -> NetError {
    NetError::Certificate { path: path.to_owned(), reason: reason.to_string() }
}

/// Whether a certificate's `pattern` names the host: a `*` stands for exactly one label (RFC 6125 §6.4.3).
fn is_named(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};
    use trunkline_kernel::ManualClock;

    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn write_pair(folder: &Path, name: &str, lifetime: Duration) -> CertificatePair {
        let pair = CertificatePair { chain: folder.join("chain.pem"), key: folder.join("key.pem") };
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = time::OffsetDateTime::from_unix_timestamp(NOW - 1000).unwrap();
        params.not_after = time::OffsetDateTime::from_unix_timestamp(NOW).unwrap() + lifetime;
        fs::write(&pair.chain, params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }

    fn load(pair: &CertificatePair) -> Result<CertificateFiles, NetError> {
        CertificateFiles::load(vec![pair.clone()], Arc::new(ManualClock::new(Timestamp::from_seconds(NOW))))
    }

    type Damage<'a> = Box<dyn Fn() + 'a>;
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn changed_files_are_used_from_the_next_look_on() {
        let folder = tempfile::tempdir().unwrap();
        let files = load(&write_pair(folder.path(), "one.example", HOUR)).unwrap();
        assert!(matches!(files.reload()[..], [Reload::Unchanged]));
        write_pair(folder.path(), "two.example", 2 * HOUR);
        let result = files.reload();
        assert!(
            matches!(result[..], [Reload::Replaced { not_after }] if not_after.as_seconds() == NOW + 7200)
        );
        assert!(files.find("one.example").is_none());
        assert!(files.find("TWO.example").is_some());
        assert!(matches!(files.reload()[..], [Reload::Unchanged]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_watch_notices_changes_and_ends_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let files = Arc::new(load(&write_pair(folder.path(), "one.example", HOUR)).unwrap());
        let tasks = trunkline_tasks::Tasks::new();
        tasks.spawn("watch", Arc::clone(&files).watch(tasks.shutdown()));
        write_pair(folder.path(), "two.example", HOUR);
        // Virtual time: it moves on only when nothing else can run.
        for _ in 0..10 {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        assert!(files.find("two.example").is_some());
        assert!(tasks.stop(HOUR).await);
    }

    #[test]
    fn bad_new_files_keep_the_old_certificate_and_are_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let pair = write_pair(folder.path(), "one.example", HOUR);
        let files = load(&pair).unwrap();
        let breaks: [(&str, Damage<'_>); 4] = [
            ("no certificate", Box::new(|| fs::write(&pair.chain, "nonsense").unwrap())),
            ("not there", Box::new(|| fs::remove_file(&pair.chain).unwrap())),
            ("expired", Box::new(|| drop(write_pair(folder.path(), "late.example", Duration::ZERO)))),
            (
                "does not belong",
                Box::new(|| {
                    fs::write(&pair.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
                }),
            ),
        ];
        for (expected, damage) in breaks {
            damage();
            let result = files.reload();
            let [Reload::Kept { reason }] = &result[..] else { panic!("{expected}: {result:?}") };
            assert!(reason.to_string().contains(expected), "{reason}");
            assert!(files.status()[0].problem.as_ref().unwrap().contains(expected));
            assert!(matches!(files.reload()[..], [Reload::Unchanged]), "{expected}");
            assert!(files.find("one.example").is_some());
        }
        write_pair(folder.path(), "one.example", HOUR);
        assert!(matches!(files.reload()[..], [Reload::Replaced { .. }]));
        assert_eq!(files.status()[0].problem, None);
    }

    #[test]
    fn bad_files_at_start_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let pair = write_pair(folder.path(), "one.example", HOUR);
        fs::write(&pair.key, "nonsense").unwrap();
        let error = load(&pair).unwrap_err().to_string();
        assert!(error.contains("key.pem") && error.contains("no unencrypted private key"), "{error}");
    }

    #[test]
    fn a_star_stands_for_one_label() {
        for (pattern, name, expected) in [
            ("a.example", "a.example", true),
            ("*.example", "a.example", true),
            ("*.example", "example", false),
            ("*.example", "a.b.example", false),
            ("*.example", ".example", false),
        ] {
            assert_eq!(is_named(pattern, name), expected, "{pattern} {name}");
        }
    }
}
