//! By what applications prove who they are: secrets, certificates, federations.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_kernel::{Entropy, Secret, Timestamp};
use trunkline_store::Tx;
use trunkline_web::ApiError;
use uuid::Uuid;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::public_key::PublicKey;

use crate::error::DirectoryError;
use crate::rows::credentials::{self, CredentialKind, CredentialRow};

/// Credentials of one application: enough to change each kind without a pause, few enough to try them all.
pub(crate) const CREDENTIALS_MAX: usize = 20;

/// Generated secrets begin so; secret scanners can find one that leaked.
const SECRET_PREFIX: &str = "tlcs_";
/// Random bytes of a generated secret: beyond any guessing, so an unsalted hash is enough.
const SECRET_BYTES: usize = 32;
/// A given secret has at least this many characters; below, the unsalted hash could be guessed.
pub(crate) const GIVEN_SECRET_CHARACTERS_MIN: usize = 16;
/// And at most this many; those of Entra have 40.
const GIVEN_SECRET_CHARACTERS_MAX: usize = 256;
/// The first characters of a secret that stay visible, as in Entra.
const HINT_CHARACTERS: usize = 3;

/// A certificate in PEM; real ones have 1 to 4 KiB.
const PEM_BYTES_MAX: usize = 16 * 1024;
/// RSA keys that are strong enough, and none whose check takes long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// The curve P-256 (RFC 5480 §2.1.1.1).
const CURVE_P256: &str = "1.2.840.10045.3.1.7";

/// The audience of federated tokens unless given, as in Entra.
pub(crate) const FEDERATION_AUDIENCE_DEFAULT: &str = "api://AzureADTokenExchange";
/// The longest issuer, subject or audience, as in Entra.
const FEDERATION_CHARACTERS_MAX: usize = 600;

/// The longest display name, as in Entra.
const DISPLAY_NAME_CHARACTERS_MAX: usize = 120;

/// What a credential is made of, as an operator or the configuration gives it.
#[derive(Debug)]
pub(crate) enum Proof {
    /// A secret.
    Secret(Secret<String>),
    /// A certificate in PEM.
    Certificate(String),
    /// A subject at another issuer.
    Federation {
        /// Its `iss`.
        issuer: String,
        /// Its `sub`.
        subject: String,
        /// Its `aud`; [`FEDERATION_AUDIENCE_DEFAULT`] when not given.
        audience: Option<String>,
    },
}

/// Everything about a new credential but its proof.
pub(crate) struct About {
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) display_name: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) is_seeded: bool,
    pub(crate) now: Timestamp,
}

/// A secret nobody can guess.
pub(crate) fn generate_secret(entropy: &dyn Entropy) -> Secret<String> {
    let mut bytes = [0; SECRET_BYTES];
    entropy.fill(&mut bytes);
    Secret::new(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is kept of a secret.
pub(crate) fn hash_secret(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// The row of a new credential.
///
/// **Errors**: 400 that names the field at fault.
pub(crate) fn make(about: About, proof: Proof) -> Result<CredentialRow, ApiError> {
    if about.display_name.chars().count() > DISPLAY_NAME_CHARACTERS_MAX {
        let message = format!("A display name has at most {DISPLAY_NAME_CHARACTERS_MAX} characters.");
        return Err(ApiError::invalid("displayName", message));
    }
    if about.expires_at.is_some_and(|expires_at| expires_at <= about.now) {
        return Err(ApiError::invalid("expiresOn", "The credential would be over already."));
    }
    let mut row = CredentialRow {
        id: about.id,
        client_id: about.client_id,
        kind: CredentialKind::Secret,
        display_name: about.display_name,
        material: Secret::default(),
        hint: String::new(),
        issuer: String::new(),
        subject: String::new(),
        audience: String::new(),
        expires_at: about.expires_at,
        is_seeded: about.is_seeded,
        created_at: about.now,
    };
    match proof {
        Proof::Secret(secret) => add_secret(&mut row, secret.expose())?,
        Proof::Certificate(pem) => add_certificate(&mut row, &pem)?,
        Proof::Federation { issuer, subject, audience } => {
            row.kind = CredentialKind::Federated;
            row.audience = audience.unwrap_or_else(|| FEDERATION_AUDIENCE_DEFAULT.to_owned());
            (row.issuer, row.subject) = (issuer, subject);
            check_federation(&row)?;
        }
    }
    Ok(row)
}

/// Inserts a credential.
///
/// **Errors**: when the application has it already, or too many.
pub(crate) fn insert(tx: &mut Tx<'_>, row: &CredentialRow) -> Result<(), DirectoryError> {
    let known = credentials::list(tx, row.client_id)?;
    if known.iter().any(|other| other.is_same_proof(row)) {
        return Err(DirectoryError::CredentialExists);
    }
    if known.len() >= CREDENTIALS_MAX {
        let max = CREDENTIALS_MAX as u64;
        return Err(DirectoryError::TooMany { what: "credentials of one application", max });
    }
    Ok(credentials::insert(tx, row)?)
}

fn add_secret(row: &mut CredentialRow, secret: &str) -> Result<(), ApiError> {
    let length = secret.chars().count();
    let is_visible = secret.chars().all(|character| character.is_ascii_graphic());
    if !(GIVEN_SECRET_CHARACTERS_MIN..=GIVEN_SECRET_CHARACTERS_MAX).contains(&length) || !is_visible {
        let message = format!(
            "A secret has {GIVEN_SECRET_CHARACTERS_MIN} to {GIVEN_SECRET_CHARACTERS_MAX} visible ASCII characters; leave it out to get a good one."
        );
        return Err(ApiError::invalid("secret", message));
    }
    row.material = Secret::new(hash_secret(secret));
    row.hint = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret).chars().take(HINT_CHARACTERS).collect();
    Ok(())
}

fn add_certificate(row: &mut CredentialRow, pem: &str) -> Result<(), ApiError> {
    let refused = |fault: &str| ApiError::invalid("certificate", format!("The certificate {fault}."));
    if pem.len() > PEM_BYTES_MAX {
        return Err(refused("is longer than 16 KiB; give the one of the application without its chain"));
    }
    if pem.contains("PRIVATE KEY-----") {
        return Err(refused("comes with its private key, which must stay with the application"));
    }
    let mut blocks = Pem::iter_from_buffer(pem.as_bytes());
    let (Some(Ok(block)), None) = (blocks.next(), blocks.next()) else {
        return Err(refused("must be one block of PEM, '-----BEGIN CERTIFICATE-----'"));
    };
    if block.label != "CERTIFICATE" {
        return Err(refused("must be one block of PEM, '-----BEGIN CERTIFICATE-----'"));
    }
    let parsed = x509_parser::parse_x509_certificate(&block.contents);
    let Ok(([], certificate)) = &parsed else { return Err(refused("is damaged")) };
    if !has_usable_key(certificate) {
        return Err(refused("has a key this server does not take; use RSA of 2048 to 4096 bits or P-256"));
    }
    let ends = Timestamp::from_seconds(certificate.validity().not_after.timestamp());
    if ends <= row.created_at {
        return Err(refused("is over already"));
    }
    row.kind = CredentialKind::Certificate;
    row.expires_at = Some(row.expires_at.map_or(ends, |given| given.min(ends)));
    row.hint = thumbprint(&block.contents);
    row.material = Secret::new(block.contents);
    Ok(())
}

fn has_usable_key(certificate: &X509Certificate<'_>) -> bool {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => RSA_BITS.contains(&key.key_size()),
        Ok(PublicKey::EC(_)) => {
            let parameters = certificate.public_key().algorithm.parameters.as_ref();
            let curve = parameters.and_then(|parameters| parameters.as_oid().ok());
            curve.is_some_and(|curve| curve.to_id_string() == CURVE_P256)
        }
        _ => false,
    }
}

/// Whether an issuer is on this very machine, where plain HTTP leaks nothing.
fn is_on_loopback(issuer: &str) -> bool {
    let authority = issuer.strip_prefix("http://").and_then(|rest| rest.split(['/', '?', '#']).next());
    let host = authority.map(trunkline_web::app::without_port);
    host.is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
}

/// The SHA-1 of a certificate in capital hexadecimal digits, by which Azure's tools show it.
fn thumbprint(der: &[u8]) -> String {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn check_federation(row: &CredentialRow) -> Result<(), ApiError> {
    for (name, value) in [("issuer", &row.issuer), ("subject", &row.subject), ("audience", &row.audience)] {
        let is_plain = !value.chars().any(char::is_control);
        if value.is_empty() || value.chars().count() > FEDERATION_CHARACTERS_MAX || !is_plain {
            let message = format!("The {name} has 1 to {FEDERATION_CHARACTERS_MAX} characters.");
            return Err(ApiError::invalid(name, message));
        }
    }
    let is_secure = row.issuer.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        || is_on_loopback(&row.issuer);
    if !is_secure || !row.issuer.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid(
            "issuer",
            "The issuer is an https address (http only on this machine), exactly as in its tokens.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            id: Uuid::from_u128(1),
            client_id: Uuid::from_u128(2),
            display_name: String::new(),
            expires_at: None,
            is_seeded: false,
            now: Timestamp::from_seconds(1_795_262_400),
        }
    }

    fn certificate(key: &rcgen::KeyPair, end_year: i32) -> rcgen::Certificate {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(end_year, 1, 1);
        parameters.self_signed(key).expect("it can be made")
    }

    #[test]
    fn a_secret_keeps_its_hash_and_a_hint() {
        let secret = Secret::new("tlcs_abcdefghijklmnop".to_owned());
        let row = make(about(), Proof::Secret(secret.clone())).expect("good");
        assert_eq!((row.hint.as_str(), row.kind), ("abc", CredentialKind::Secret));
        assert!(row.material.matches(&hash_secret(secret.expose())));
        assert!(!format!("{row:?}").contains("abcdefgh"));
        for bad in ["", "fifteen-letters", "sixteen letters!", "ünreadable-sixteen", &"x".repeat(257)] {
            let refused = make(about(), Proof::Secret(Secret::new(bad.to_owned()))).expect_err(bad);
            assert_eq!(refused.target.as_deref(), Some("secret"));
            assert!(bad.is_empty() || !refused.message.contains(bad));
        }
    }

    #[test]
    fn a_certificate_ends_with_its_credential() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let pem = certificate(&key, 2030).pem();
        let row = make(about(), Proof::Certificate(pem.clone())).expect("good");
        assert_eq!(row.kind, CredentialKind::Certificate);
        assert_eq!(
            row.expires_at.map(Timestamp::to_rfc3339).as_deref(),
            Some("2030-01-01T00:00:00.000000+00:00")
        );
        assert_eq!(row.hint.len(), 40);
        let sooner =
            About { expires_at: Some(about().now.plus(std::time::Duration::from_secs(9))), ..about() };
        let row = make(sooner, Proof::Certificate(pem)).expect("good");
        assert_eq!(row.expires_at, Some(about().now.plus(std::time::Duration::from_secs(9))));
    }

    #[test]
    fn unusable_certificates_are_refused() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let good = certificate(&key, 2030).pem();
        let weak = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key");
        for bad in [
            String::new(),
            "no certificate".to_owned(),
            good.replace("CERTIFICATE", "PUBLIC KEY"),
            good.replace("MI", "AA"),
            format!("{good}{good}"),
            format!("{good}{}", key.serialize_pem()),
            certificate(&key, 2026).pem(),
            certificate(&weak, 2030).pem(),
            "x".repeat(PEM_BYTES_MAX + 1),
        ] {
            let refused = make(about(), Proof::Certificate(bad.clone())).expect_err(&bad);
            assert_eq!(refused.target.as_deref(), Some("certificate"), "{bad}");
        }
    }

    #[test]
    fn a_federation_names_an_https_issuer() {
        let federation = |issuer: &str, subject: &str, audience: Option<&str>| Proof::Federation {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            audience: audience.map(str::to_owned),
        };
        for here in ["http://127.0.0.1:9090/x", "http://localhost", "http://[::1]:9090"] {
            assert!(make(about(), federation(here, "ada", None)).is_ok(), "{here}");
        }
        let row = make(about(), federation("https://issuer.example", "ada", None)).expect("good");
        assert_eq!(row.audience, FEDERATION_AUDIENCE_DEFAULT);
        for (issuer, subject, audience, target) in [
            ("http://issuer.example", "ada", None, "issuer"),
            ("http://localhost.evil.example", "ada", None, "issuer"),
            ("http://127.0.0.1@evil.example", "ada", None, "issuer"),
            ("http://127.0.0.1:1@evil.example/x", "ada", None, "issuer"),
            ("https://", "ada", None, "issuer"),
            ("https://issuer.example/a b", "ada", None, "issuer"),
            ("", "ada", None, "issuer"),
            ("https://issuer.example", "", None, "subject"),
            ("https://issuer.example", "a\nb", None, "subject"),
            ("https://issuer.example", "ada", Some(""), "audience"),
        ] {
            let refused = make(about(), federation(issuer, subject, audience)).expect_err(issuer);
            assert_eq!(refused.target.as_deref(), Some(target));
        }
    }
}
