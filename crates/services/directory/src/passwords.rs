//! Passwords: PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2), away from the threads that answer requests.
//!
//! A stored password reads `pbkdf2-sha256$ROUNDS$SALT$HASH`, the last two in base64url. The rounds stand in the
//! text, so that a changed setting holds for new passwords and old ones go on working.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;
use trunkline_kernel::{Entropy, Secret};

use crate::error::DirectoryError;

/// Rounds for new passwords unless configured otherwise: what OWASP asks of this function.
pub const ITERATIONS_DEFAULT: u32 = 600_000;

/// Rounds that are followed at most, so that no stored text can make one check last minutes.
const ITERATIONS_MAX: u32 = 10_000_000;

/// Checks that may wait or run: what one core does within about ten seconds, longer than a person waits.
const WAITING_MAX: usize = 64;

const SCHEME: &str = "pbkdf2-sha256";
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A given password has at least this many characters (NIST SP 800-63B §3.1.1) ...
pub(crate) const PASSWORD_CHARACTERS_MIN: usize = 8;
/// ... and at most this many: a bound on the work with what comes from outside.
pub(crate) const PASSWORD_CHARACTERS_MAX: usize = 256;

/// Random bytes of a generated password, beyond any guessing.
const GENERATED_BYTES: usize = 15;

/// Makes and checks stored passwords.
pub(crate) struct Passwords {
    iterations: u32,
    entropy: Arc<dyn Entropy>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Passwords").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl Passwords {
    /// Stores new passwords with so many rounds.
    pub(crate) fn new(iterations: u32, entropy: Arc<dyn Entropy>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            iterations: iterations.clamp(1, ITERATIONS_MAX),
            entropy,
            running: Arc::new(Semaphore::new(checks_max(cores))),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }

    /// A password nobody can guess.
    pub(crate) fn generate(&self) -> Secret<String> {
        let mut bytes = [0; GENERATED_BYTES];
        self.entropy.fill(&mut bytes);
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text to store for `password`.
    ///
    /// **Errors**: [`DirectoryError::Busy`] when too many wait.
    pub(crate) async fn hash(&self, password: Secret<String>) -> Result<Secret<String>, DirectoryError> {
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt);
        let iterations = self.iterations;
        self.run(move || {
            let mut hash = [0; HASH_BYTES];
            pbkdf2::derive(
                PBKDF2_HMAC_SHA256,
                rounds(iterations),
                &salt,
                password.expose().as_bytes(),
                &mut hash,
            );
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            Secret::new(format!("{SCHEME}${iterations}${}${}", encode(&salt), encode(&hash)))
        })
        .await
    }

    /// Whether `password` is the one behind the text `stored`, in a time that does not depend on either; an empty
    /// text takes as long and is never right.
    ///
    /// **Errors**: [`DirectoryError::Busy`] when too many wait.
    pub(crate) async fn verify(
        &self,
        stored: Secret<String>,
        password: Secret<String>,
    ) -> Result<bool, DirectoryError> {
        let parsed = Parsed::read(stored.expose());
        let is_known = parsed.is_some();
        let parsed = parsed.unwrap_or_else(|| Parsed {
            iterations: self.iterations,
            salt: vec![0; SALT_BYTES],
            hash: vec![0; HASH_BYTES],
        });
        let is_right = self
            .run(move || {
                let password = password.expose().as_bytes();
                let rounds = rounds(parsed.iterations);
                pbkdf2::verify(PBKDF2_HMAC_SHA256, rounds, &parsed.salt, password, &parsed.hash).is_ok()
            })
            .await?;
        Ok(is_known && is_right)
    }

    /// Whether `stored` was made with other rounds than new passwords get.
    pub(crate) fn is_outdated(&self, stored: &Secret<String>) -> bool {
        Parsed::read(stored.expose()).is_none_or(|parsed| parsed.iterations != self.iterations)
    }

    async fn run<T, F>(&self, work: F) -> Result<T, DirectoryError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _waiting = self.waiting.try_acquire().map_err(|_| DirectoryError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.expect("the semaphore is never closed");
        // The permit goes along: a request that is dropped does not end the work it began.
        let work = move || {
            let _running = running;
            work()
        };
        Ok(tokio::task::spawn_blocking(work).await.expect("the function does not panic"))
    }
}

/// Passwords checked at once; each keeps one core busy for some 100 ms. Anybody can ask for a check, so half of
/// the cores stay free for everybody else.
fn checks_max(cores: usize) -> usize {
    (cores / 2).max(1)
}

fn rounds(iterations: u32) -> NonZeroU32 {
    NonZeroU32::new(iterations).expect("at least one round, as checked where the number came from")
}

/// A stored password, taken apart.
struct Parsed {
    iterations: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Parsed {
    fn read(stored: &str) -> Option<Self> {
        let mut parts = stored.split('$');
        let (scheme, iterations, salt, hash) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let iterations = iterations.parse().ok().filter(|rounds| (1..=ITERATIONS_MAX).contains(rounds))?;
        let hash = URL_SAFE_NO_PAD.decode(hash).ok().filter(|hash| hash.len() == HASH_BYTES)?;
        let salt = URL_SAFE_NO_PAD.decode(salt).ok()?;
        (scheme == SCHEME && parts.next().is_none()).then_some(Self { iterations, salt, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_kernel::SeededEntropy;

    fn passwords(iterations: u32) -> Passwords {
        Passwords::new(iterations, Arc::new(SeededEntropy::new(1)))
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = passwords(10);
        let stored = passwords.hash(secret("correct horse")).await.expect("not busy");
        assert!(stored.expose().starts_with("pbkdf2-sha256$10$"), "{}", stored.expose());
        assert!(passwords.verify(stored.clone(), secret("correct horse")).await.expect("not busy"));
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!passwords.verify(stored.clone(), secret(wrong)).await.expect("not busy"), "{wrong}");
        }
        let again = passwords.hash(secret("correct horse")).await.expect("not busy");
        assert_ne!(stored.expose(), again.expose(), "each has a salt of its own");
    }

    #[test]
    fn checks_leave_half_of_the_cores_free() {
        for (cores, checks) in [(1, 1), (2, 1), (3, 1), (4, 2), (64, 32)] {
            assert_eq!(checks_max(cores), checks, "{cores} cores");
        }
    }

    #[tokio::test]
    async fn checks_beyond_those_that_may_wait_are_refused() {
        let passwords = passwords(10);
        let all = u32::try_from(passwords.running.available_permits()).expect("few cores");
        let held = passwords.running.acquire_many(all).await.expect("open");
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(passwords.hash(secret("x")))).collect();
        for one in &mut waiting {
            assert!(futures_util::poll!(one).is_pending());
        }
        assert!(matches!(passwords.hash(secret("x")).await, Err(DirectoryError::Busy)));
        drop(held);
        for one in waiting {
            one.await.expect("its turn comes");
        }
        passwords.hash(secret("x")).await.expect("there is room again");
    }

    #[tokio::test]
    async fn what_was_stored_with_other_rounds_goes_on_working() {
        let stored = passwords(10).hash(secret("correct horse")).await.expect("not busy");
        let later = passwords(20);
        assert!(later.verify(stored.clone(), secret("correct horse")).await.expect("not busy"));
        assert!(later.is_outdated(&stored));
        assert!(!passwords(10).is_outdated(&stored));
    }

    #[tokio::test]
    async fn no_damaged_text_fits_anything() {
        let passwords = passwords(10);
        let zeros = URL_SAFE_NO_PAD.encode([0; HASH_BYTES]);
        for stored in [
            String::new(),
            "correct horse".to_owned(),
            format!("pbkdf2-sha256$0$AAAA${zeros}"),
            format!("pbkdf2-sha256$99999999999$AAAA${zeros}"),
            format!("pbkdf2-sha256$10$AAAA${zeros}$"),
            format!("md5$10$AAAA${zeros}"),
            "pbkdf2-sha256$10$AAAA$".to_owned(),
        ] {
            assert!(!passwords.verify(secret(&stored), secret("correct horse")).await.expect("not busy"));
            assert!(!passwords.verify(secret(&stored), secret("")).await.expect("not busy"));
        }
    }

    #[tokio::test]
    async fn the_function_is_that_of_the_standard() {
        // RFC 7914 §11: password "passwd", salt "salt", one round, the first 32 bytes.
        let hash = [
            0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91, 0xc2, 0x25, 0x44, 0xb6, 0x05,
            0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde, 0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc,
        ];
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let stored = format!("pbkdf2-sha256$1${}${}", encode(b"salt"), encode(&hash));
        assert!(passwords(1).verify(secret(&stored), secret("passwd")).await.expect("not busy"));
    }
}
