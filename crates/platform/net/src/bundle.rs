//! Trust bundles for clients whose settings replace the machine's authorities instead of adding to them.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

use crate::authority::CertificateFacts;
use crate::files::{find_content, write_whole};
use crate::{Authority, NetError, p12};

/// The password of `trust.p12`. Java wants one; the store holds only public certificates.
pub const TRUST_STORE_PASSWORD: &str = "changeit";

/// The machine's authorities and the own one, in files for other programs.
#[derive(Clone, Debug)]
pub struct TrustBundle {
    authorities: Vec<CertificateDer<'static>>,
    folder: PathBuf,
    warnings: Vec<String>,
}

impl TrustBundle {
    /// Writes `trust.pem` and `trust.p12` into the authority's folder, if their content would change.
    ///
    /// A machine without authorities of its own gets a bundle of one; see [`TrustBundle::warnings`].
    ///
    /// **Errors**: [`NetError::File`] when the files cannot be written.
    pub fn write(authority: &Authority) -> Result<Self, NetError> {
        let native = rustls_native_certs::load_native_certs();
        let warnings = native.errors.iter().map(ToString::to_string).collect();
        Self::write_with(authority, native.certs, warnings)
    }

    fn write_with(
        authority: &Authority,
        machine: Vec<CertificateDer<'static>>,
        warnings: Vec<String>,
    ) -> Result<Self, NetError> {
        let folder = authority.folder().to_owned();
        let mut authorities = vec![authority.certificate().clone()];
        let mut machine = machine;
        // The order in which a folder is read differs from start to start; the files should not.
        machine.sort_unstable_by(|left, right| left.as_ref().cmp(right.as_ref()));
        machine.dedup();
        authorities.extend(machine.into_iter().filter(|other| other != authority.certificate()));
        let bundle = Self { authorities, folder, warnings };
        let pem: String = bundle.authorities.iter().map(|certificate| pem(certificate)).collect();
        for (file, content) in [(bundle.pem_file(), pem.into_bytes()), (bundle.p12_file(), bundle.p12())] {
            if find_content(&file)?.is_none_or(|old| old != content) {
                write_whole(&file, &content, 0o644)?;
            }
        }
        Ok(bundle)
    }

    /// The own authority first, then the machine's. For [`crate::Client::new`].
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// The own authority alone: `ca.pem`.
    pub fn authority_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// All authorities as PEM: `trust.pem`.
    pub fn pem_file(&self) -> PathBuf {
        self.folder.join("trust.pem")
    }

    /// All authorities as a PKCS#12 trust store with the password [`TRUST_STORE_PASSWORD`]: `trust.p12`.
    pub fn p12_file(&self) -> PathBuf {
        self.folder.join("trust.p12")
    }

    /// What of the machine's authorities could not be read.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Certificates that cannot be read are left out: Java would refuse the whole store.
    fn p12(&self) -> Vec<u8> {
        let named = self.authorities.iter().enumerate().filter_map(|(index, certificate)| {
            CertificateFacts::read(certificate).ok()?;
            let alias = if index == 0 { "trunkline".to_owned() } else { format!("machine-{index:03}") };
            Some((alias, certificate))
        });
        p12::trust_store(named)
    }
}

/// RFC 7468 §5.1.
fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = String::with_capacity(text.len() + text.len() / 64 + 60);
    pem.push_str("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// The path as text for other programs' settings.
pub(crate) fn path_text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject as _;
    use trunkline_kernel::{ManualClock, Timestamp};

    use super::*;

    fn authority(folder: &Path) -> Authority {
        let clock = ManualClock::new(Timestamp::from_seconds(1_795_000_000));
        Authority::open_or_create(folder, Arc::new(clock)).unwrap()
    }

    fn read(path: &Path) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(path).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_machine_without_authorities_gets_a_bundle_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let own = authority(folder.path());
        let bundle = TrustBundle::write_with(&own, Vec::new(), vec!["none".into()]).unwrap();
        assert_eq!(read(&bundle.pem_file()), [own.certificate().clone()]);
        assert!(bundle.p12_file().exists());
        assert_eq!(bundle.warnings(), ["none"]);
    }

    #[test]
    fn the_bundle_is_the_machines_authorities_and_the_own_once_each() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let own = authority(folder.path());
        let machine = authority(other.path()).certificate().clone();
        let found = vec![machine.clone(), own.certificate().clone(), machine.clone()];
        let bundle = TrustBundle::write_with(&own, found, Vec::new()).unwrap();
        assert_eq!(read(&bundle.pem_file()), [own.certificate().clone(), machine]);
    }

    #[test]
    fn unchanged_files_are_left_alone_and_a_missing_one_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let own = authority(folder.path());
        let bundle = TrustBundle::write_with(&own, Vec::new(), Vec::new()).unwrap();
        let written = |path: &Path| fs::metadata(path).unwrap().ino();
        let first = (written(&bundle.pem_file()), written(&bundle.p12_file()));
        TrustBundle::write_with(&own, Vec::new(), Vec::new()).unwrap();
        assert_eq!((written(&bundle.pem_file()), written(&bundle.p12_file())), first);
        fs::remove_file(bundle.p12_file()).unwrap();
        TrustBundle::write_with(&own, Vec::new(), Vec::new()).unwrap();
        assert!(bundle.p12_file().exists());
    }
}
