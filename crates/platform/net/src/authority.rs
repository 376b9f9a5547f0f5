//! The own certificate authority: made at the first start, kept in `DATA/tls/`.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use trunkline_kernel::{Clock, Timestamp};

use crate::NetError;
use crate::files::{find_content, write_whole};

const DAY: Duration = Duration::from_hours(24);
/// Ten years: a machine trusts it once. Leaf certificates are short instead.
const AUTHORITY_LIFETIME: Duration = Duration::from_hours(24 * 3652);
/// Below the 398 days that browsers accept, long enough that a client's odd clock does not matter.
const LEAF_LIFETIME: Duration = Duration::from_hours(24 * 90);
/// Certificates start a day early, for clients whose clock is behind or in a wrong time zone.
const BACKDATED: Duration = DAY;

/// The own certificate authority (ECDSA P-256).
///
/// Keys are drawn by the crypto library itself; it has no way to take them from
/// [`trunkline_kernel::Entropy`].
pub struct Authority {
    folder: PathBuf,
    certificate: CertificateDer<'static>,
    not_after: Timestamp,
    issuer: Issuer<'static, KeyPair>,
    clock: Arc<dyn Clock>,
}

/// A certificate with its key, ready for a handshake.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Chain and key as the TLS library wants them.
    pub key: Arc<CertifiedKey>,
    /// The instant from which clients accept it.
    pub not_before: Timestamp,
    /// The instant after which clients refuse it.
    pub not_after: Timestamp,
    /// The instant from which a new one should be presented: after two thirds of its life.
    pub renew_at: Timestamp,
}

impl Leaf {
    /// Whether it should still be presented at `now`. Also false when the clock was set back before it.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.renew_at
    }
}

impl Authority {
    /// Opens `ca.pem` and `ca.key` in `folder`, or makes both (key 0600) when `ca.pem` is not there.
    ///
    /// The key is written first: a start that was interrupted between the two leaves a key that nobody
    /// trusts, and the next start makes a new pair.
    ///
    /// **Errors**: [`NetError::Authority`] when the files are damaged, do not belong together or have
    /// expired; [`NetError::File`] when they cannot be read or written.
    pub fn open_or_create(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, NetError> {
        // Absolute: the paths end up in settings of programs that run elsewhere.
        let folder = std::path::absolute(folder).map_err(|source| NetError::file("find", folder, source))?;
        create_folder(&folder)?;
        match find_content(&folder.join("ca.pem"))? {
            Some(pem) => Self::open(&folder, &pem, clock),
            None => Self::create(&folder, clock),
        }
    }

    fn create(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, NetError> {
        let failed = |error: rcgen::Error| NetError::make("the certificate authority", error);
        let key = KeyPair::generate().map_err(failed)?;
        let now = clock.now();
        let not_after = now.plus(AUTHORITY_LIFETIME).truncate_to_second();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        // The key's own bytes tell authorities of several data folders apart in a trust store.
        let mark = key
            .public_key_raw()
            .iter()
            .skip(1)
            .take(4)
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        params.distinguished_name.push(DnType::CommonName, format!("Trunkline authority {mark}"));
        params.distinguished_name.push(DnType::OrganizationName, "Trunkline");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = civil(now.minus(BACKDATED))?;
        params.not_after = civil(not_after)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        write_whole(&folder.join("ca.key"), key.serialize_pem().as_bytes(), 0o600)?;
        write_whole(&folder.join("ca.pem"), certificate.pem().as_bytes(), 0o644)?;
        let certificate = certificate.der().clone();
        Ok(Self {
            folder: folder.to_owned(),
            certificate,
            not_after,
            issuer: Issuer::new(params, key),
            clock,
        })
    }

    fn open(folder: &Path, pem: &[u8], clock: Arc<dyn Clock>) -> Result<Self, NetError> {
        let refuse = |reason: String| NetError::Authority { folder: folder.to_owned(), reason };
        let certificate = CertificateDer::from_pem_slice(pem)
            .map_err(|error| refuse(format!("ca.pem holds no certificate ({error})")))?;
        let key_pem =
            find_content(&folder.join("ca.key"))?.ok_or_else(|| refuse("ca.key is missing".into()))?;
        let key = String::from_utf8(key_pem)
            .ok()
            .and_then(|text| KeyPair::from_pem(&text).ok())
            .ok_or_else(|| refuse("ca.key holds no private key".into()))?;
        let facts = CertificateFacts::read(&certificate).map_err(refuse)?;
        if facts.not_after <= clock.now() {
            return Err(refuse(format!("it expired at {}", facts.not_after.to_rfc3339())));
        }
        let certified = certified_key(vec![certificate.clone()], key.serialized_der().to_vec())?;
        certified.keys_match().map_err(|_| refuse("ca.key does not belong to ca.pem".into()))?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| refuse(format!("ca.pem cannot be read ({error})")))?;
        Ok(Self { folder: folder.to_owned(), certificate, not_after: facts.not_after, issuer, clock })
    }

    /// The authority's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The file of the authority's certificate, `ca.pem`.
    pub fn certificate_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The folder of `ca.pem` and `ca.key`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The instant after which nothing it signed is accepted.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The clock that certificates are dated with.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Issues a certificate with a new key for exactly `names` (host names and IP addresses).
    ///
    /// It lives 90 days, or until the authority ends.
    ///
    /// **Errors**: [`NetError::Name`] for an empty list, a wildcard or what is no name.
    pub fn issue(&self, names: &[String]) -> Result<Leaf, NetError> {
        let (certificate, key, not_after) = self.sign(names)?;
        let now = self.clock.now();
        let certified = certified_key(vec![certificate.der().clone()], key.serialize_der())?;
        let not_before = now.minus(BACKDATED).truncate_to_second();
        let renew_at = now.plus(not_after.since(now) / 3 * 2);
        Ok(Leaf { key: Arc::new(certified), not_before, not_after, renew_at })
    }

    fn sign(&self, names: &[String]) -> Result<(rcgen::Certificate, KeyPair, Timestamp), NetError> {
        let failed = |error: rcgen::Error| NetError::make("a certificate", error);
        let Some(first) = names.first() else {
            return Err(NetError::Name { name: String::new() });
        };
        for name in names {
            check_name(name)?;
        }
        let now = self.clock.now();
        let not_after = now.plus(LEAF_LIFETIME).min(self.not_after).truncate_to_second();
        let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        // RFC 5280 allows 64 characters here; clients read only the alternative names.
        let common_name = if first.len() <= 64 { first } else { "Trunkline server" };
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.not_before = civil(now.minus(BACKDATED))?;
        params.not_after = civil(not_after)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Python 3.13 and later verify strictly (RFC 5280 §4.2.1.1) and refuse a leaf without it.
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok((certificate, key, not_after))
    }

    /// A certificate and its key as files would hold them.
    #[cfg(test)]
    pub(crate) fn issue_pem(&self, names: &[String]) -> Result<(String, String), NetError> {
        self.sign(names).map(|(certificate, key, _)| (certificate.pem(), key.serialize_pem()))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Refuses what cannot stand in a certificate as an exact name.
pub(crate) fn check_name(name: &str) -> Result<(), NetError> {
    if name.parse::<IpAddr>().is_ok() || ServerName::try_from(name).is_ok_and(|_| !name.ends_with('.')) {
        return Ok(());
    }
    Err(NetError::Name { name: name.to_owned() })
}

/// What Trunkline needs to know of a certificate.
pub(crate) struct CertificateFacts {
    /// DNS names, lower case, possibly with a wildcard, as the certificate has them.
    pub(crate) names: Vec<String>,
    /// The subject's common name.
    pub(crate) common_name: Option<String>,
    pub(crate) not_after: Timestamp,
}

impl CertificateFacts {
    /// **Errors**: a text that says what is wrong.
    pub(crate) fn read(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
            .map_err(|error| format!("the certificate cannot be read ({error})"))?;
        let names = match parsed.subject_alternative_name() {
            Ok(Some(extension)) => extension
                .value
                .general_names
                .iter()
                .filter_map(|name| match name {
                    x509_parser::extensions::GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
                    _ => None,
                })
                .collect(),
            Ok(None) => Vec::new(),
            Err(error) => return Err(format!("the certificate's names cannot be read ({error})")),
        };
        let not_after = Timestamp::from_seconds(parsed.validity().not_after.timestamp());
        let mut common_names = parsed.subject().iter_common_name();
        let common_name = common_names.next().and_then(|name| name.as_str().ok()).map(str::to_owned);
        Ok(Self { names, common_name, not_after })
    }
}

fn certified_key(chain: Vec<CertificateDer<'static>>, pkcs8: Vec<u8>) -> Result<CertifiedKey, NetError> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8));
    Ok(CertifiedKey::new(chain, rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)?))
}

fn civil(instant: Timestamp) -> Result<OffsetDateTime, NetError> {
    OffsetDateTime::from_unix_timestamp(instant.as_seconds())
        .map_err(|error| NetError::make("a certificate's date", error))
}

fn create_folder(folder: &Path) -> Result<(), NetError> {
    use std::os::unix::fs::DirBuilderExt as _;
    // Others may read `ca.pem` and the trust bundle (0755); the key itself is 0600.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .map_err(|source| NetError::file("create", folder, source))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use trunkline_kernel::ManualClock;

    use super::*;

    fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_000_000)))
    }

    fn refused(folder: &Path, clock: Arc<ManualClock>) -> String {
        Authority::open_or_create(folder, clock).unwrap_err().to_string()
    }

    #[test]
    fn the_authority_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let tls = folder.path().join("tls");
        let first = Authority::open_or_create(&tls, clock()).unwrap();
        let second = Authority::open_or_create(&tls, clock()).unwrap();
        assert_eq!(first.certificate(), second.certificate());
        assert_eq!(first.not_after(), second.not_after());
        let mode = fs::metadata(tls.join("ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let years = first.not_after().since(clock().now()).as_secs() / (365 * 24 * 60 * 60);
        assert_eq!(years, 10);
    }

    #[test]
    fn an_interrupted_first_start_is_repaired() {
        let folder = tempfile::tempdir().unwrap();
        Authority::open_or_create(folder.path(), clock()).unwrap();
        fs::remove_file(folder.path().join("ca.pem")).unwrap();
        Authority::open_or_create(folder.path(), clock()).unwrap();
        Authority::open_or_create(folder.path(), clock()).unwrap();
    }

    #[test]
    fn damaged_files_are_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        Authority::open_or_create(folder.path(), clock()).unwrap();
        Authority::open_or_create(other.path(), clock()).unwrap();
        let (certificate, key) = (folder.path().join("ca.pem"), folder.path().join("ca.key"));
        fs::copy(other.path().join("ca.key"), &key).unwrap();
        assert!(refused(folder.path(), clock()).contains("ca.key does not belong to ca.pem"));
        fs::write(&key, "nonsense").unwrap();
        assert!(refused(folder.path(), clock()).contains("ca.key holds no private key"));
        fs::remove_file(&key).unwrap();
        assert!(refused(folder.path(), clock()).contains("ca.key is missing; restore both files"));
        fs::write(&certificate, "nonsense").unwrap();
        assert!(refused(folder.path(), clock()).contains("ca.pem holds no certificate"));
    }

    #[test]
    fn an_expired_authority_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock();
        Authority::open_or_create(folder.path(), clock.clone()).unwrap();
        clock.advance(AUTHORITY_LIFETIME);
        assert!(refused(folder.path(), clock).contains("it expired at"));
    }

    #[test]
    fn leaves_have_exact_names_and_live_ninety_days() {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock();
        let authority = Authority::open_or_create(folder.path(), clock.clone()).unwrap();
        let names = ["demo.localhost".to_owned(), "127.0.0.1".to_owned()];
        let leaf = authority.issue(&names).unwrap();
        let facts = CertificateFacts::read(&leaf.key.cert[0]).unwrap();
        assert_eq!(facts.names, ["demo.localhost"]);
        assert_eq!(facts.not_after, leaf.not_after);
        assert_eq!(leaf.not_after.since(clock.now()), LEAF_LIFETIME);
        assert!(leaf.is_fresh(clock.now()));
        assert!(!leaf.is_fresh(clock.now().plus(60 * DAY)));
        assert!(!leaf.is_fresh(clock.now().minus(2 * DAY)));
    }

    #[test]
    fn the_longest_host_name_gets_a_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(folder.path(), clock()).unwrap();
        let label = "a".repeat(61);
        let name = [label.as_str(); 4].join(".");
        let leaf = authority.issue(std::slice::from_ref(&name)).unwrap();
        let facts = CertificateFacts::read(&leaf.key.cert[0]).unwrap();
        assert_eq!((facts.names, facts.common_name), (vec![name], Some("Trunkline server".to_owned())));
    }

    #[test]
    fn a_leaf_does_not_outlive_its_authority() {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock();
        let authority = Authority::open_or_create(folder.path(), clock.clone()).unwrap();
        clock.advance(AUTHORITY_LIFETIME.checked_sub(3 * DAY).unwrap());
        let leaf = authority.issue(&["localhost".to_owned()]).unwrap();
        assert_eq!(leaf.not_after, authority.not_after());
        assert!(leaf.renew_at < leaf.not_after);
    }

    #[test]
    fn what_is_no_exact_name_is_not_issued() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(folder.path(), clock()).unwrap();
        for name in ["*.localhost", "", "a b", "name.", "ü.example"] {
            let error = authority.issue(&[name.to_owned()]).unwrap_err();
            assert!(matches!(error, NetError::Name { .. }), "{name}: {error}");
        }
        assert!(authority.issue(&[]).is_err());
    }
}
