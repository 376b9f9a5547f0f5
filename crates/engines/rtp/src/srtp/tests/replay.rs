//! Which packets are opened once, and which rollover counter they get.

use super::*;

fn replayed(stream: u32, index: u64) -> Result<Vec<u8>, SrtpError> {
    Err(SrtpError::Replayed { stream, index })
}

#[test]
fn packets_open_once() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let (packet, compound) = (sealed_rtp(&mut sealer, 7), sealed_rtcp(&mut sealer, STREAM));

        assert_eq!(open(&mut opener, &packet), Ok(rtp(7)));
        assert_eq!(open_rtcp(&mut opener, &compound), Ok(rtcp(STREAM)));

        assert_eq!(open(&mut opener, &packet), replayed(STREAM, 7));
        assert_eq!(open_rtcp(&mut opener, &compound), replayed(STREAM, 0));
    }
}

#[test]
fn late_reports_open_within_the_window() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    let compounds: Vec<_> = (0..=128).map(|_| sealed_rtcp(&mut sealer, STREAM)).collect();

    assert_eq!(open_rtcp(&mut opener, &compounds[128]), Ok(rtcp(STREAM)));

    assert_eq!(open_rtcp(&mut opener, &compounds[0]), replayed(STREAM, 0));
    for compound in &compounds[1..128] {
        assert_eq!(open_rtcp(&mut opener, compound), Ok(rtcp(STREAM)));
    }
    for (compound, index) in compounds.iter().zip(0..) {
        assert_eq!(open_rtcp(&mut opener, compound), replayed(STREAM, index));
    }
}

#[test]
fn streams_of_one_sealer_share_their_numbers() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);

    for (stream, number) in [(1, 0), (2, 1), (1, 2), (3, 3)] {
        let compound = sealed_rtcp(&mut sealer, stream);
        assert_eq!(compound[compound.len() - 4..], [0x80, 0, 0, number]);
        assert_eq!(open_rtcp(&mut opener, &compound), Ok(rtcp(stream)));
    }
}

#[test]
fn two_sealers_of_one_key_do_not_disturb_each_other() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let (mut other, _) = pair(profile);
        let (ours, theirs) = (sealed_rtcp(&mut sealer, 1), sealed_rtcp(&mut other, 2));

        assert_eq!(open_rtcp(&mut opener, &ours), Ok(rtcp(1)));
        assert_eq!(open_rtcp(&mut opener, &theirs), Ok(rtcp(2)));
        // The payloads differ where the SSRC stands; the key streams differ elsewhere too.
        assert_ne!(ours[8..12], theirs[8..12]);
    }
}

#[test]
fn the_stream_silent_longest_is_forgotten() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    let streams = 0..u32::try_from(STREAMS_MAX).unwrap();
    let first: Vec<_> = streams.map(|stream| sealed_rtcp(&mut sealer, stream)).collect();
    for compound in &first {
        open_rtcp(&mut opener, compound).unwrap();
    }
    // Stream 0 is heard again, so that stream 1 is the one silent longest.
    open_rtcp(&mut opener, &sealed_rtcp(&mut sealer, 0)).unwrap();

    open_rtcp(&mut opener, &sealed_rtcp(&mut sealer, 1_000)).unwrap();

    assert_eq!(open_rtcp(&mut opener, &first[0]), replayed(0, 0));
    for (compound, index) in first.iter().zip(0_u32..).skip(2) {
        assert_eq!(open_rtcp(&mut opener, compound), replayed(index, index.into()));
    }
    assert_eq!(open_rtcp(&mut opener, &first[1]), Ok(rtcp(1)));
    assert_eq!(opener.rtcp_streams.count(), STREAMS_MAX);
}

#[test]
fn forgeries_are_not_remembered() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    let (mut forger, _) = pair(Profile::Aes128CmSha1_80);

    for stream in 0..100 {
        assert!(open_rtcp(&mut opener, &sealed_rtcp(&mut forger, stream)).is_err());
    }
    assert!(open(&mut opener, &sealed_rtp(&mut forger, 60_000)).is_err());

    assert_eq!((opener.rtp_streams.count(), opener.rtcp_streams.count()), (0, 0));
    assert_eq!(open(&mut opener, &sealed_rtp(&mut sealer, 1)), Ok(rtp(1)));
}

#[test]
fn unencrypted_reports_are_refused() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let mut compound = sealed_rtcp(&mut sealer, STREAM);
        let at = compound.len() - if profile == Profile::Aes128CmSha1_80 { 14 } else { 4 };

        compound[at] &= 0x7F;

        assert_eq!(open_rtcp(&mut opener, &compound), Err(SrtpError::Clear));
    }
}

#[test]
fn sequence_numbers_may_wrap_and_come_out_of_order() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        for index in [65_533, 65_535, 65_537, 65_534, 65_536, 65_538] {
            assert_eq!(open(&mut opener, &sealed_rtp(&mut sealer, index)), Ok(rtp(index)));
        }
        assert_eq!(open(&mut opener, &sealed_rtp(&mut sealer, 65_534)), replayed(STREAM, 65_534));
    }
}

#[test]
fn rollovers_are_counted_across_gaps() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        for index in (1_000..300_000).step_by(32_767) {
            assert_eq!(open(&mut opener, &sealed_rtp(&mut sealer, index)), Ok(rtp(index)));
        }
    }
}

#[test]
fn another_rollover_counter_is_a_forgery() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        assert_eq!(open(&mut opener, &sealed_rtp(&mut sealer, 65_536)), Err(SrtpError::Forged));

        // After 2 comes 65,535 of the round before, which there is not.
        open(&mut opener, &sealed_rtp(&mut sealer, 2)).unwrap();
        assert_eq!(open(&mut opener, &sealed_rtp(&mut sealer, 65_535)), Err(SrtpError::Forged));
    }
}
