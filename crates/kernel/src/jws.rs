//! JSON Web Signatures in compact form (RFC 7515) with ES256, RS256 and PS256 (RFC 7518 §3.3 to §3.5).
//!
//! The algorithm follows from the key, never from the token: a header that names another one is refused,
//! so `none`, or HS256 with a public key as the secret, has no way in. Where one RSA key may be used with
//! both paddings (a certificate says nothing about them), it is two [`VerifyingKey`]s.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The longest token looked at, in bytes; real ones are below 4 KiB.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// For tokens of those who pad their segments against RFC 7515 §2.
const PADDED_TOO: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes of one coordinate of P-256.
const COORDINATE_BYTES: usize = 32;

/// Why a token is refused before or at its signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwsError {
    /// Not three base64url segments with JSON in the first two, or too long.
    #[error("not a JSON Web Token")]
    Malformed,
    /// The header's `alg` is not the key's.
    #[error("the token's algorithm is not the one of its key")]
    WrongAlgorithm,
    /// The signature does not fit.
    #[error("the token's signature does not fit")]
    BadSignature,
    /// The key itself cannot be used.
    #[error("the key is no P-256 or RSA public key")]
    UnusableKey,
}

/// A public key as a JSON Web Key (RFC 7517).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Jwk {
    /// `EC` or `RSA`.
    pub kty: String,
    /// The key's name in token headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// `ES256`, `RS256` or `PS256`, when the key says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig`, when the key says so.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// The curve of an EC key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// EC coordinate, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// EC coordinate, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

/// A key that signs with ES256.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    header: String,
    jwk: Jwk,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigningKey").field("kid", &self.jwk.kid).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new private key, as PKCS#8.
    pub fn generate_pkcs8() -> Secret<Vec<u8>> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("P-256 keys can always be made");
        let document = pair.to_pkcs8v1().expect("a key pair has a PKCS#8 form");
        Secret::new(document.as_ref().to_vec())
    }

    /// Reads a private key.
    ///
    /// **Errors**: [`JwsError::UnusableKey`] for anything but a PKCS#8 key on P-256.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, JwsError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document)
            .map_err(|_| JwsError::UnusableKey)?;
        // An uncompressed point: 0x04, x, y (SEC 1 §2.3.3).
        let point = pair.public_key().as_ref();
        let coordinate = |start: usize| URL_SAFE_NO_PAD.encode(&point[start..start + COORDINATE_BYTES]);
        let (x, y) = (coordinate(1), coordinate(1 + COORDINATE_BYTES));
        // The thumbprint of RFC 7638: required members in alphabetical order, no white space.
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, thumbprint.as_bytes()));
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#));
        let jwk = Jwk {
            kty: "EC".to_owned(),
            kid: Some(kid),
            alg: Some("ES256".to_owned()),
            usage: Some("sig".to_owned()),
            crv: Some("P-256".to_owned()),
            x: Some(x),
            y: Some(y),
            n: None,
            e: None,
        };
        Ok(Self { pair, header, jwk })
    }

    /// The public half.
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The name of the key in token headers.
    pub fn kid(&self) -> &str {
        self.jwk.kid.as_deref().expect("the constructor names the key")
    }

    /// A signed token with `claims` (a JSON object).
    pub fn sign(&self, claims: &impl Serialize) -> String {
        let payload = serde_json::to_vec(claims).expect("claims have string keys and always serialize");
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(payload));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), token.as_bytes())
            .expect("P-256 signs messages of every length");
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

/// A public key that verifies.
#[derive(Clone, Debug)]
pub enum VerifyingKey {
    /// ES256: an uncompressed point on P-256.
    Es256(Vec<u8>),
    /// RS256: modulus and exponent, big-endian.
    Rs256 {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// PS256: modulus and exponent, big-endian.
    Ps256 {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
}

impl VerifyingKey {
    /// The keys of an RSA certificate, which does not say with which of both paddings it signs.
    pub fn both_paddings(n: &[u8], e: &[u8]) -> [Self; 2] {
        [Self::Rs256 { n: n.to_vec(), e: e.to_vec() }, Self::Ps256 { n: n.to_vec(), e: e.to_vec() }]
    }

    /// Reads a JSON Web Key.
    ///
    /// **Errors**: [`JwsError::UnusableKey`] for other kinds of key, for a key meant for encryption, and for
    /// one whose `alg` does not fit its kind.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, JwsError> {
        let bytes = |member: &Option<String>| {
            let text = member.as_deref().ok_or(JwsError::UnusableKey)?;
            URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| JwsError::UnusableKey)
        };
        let is_for = |alg: &str| {
            jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
                && jwk.alg.as_deref().is_none_or(|named| named == alg)
        };
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) if is_for("ES256") => {
                let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
                if x.len() != COORDINATE_BYTES || y.len() != COORDINATE_BYTES {
                    return Err(JwsError::UnusableKey);
                }
                Ok(Self::Es256([&[4], x.as_slice(), y.as_slice()].concat()))
            }
            ("RSA", _) if is_for("RS256") => Ok(Self::Rs256 { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? }),
            ("RSA", _) if is_for("PS256") => Ok(Self::Ps256 { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? }),
            _ => Err(JwsError::UnusableKey),
        }
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256 { .. } => "RS256",
            Self::Ps256 { .. } => "PS256",
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), JwsError> {
        match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Self::Ps256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            }
        }
        .map_err(|_| JwsError::BadSignature)
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    x5t: Option<String>,
    #[serde(default, rename = "x5t#S256")]
    x5t_sha256: Option<String>,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// A token whose signature is not yet verified.
pub struct Unverified<'a> {
    message: &'a str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl std::fmt::Debug for Unverified<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Unverified").field("kid", &self.header.kid).finish_non_exhaustive()
    }
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    ///
    /// **Errors**: [`JwsError::Malformed`].
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        Self::parse_with(token, &URL_SAFE_NO_PAD)
    }

    /// Takes a token apart whose segments may be padded with `=`, as those of one official client are. The
    /// signature covers them as they are.
    ///
    /// **Errors**: [`JwsError::Malformed`].
    pub fn parse_padded(token: &'a str) -> Result<Self, JwsError> {
        Self::parse_with(token, &PADDED_TOO)
    }

    fn parse_with(token: &'a str, engine: &GeneralPurpose) -> Result<Self, JwsError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwsError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(JwsError::Malformed)?;
        let decode = |segment: &str| engine.decode(segment).map_err(|_| JwsError::Malformed);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::Malformed)?;
        // RFC 7515 §4.1.11: what a header calls critical must be understood, and no extension is.
        if header.crit.is_some() {
            return Err(JwsError::Malformed);
        }
        Ok(Self { message, header, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// The name of the key, as the token claims it.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The SHA-1 thumbprint of the certificate, base64url, as the token claims it (RFC 7515 §4.1.7).
    pub fn x5t(&self) -> Option<&str> {
        self.header.x5t.as_deref()
    }

    /// The SHA-256 thumbprint of the certificate, base64url, as the token claims it (RFC 7515 §4.1.8).
    pub fn x5t_sha256(&self) -> Option<&str> {
        self.header.x5t_sha256.as_deref()
    }

    /// The claims of a token nobody has vouched for: for choosing a key, never for a decision.
    ///
    /// **Errors**: [`JwsError::Malformed`] when they do not fit `T`.
    pub fn peek<T: DeserializeOwned>(&self) -> Result<T, JwsError> {
        serde_json::from_slice(&self.payload).map_err(|_| JwsError::Malformed)
    }

    /// The claims, once `key` has verified them.
    ///
    /// **Errors**: [`JwsError::WrongAlgorithm`], [`JwsError::BadSignature`], [`JwsError::Malformed`].
    pub fn verify<T: DeserializeOwned>(&self, key: &VerifyingKey) -> Result<T, JwsError> {
        if self.header.alg != key.algorithm() {
            return Err(JwsError::WrongAlgorithm);
        }
        key.verify(self.message.as_bytes(), &self.signature)?;
        self.peek()
    }

    /// The claims, once the one of `keys` whose algorithm the header names has verified them.
    ///
    /// **Errors**: as [`Unverified::verify`]; [`JwsError::WrongAlgorithm`] when no key has that algorithm.
    pub fn verify_with_one_of<T: DeserializeOwned>(&self, keys: &[VerifyingKey]) -> Result<T, JwsError> {
        let key = keys.iter().find(|key| key.algorithm() == self.header.alg);
        self.verify(key.ok_or(JwsError::WrongAlgorithm)?)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_pkcs8(SigningKey::generate_pkcs8().expose()).expect("a fresh key")
    }

    fn verify(token: &str, key: &SigningKey) -> Result<Value, JwsError> {
        let public = VerifyingKey::from_jwk(key.jwk()).expect("our own key");
        Unverified::parse(token)?.verify(&public)
    }

    fn with_header(header: &Value, token: &str) -> String {
        let rest = token.split_once('.').expect("three segments").1;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn what_is_signed_verifies_with_the_same_key_only() {
        let (ours, other) = (key(), key());
        let token = ours.sign(&json!({ "sub": "a" }));
        assert_eq!(verify(&token, &ours), Ok(json!({ "sub": "a" })));
        assert_eq!(verify(&token, &other), Err(JwsError::BadSignature));
        assert_eq!(Unverified::parse(&token).expect("well-formed").kid(), Some(ours.kid()));
    }

    #[test]
    fn other_algorithms_have_no_way_in() {
        let ours = key();
        let token = ours.sign(&json!({ "sub": "a" }));
        for alg in ["none", "None", "HS256", "RS256", "ES384", ""] {
            let forged = with_header(&json!({ "alg": alg, "kid": ours.kid() }), &token);
            assert_eq!(verify(&forged, &ours), Err(JwsError::WrongAlgorithm), "{alg}");
        }
        // HS256 keyed with the public key.
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "HS256", "kid": ours.kid() }).to_string());
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(r#"{"sub":"admin"}"#));
        let VerifyingKey::Es256(point) = VerifyingKey::from_jwk(ours.jwk()).expect("our own key") else {
            unreachable!("our keys are EC keys")
        };
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &point), message.as_bytes());
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(verify(&forged, &ours), Err(JwsError::WrongAlgorithm));
    }

    #[test]
    fn padded_segments_are_read_only_where_asked() {
        let ours = key();
        let public = VerifyingKey::from_jwk(ours.jwk()).expect("our own key");
        let padded = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE.encode(bytes);
        let message = format!("{}.{}", padded(br#"{"alg":"ES256"} "#), padded(br#"{"sub":"ab"}  "#));
        assert!(message.contains("=."), "{message}");
        let signature = ours.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("it signs");
        let token = format!("{message}.{}", padded(signature.as_ref()));
        assert_eq!(Unverified::parse(&token).map(drop), Err(JwsError::Malformed));
        let claims = Unverified::parse_padded(&token).and_then(|token| token.verify::<Value>(&public));
        assert_eq!(claims, Ok(json!({ "sub": "ab" })));
        let stripped = token.replace('=', "");
        let claims = Unverified::parse_padded(&stripped).and_then(|token| token.verify::<Value>(&public));
        assert_eq!(claims, Err(JwsError::BadSignature));
    }

    #[test]
    fn truncated_and_altered_tokens_are_refused() {
        let ours = key();
        let token = ours.sign(&json!({ "sub": "a" }));
        let (message, signature) = token.rsplit_once('.').expect("three segments");
        assert_eq!(verify(&format!("{message}."), &ours), Err(JwsError::BadSignature));
        assert_eq!(verify(&format!("{message}.{}", &signature[..40]), &ours), Err(JwsError::BadSignature));
        let altered = URL_SAFE_NO_PAD.encode(r#"{"sub":"b"}"#);
        let header = token.split_once('.').expect("three segments").0;
        assert_eq!(verify(&format!("{header}.{altered}.{signature}"), &ours), Err(JwsError::BadSignature));
        for text in ["", ".", "..", "a.b", "a.b.c", "é.é.é", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
            assert_eq!(verify(text, &ours), Err(JwsError::Malformed), "{text:.20}");
        }
        let critical = with_header(&json!({ "alg": "ES256", "kid": ours.kid(), "crit": ["exp"] }), &token);
        assert_eq!(verify(&critical, &ours), Err(JwsError::Malformed));
    }

    #[test]
    fn rs256_tokens_of_other_issuers_verify() {
        // A key and a signature made with OpenSSL.
        let jwk = Jwk {
            kty: "RSA".to_owned(),
            kid: None,
            alg: None,
            usage: None,
            crv: None,
            x: None,
            y: None,
            n: Some(concat!(
                "i4lYlNlzeQs4RIfnCmuYztZPfBVb3ipeorHLkIWVO1MbjSvVHnEoCbe_lg66seAX5VNZ0_FY80pfFrE-Y7-",
                "T42UYHOM0Bj7rHjEjVZ-I3pD7wGhEW2WIOK4q8uJbBmKgTZ7L2hadjpyhDRR22R47V_cUB3xpmkOzfnjSCB6o-V-PfRoUjhTIDc8",
                "W-",
                "hcjaAKaFEnIgBoJ4e9kQy7X2gBVISZJPCrwAyzV6kZCw20Kc4z5l0BpymYNPIvgJG2h_ZZRIfp8i__cjfQxeMzXe8_yNSUkk3HE9",
                "FRy-GjB2c53_jc6_GE9kb29u8kF-5eXql9WZ37TNT6XGHHK1INCkubLRQ",
            ).to_owned()),
            e: Some("AQAB".to_owned()),
        };
        let token = concat!(
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UifQ.",
            "Q6W3t9HGsPc4oNb2xP8wTI3G5lwX9AKmRAeurOeh5TWlFSFfdNxfQTGJONjxsUXgV5pSjcjSl_fpp7Ejy9l5WTvgAFQGG7u8gHc5",
            "WQOIMQAjnVfc6BUwyPLJk5YXtFmoCDULOcQME7dQ3ZSrQPN6ZE2ZYcpYNnhgs8psS6eeiE7k-",
            "5BFYr4iasHSAPi8aipY9lYz24PoEPgQ2mgzmpQcW7D427ujzrAcZ5InKA5DCJWInnBy96LjZhlDAmf7M2tk56Ns7H3VLxWANthgJ",
            "e8QFuRlBQ16ZXcgNFjymcqCf5nPcAF1d_V-gNWy4B7RttD5tX7FcYcuMECaUJY2VljXxw",
        );
        let public = VerifyingKey::from_jwk(&jwk).expect("an RSA key");
        let claims: Value = Unverified::parse(token).expect("well-formed").verify(&public).expect("verifies");
        assert_eq!(claims["iss"], "joe");
        // The other padding of the same key does not take it, and the header chooses only among given keys.
        let VerifyingKey::Rs256 { n, e } = public else { unreachable!("a key without alg is for RS256") };
        let [rs256, ps256] = VerifyingKey::both_paddings(&n, &e);
        let unverified = Unverified::parse(token).expect("well-formed");
        assert_eq!(unverified.verify::<Value>(&ps256), Err(JwsError::WrongAlgorithm));
        let only_other = unverified.verify_with_one_of::<Value>(std::slice::from_ref(&ps256));
        assert_eq!(only_other, Err(JwsError::WrongAlgorithm));
        assert!(unverified.verify_with_one_of::<Value>(&[ps256, rs256]).is_ok());
    }

    #[test]
    fn unusable_keys_are_refused() {
        let ours = key();
        let changed = |change: fn(&mut Jwk)| {
            let mut jwk = ours.jwk().clone();
            change(&mut jwk);
            VerifyingKey::from_jwk(&jwk).expect_err("unusable")
        };
        assert_eq!(changed(|jwk| jwk.kty = "oct".to_owned()), JwsError::UnusableKey);
        assert_eq!(changed(|jwk| jwk.crv = Some("P-384".to_owned())), JwsError::UnusableKey);
        assert_eq!(changed(|jwk| jwk.usage = Some("enc".to_owned())), JwsError::UnusableKey);
        assert_eq!(changed(|jwk| jwk.alg = Some("HS256".to_owned())), JwsError::UnusableKey);
        assert_eq!(changed(|jwk| jwk.x = None), JwsError::UnusableKey);
        assert_eq!(changed(|jwk| jwk.x = Some("AAAA".to_owned())), JwsError::UnusableKey);
    }

    proptest! {
        #[test]
        fn no_text_panics(token in "[A-Za-z0-9_.-]{0,100}") {
            let _ = Unverified::parse(&token).map(|token| token.peek::<Value>());
        }
    }
}
