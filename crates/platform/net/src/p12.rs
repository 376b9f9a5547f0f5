//! A PKCS#12 trust store as Java reads it (RFC 7292): certificates only, neither encrypted nor signed.
//!
//! ```text
//! PFX ─ version 3
//!     └ data ─ AuthenticatedSafe ─ data ─ SafeContents ─ one bag per certificate ┬ certificate
//!                                                                               ├ friendlyName: its alias
//!                                                                               └ trustedKeyUsage: any
//! ```
//!
//! The certificates are public and lie beside their plain form, so encryption would protect nothing. Java
//! accepts any password for such a store. Without random salts the same certificates give the same bytes.

use rustls::pki_types::CertificateDer;

// Tags of X.690.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;

/// 1.2.840.113549.1.7.1, `data` of RFC 2315.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.12.10.1.3, `certBag`.
const CERTIFICATE_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
/// 1.2.840.113549.1.9.22.1, `x509Certificate`.
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// 1.2.840.113549.1.9.20, `friendlyName`.
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
/// 2.16.840.1.113894.746875.1.1, by which Java tells a trusted certificate from a part of a chain.
const TRUSTED_KEY_USAGE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];
/// 2.5.29.37.0, `anyExtendedKeyUsage`.
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// The trust store of `entries`, each an alias and a certificate.
pub(crate) fn trust_store<'a>(
    entries: impl IntoIterator<Item = (String, &'a CertificateDer<'static>)>,
) -> Vec<u8> {
    let bags: Vec<Vec<u8>> =
        entries.into_iter().map(|(alias, certificate)| bag(&alias, certificate)).collect();
    let contents = der(SEQUENCE, &bags);
    let authenticated_safe = der(SEQUENCE, &[data(&contents)]);
    der(SEQUENCE, &[der(INTEGER, &[[3]]), data(&authenticated_safe)])
}

fn data(content: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[der(OBJECT_IDENTIFIER, &[DATA]), explicit(&der(OCTET_STRING, &[content]))])
}

fn bag(alias: &str, certificate: &CertificateDer<'_>) -> Vec<u8> {
    let certificate = explicit(&der(OCTET_STRING, &[certificate]));
    let value = der(SEQUENCE, &[der(OBJECT_IDENTIFIER, &[X509]), certificate]);
    let name: Vec<[u8; 2]> = alias.encode_utf16().map(u16::to_be_bytes).collect();
    let mut attributes = [
        attribute(FRIENDLY_NAME, &der(BMP_STRING, &name)),
        attribute(TRUSTED_KEY_USAGE, &der(OBJECT_IDENTIFIER, &[ANY_USAGE])),
    ];
    // The order of a set in DER (X.690 §11.6).
    attributes.sort_unstable();
    der(SEQUENCE, &[der(OBJECT_IDENTIFIER, &[CERTIFICATE_BAG]), explicit(&value), der(SET, &attributes)])
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[der(OBJECT_IDENTIFIER, &[kind]), der(SET, &[value])])
}

fn explicit(content: &[u8]) -> Vec<u8> {
    der(EXPLICIT_0, &[content])
}

/// Tag, length and the `parts` one after the other (X.690 §8.1).
fn der(tag: u8, parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let used = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
            bytes.push(0x80 | u8::try_from(used.len()).expect("a usize has at most 8 bytes"));
            bytes.extend_from_slice(used);
        }
    }
    for part in parts {
        bytes.extend_from_slice(part.as_ref());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, expected) in [
            (0, &[0x04, 0][..]),
            (127, &[0x04, 127]),
            (128, &[0x04, 0x81, 128]),
            (255, &[0x04, 0x81, 255]),
            (256, &[0x04, 0x82, 1, 0]),
            (65_536, &[0x04, 0x83, 1, 0, 0]),
        ] {
            let encoded = der(OCTET_STRING, &[vec![0; length]]);
            assert_eq!(&encoded[..expected.len()], expected, "{length}");
            assert_eq!(encoded.len(), expected.len() + length);
        }
    }

    #[test]
    fn an_empty_store_is_the_smallest_pfx() {
        let empty = trust_store(std::iter::empty());
        let hexadecimal = empty.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        // As `openssl asn1parse` shows it: version 3, data, one safe, no bag.
        assert_eq!(
            hexadecimal,
            "3029020103302406092a864886f70d010701a01704153013301106092a864886f70d010701a00404023000"
        );
    }
}
