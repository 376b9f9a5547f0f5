//! Both ends against each other; `vectors` against the published packets.

use super::*;
use proptest::prelude::*;

mod replay;
mod vectors;

const PROFILES: [Profile; 3] = [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm];
const STREAM: u32 = 0x5501_A0B2;
const PAYLOAD: &[u8] = b"Gallia est omnis divisa in partes tres";

/// What a DTLS exporter gave: bytes that are all different.
fn keys(profile: Profile) -> DtlsKeys {
    let material: Vec<u8> = (0..).take(2 * (profile.key_bytes() + profile.salt_bytes())).collect();
    from_dtls(profile, &material).unwrap()
}

fn pair(profile: Profile) -> (Sealer, Opener) {
    let key = keys(profile).server;
    (Sealer::new(&key).unwrap(), Opener::new(&key).unwrap())
}

fn rtp(index: u64) -> Vec<u8> {
    let [.., high, low] = index.to_be_bytes();
    let mut packet = vec![0x80, 96, high, low, 1, 2, 3, 4];
    packet.extend(STREAM.to_be_bytes());
    packet.extend(PAYLOAD);
    packet
}

/// A receiver report and a goodbye.
fn rtcp(stream: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(stream.to_be_bytes());
    packet.extend([0x81, 203, 0, 1]);
    packet.extend(stream.to_be_bytes());
    packet
}

fn sealed_rtp(sealer: &mut Sealer, index: u64) -> Vec<u8> {
    let mut packet = rtp(index);
    sealer.seal(&mut packet, RTP_HEADER_BYTES, STREAM, index).unwrap();
    packet
}

fn sealed_rtcp(sealer: &mut Sealer, stream: u32) -> Vec<u8> {
    let mut packet = rtcp(stream);
    sealer.seal_rtcp(&mut packet).unwrap();
    packet
}

fn open(opener: &mut Opener, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    checked(|out| opener.open(packet, out))
}

fn open_rtcp(opener: &mut Opener, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    checked(|out| opener.open_rtcp(packet, out))
}

/// Opens into a buffer in which something is left, and sees to it that nothing is after an error.
fn checked(opens: impl FnOnce(&mut Vec<u8>) -> Result<(), SrtpError>) -> Result<Vec<u8>, SrtpError> {
    let mut out = b"left of the packet before".to_vec();
    let opened = opens(&mut out);
    assert!(opened.is_ok() || out.is_empty(), "{opened:?} left {out:?}");
    opened.map(|()| out)
}

#[test]
fn profiles_are_known_by_their_dtls_numbers() {
    let known: Vec<_> = (0..=0xFFFF).filter_map(|id| Some((id, Profile::from_dtls_id(id)?))).collect();

    assert_eq!(known, [(1, PROFILES[0]), (7, PROFILES[1]), (8, PROFILES[2])]);
}

#[test]
fn exported_material_is_two_keys_then_two_salts() {
    for profile in PROFILES {
        let (key_bytes, salt_bytes) = (profile.key_bytes(), profile.salt_bytes());
        let material: Vec<u8> = (0..).take(2 * (key_bytes + salt_bytes)).collect();
        let salts = &material[2 * key_bytes..];

        let keys = from_dtls(profile, &material).unwrap();

        assert_eq!(keys.client.key[..key_bytes], material[..key_bytes]);
        assert_eq!(keys.server.key[..key_bytes], material[key_bytes..2 * key_bytes]);
        assert_eq!(keys.client.salt[..salt_bytes], salts[..salt_bytes]);
        assert_eq!(keys.server.salt[..salt_bytes], salts[salt_bytes..]);
        assert!(keys.client.salt[salt_bytes..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn material_of_another_length_is_refused() {
    for profile in PROFILES {
        let needed_bytes = 2 * (profile.key_bytes() + profile.salt_bytes());
        for bytes in (0..200).filter(|bytes| *bytes != needed_bytes) {
            let refused = from_dtls(profile, &vec![0; bytes]).unwrap_err();
            assert_eq!(refused, SrtpError::Material { bytes, needed_bytes });
        }
    }
}

#[test]
fn keys_are_not_printed() {
    let printed = format!("{:?}", keys(Profile::AeadAes128Gcm));

    assert_eq!(
        printed,
        "DtlsKeys { client: MasterKey { profile: AeadAes128Gcm, .. }, \
         server: MasterKey { profile: AeadAes128Gcm, .. } }"
    );
}

#[test]
fn rtp_comes_back_as_it_was() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);

        let sealed = sealed_rtp(&mut sealer, 7);

        assert_eq!(sealed.len(), rtp(7).len() + profile.tag_bytes());
        assert_eq!(sealed[..RTP_HEADER_BYTES], rtp(7)[..RTP_HEADER_BYTES]);
        assert!(!sealed.windows(4).any(|window| PAYLOAD.starts_with(window)));
        assert_eq!(open(&mut opener, &sealed), Ok(rtp(7)));
    }
}

#[test]
fn rtcp_comes_back_as_it_was() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);

        let sealed = sealed_rtcp(&mut sealer, STREAM);

        assert_eq!(sealed.len(), rtcp(STREAM).len() + profile.tag_bytes() + 4);
        assert_eq!(sealed[..8], rtcp(STREAM)[..8]);
        assert_ne!(sealed[8..16], rtcp(STREAM)[8..16]);
        assert_eq!(open_rtcp(&mut opener, &sealed), Ok(rtcp(STREAM)));
    }
}

#[test]
fn packets_without_payload_are_sealed_too() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let (header, report) = (rtp(1)[..RTP_HEADER_BYTES].to_vec(), rtcp(STREAM)[..8].to_vec());
        let (mut packet, mut compound) = (header.clone(), report.clone());

        sealer.seal(&mut packet, RTP_HEADER_BYTES, STREAM, 1).unwrap();
        sealer.seal_rtcp(&mut compound).unwrap();

        assert_eq!(open(&mut opener, &packet), Ok(header));
        assert_eq!(open_rtcp(&mut opener, &compound), Ok(report));
    }
}

#[test]
fn contributors_and_extensions_stay_readable() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let mut packet = rtp(1);
        packet[0] |= 0x12;
        let extension = [0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0];
        packet.splice(12..12, [[9, 9, 9, 9], [8, 8, 8, 8]].concat().into_iter().chain(extension));
        let clear = packet.clone();

        sealer.seal(&mut packet, 28, STREAM, 1).unwrap();

        assert_eq!(packet[..28], clear[..28]);
        assert_ne!(packet[28..clear.len()], clear[28..]);
        assert_eq!(open(&mut opener, &packet), Ok(clear));
    }
}

#[test]
fn sealing_uses_the_room_that_is_there() {
    for profile in PROFILES {
        let mut sealer = Sealer::new(&keys(profile).server).unwrap();
        for clear in [rtp(1), rtcp(STREAM)] {
            let mut packet = Vec::with_capacity(clear.len() + TRAILER_BYTES_MAX);
            packet.extend(&clear);
            let (place, room) = (packet.as_ptr(), packet.capacity());

            match clear[1] {
                96 => sealer.seal(&mut packet, RTP_HEADER_BYTES, STREAM, 1).unwrap(),
                _ => sealer.seal_rtcp(&mut packet).unwrap(),
            }

            assert!(packet.len() > clear.len());
            assert_eq!((packet.as_ptr(), packet.capacity()), (place, room));
        }
    }
}

#[test]
fn headers_that_the_packet_does_not_hold_are_refused() {
    for profile in PROFILES {
        let mut sealer = Sealer::new(&keys(profile).server).unwrap();
        let bytes = rtp(1).len();
        for header_bytes in [0, 11, bytes + 1, usize::MAX] {
            let sealed = sealer.seal(&mut rtp(1), header_bytes, STREAM, 1);
            assert_eq!(sealed, Err(SrtpError::Short { bytes }));
        }
        let report = sealer.seal_rtcp(&mut vec![0x80; 7]);
        assert_eq!(report, Err(SrtpError::Short { bytes: 7 }));
    }
}

#[test]
fn numbers_end() {
    for profile in PROFILES {
        let mut sealer = Sealer::new(&keys(profile).server).unwrap();
        let last = (1 << 48) - 1;
        assert_eq!(sealer.seal(&mut rtp(last), 12, STREAM, last), Ok(()));
        assert_eq!(sealer.seal(&mut rtp(0), 12, STREAM, last + 1), Err(SrtpError::Exhausted));

        sealer.rtcp_next = (1 << 31) - 1;
        let mut packet = rtcp(STREAM);
        sealer.seal_rtcp(&mut packet).unwrap();
        assert_eq!(open_rtcp(&mut pair(profile).1, &packet), Ok(rtcp(STREAM)));
        assert_eq!(sealer.seal_rtcp(&mut rtcp(STREAM)), Err(SrtpError::Exhausted));
    }
}

#[test]
fn every_byte_is_authentic() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let (packet, compound) = (sealed_rtp(&mut sealer, 7), sealed_rtcp(&mut sealer, STREAM));

        for at in 0..packet.len() {
            let mut changed = packet.clone();
            changed[at] ^= 1;
            assert!(open(&mut opener, &changed).is_err(), "{profile:?}: byte {at} of RTP");
        }
        for at in 0..compound.len() {
            let mut changed = compound.clone();
            changed[at] ^= 1;
            let refused = open_rtcp(&mut opener, &changed);
            assert_eq!(refused, Err(SrtpError::Forged), "{profile:?}: byte {at} of RTCP");
        }

        assert_eq!(open(&mut opener, &packet), Ok(rtp(7)));
        assert_eq!(open_rtcp(&mut opener, &compound), Ok(rtcp(STREAM)));
    }
}

#[test]
fn shortened_packets_are_refused() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let (packet, compound) = (sealed_rtp(&mut sealer, 7), sealed_rtcp(&mut sealer, STREAM));

        for bytes in 0..packet.len() {
            let refused = open(&mut opener, &packet[..bytes]).unwrap_err();
            let is_short = bytes < RTP_HEADER_BYTES + profile.tag_bytes();
            assert_eq!(refused == SrtpError::Short { bytes }, is_short, "{profile:?}: {bytes} of RTP");
        }
        for bytes in 0..compound.len() {
            let refused = open_rtcp(&mut opener, &compound[..bytes]).unwrap_err();
            let is_short = bytes < 12 + profile.tag_bytes();
            assert_eq!(refused == SrtpError::Short { bytes }, is_short, "{profile:?}: {bytes} of RTCP");
        }
    }
}

#[test]
fn other_keys_open_nothing() {
    for profile in PROFILES {
        let (mut sealer, _) = pair(profile);
        let mut opener = Opener::new(&keys(profile).client).unwrap();

        assert_eq!(open(&mut opener, &sealed_rtp(&mut sealer, 1)), Err(SrtpError::Forged));
        assert_eq!(open_rtcp(&mut opener, &sealed_rtcp(&mut sealer, STREAM)), Err(SrtpError::Forged));
    }
}

proptest! {
    #[test]
    fn foreign_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for profile in PROFILES {
            let (_, mut opener) = pair(profile);
            prop_assert!(open(&mut opener, &bytes).is_err());
            prop_assert!(open_rtcp(&mut opener, &bytes).is_err());
            // Half of what is random lacks the E flag; with it, all reaches the cipher.
            if let Some(at) = bytes.len().checked_sub(if profile.tag_bytes() == 10 { 14 } else { 4 }) {
                bytes[at] |= 0x80;
            }
            prop_assert!(open_rtcp(&mut opener, &bytes).is_err());
        }
    }

    #[test]
    fn any_payload_comes_back(
        payload in prop::collection::vec(any::<u8>(), 0..1_500),
        stream: u32,
        sequence: u16,
    ) {
        for profile in PROFILES {
            let (mut sealer, mut opener) = pair(profile);
            let mut packet = rtp(sequence.into());
            packet.truncate(8);
            packet.extend(stream.to_be_bytes());
            packet.extend(&payload);
            let clear = packet.clone();

            sealer.seal(&mut packet, RTP_HEADER_BYTES, stream, sequence.into()).unwrap();
            prop_assert_eq!(open(&mut opener, &packet), Ok(clear.clone()));

            let mut compound = clear.clone();
            sealer.seal_rtcp(&mut compound).unwrap();
            prop_assert_eq!(open_rtcp(&mut opener, &compound), Ok(clear));
        }
    }
}
