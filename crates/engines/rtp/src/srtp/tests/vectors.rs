//! The packets and keys of RFC 3711 Appendix B, RFC 6188 §7, RFC 7714 §16 and §17, and of the self-test of libsrtp.

use super::super::cipher::{Cipher, Number, Protocol, derive};
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn master(profile: Profile, key: &str, salt: &str) -> MasterKey {
    let mut master = MasterKey { profile, key: [0; KEY_BYTES_MAX], salt: [0; SALT_BYTES_MAX] };
    for (place, byte) in master.key.iter_mut().zip(hex(key)) {
        *place = byte;
    }
    for (place, byte) in master.salt.iter_mut().zip(hex(salt)) {
        *place = byte;
    }
    master
}

fn derived(master: &MasterKey, label: u8, bytes: usize) -> Vec<u8> {
    let mut derived = vec![0xFF; bytes];
    derive(master, label, &mut derived).unwrap();
    derived
}

/// RFC 3711 §B.3.
fn master_of_rfc_3711() -> MasterKey {
    let (key, salt) = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
    master(Profile::Aes128CmSha1_80, key, salt)
}

#[test]
fn counter_mode_makes_the_key_stream_of_rfc_3711() {
    let mut salt = [0; SALT_BYTES_MAX];
    salt.copy_from_slice(&hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"));
    let key = hex("2B7E151628AED2A6ABF7158809CF4F3C");
    let cipher = Cipher::with_session_keys(Profile::Aes128CmSha1_80, &key, salt, &[]).unwrap();
    let Cipher::CounterMode(mode) = cipher else { panic!("the profile is counter mode") };
    let mut stream = vec![0; 0xFF02 * 16];

    mode.apply_keystream(Number { stream: 0, index: 0 }, &mut stream).unwrap();

    let first = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
                 41E95B3BB0A2E8DD477901E4FCA894C0";
    let last = "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE
                6A2CC3787889374FBEB4C81B17BA6C44";
    assert_eq!(stream[..48], hex(first));
    assert_eq!(stream[0xFEFF * 16..], hex(last));
}

#[test]
fn session_keys_are_those_of_rfc_3711() {
    let master = master_of_rfc_3711();
    let authentication = "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
                          E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
                          6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2";

    assert_eq!(derived(&master, 0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(&master, 1, 94), hex(authentication));
    assert_eq!(derived(&master, 2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
}

#[test]
fn session_keys_of_256_bits_are_those_of_rfc_6188() {
    let key = "F0F04914B513F2763A1B1FA130F10E29 98F6F6E43E4309D1E622A0E332B9F1B6";
    let master = master(Profile::AeadAes256Gcm, key, "3B04803DE51EE7C96423AB5B78D2");
    let cipher = "5BA1064E30EC51613CAD926C5A28EF73 1EC7FB397F70A960653CAF06554CD8C4";

    assert_eq!(derived(&master, 0, 32), hex(cipher));
    assert_eq!(derived(&master, 1, 20), hex("FD9C32D39ED5FBB5A9DC96B30818454D1313DC05"));
    assert_eq!(derived(&master, 2, 14), hex("FA31791685CA444A9E07C6C64E93"));
}

/// Seals RTP of `stream` and number `index`, and opens it.
fn check_rtp(key: &MasterKey, index: u64, clear: &str, sealed: &str) {
    let (mut sealer, mut opener) = (Sealer::new(key).unwrap(), Opener::new(key).unwrap());
    let (clear, sealed) = (hex(clear), hex(sealed));
    let stream = u32::from_be_bytes(clear[8..12].try_into().unwrap());
    let mut packet = clear.clone();

    sealer.seal(&mut packet, RTP_HEADER_BYTES, stream, index).unwrap();

    assert_eq!(packet, sealed);
    assert_eq!(open(&mut opener, &sealed), Ok(clear));
}

/// Seals RTCP as packet `number`, and opens it.
fn check_rtcp(mut sealer: Sealer, mut opener: Opener, number: u32, clear: &str, sealed: &str) {
    let (clear, sealed) = (hex(clear), hex(sealed));
    let mut packet = clear.clone();
    sealer.rtcp_next = number;

    sealer.seal_rtcp(&mut packet).unwrap();

    assert_eq!(packet, sealed);
    assert_eq!(open_rtcp(&mut opener, &sealed), Ok(clear));
}

#[test]
fn counter_mode_agrees_with_libsrtp() {
    let key = master_of_rfc_3711();
    check_rtp(
        &key,
        0x1234,
        "800F1234 DECAFBAD CAFEBABE ABABABAB ABABABAB ABABABAB ABABABAB",
        "800F1234 DECAFBAD CAFEBABE 4E55DC4C E79978D8 8CA4D215 949D2402 B78D6ACC 99EA179B 8DBB",
    );
    check_rtcp(
        Sealer::new(&key).unwrap(),
        Opener::new(&key).unwrap(),
        1,
        "81C8000B CAFEBABE ABABABAB ABABABAB ABABABAB ABABABAB",
        "81C8000B CAFEBABE 7128035B E487B9BD BEF89041 F977A5A8 80000001 993E08CD 54D6C123 0798",
    );
}

#[test]
fn gcm_agrees_with_libsrtp() {
    let (key, salt) = ("000102030405060708090A0B0C0D0E0F", "A0A1A2A3A4A5A6A7A8A9AAAB");
    check_rtp(
        &master(Profile::AeadAes128Gcm, key, salt),
        0x1234,
        "800F1234 DECAFBAD CAFEBABE ABABABAB ABABABAB ABABABAB ABABABAB",
        "800F1234 DECAFBAD CAFEBABE C5002EDE 04CFDD2E B91159E0 880AA06E
         D2976826 F796B201 DF3131A1 27E8A392",
    );
}

/// The packets of RFC 7714 are sealed under session keys.
fn cipher_of_rfc_7714(profile: Profile) -> Cipher {
    let key: Vec<u8> = (0..).take(profile.key_bytes()).collect();
    let mut salt = [0; SALT_BYTES_MAX];
    salt[..12].copy_from_slice(b"Quid pro quo");
    Cipher::with_session_keys(profile, &key, salt, &[]).unwrap()
}

fn pair_of_rfc_7714(profile: Profile) -> (Sealer, Opener) {
    let cipher = || cipher_of_rfc_7714(profile);
    (Sealer::with_ciphers(cipher(), cipher()), Opener::with_ciphers(cipher(), cipher(), profile.tag_bytes()))
}

#[test]
fn rtp_is_sealed_as_in_rfc_7714() {
    let clear = [&hex("8040F17B 8041F8D3 5501A0B2")[..], PAYLOAD].concat();
    let sealed_128 = "8040F17B 8041F8D3 5501A0B2 F24DE3A3 FB34DE6C ACBA861C 9D7E4BCA BE633BD5
                      0D294E6F 42A5F47A 51C7D19B 36DE3ADF 8833899D 7F27BEB1 6A9152CF 765EE439 0CCE";
    let sealed_256 = "8040F17B 8041F8D3 5501A0B2 32B1DE78 A822FE12 EF9F78FA 332E33AA B1801238
                      9A58E2F3 B50B2A02 76FFAE0F 1BA63799 B87B7AA3 DB36DFFF D6B0F9BB 7878D7A7 6C13";
    for (profile, sealed) in [(PROFILES[1], sealed_128), (PROFILES[2], sealed_256)] {
        let (mut sealer, mut opener) = pair_of_rfc_7714(profile);
        let mut packet = clear.clone();

        sealer.seal(&mut packet, RTP_HEADER_BYTES, STREAM, 0xF17B).unwrap();

        assert_eq!(packet, hex(sealed));
        assert_eq!(open(&mut opener, &packet), Ok(clear.clone()));
    }
}

/// RFC 7714 §17.
const REPORT: &str = "81C8000D 4D617273 4E545031 4E545032 52545020 0000042A 0000E930 4C756E61
                      DEADBEEF DEADBEEF DEADBEEF DEADBEEF DEADBEEF";

#[test]
fn rtcp_is_sealed_as_in_rfc_7714() {
    let sealed_128 = "81C8000D 4D617273 63E94885 DCDAB67C A727D766 2F6B7E99 7FF5C0F7 6C06F32D
                      C676A5F1 730D6FDA 4CE09B46 86303DED 0BB9275B C84AA458 96CF4D2F C5ABF872
                      45D9EADE 800005D4";
    let sealed_256 = "81C8000D 4D617273 D50AE4D1 F5CE5D30 4BA297E4 7D470C28 2C3ECE5D BFFE0A50
                      A2EAA5C1 110555BE 8415F658 C61DE047 6F1B6FAD 1D1EB30C 4446839F 57FF6F6C
                      B26AC3BE 800005D4";
    for (profile, sealed) in [(PROFILES[1], sealed_128), (PROFILES[2], sealed_256)] {
        let (sealer, opener) = pair_of_rfc_7714(profile);
        check_rtcp(sealer, opener, 0x5D4, REPORT, sealed);
    }
}

#[test]
fn reports_of_rfc_7714_that_are_only_tagged_are_refused() {
    let (tag_128, tag_256) = ("841DD968 3DD78EC9 2AE58790 125F62B3", "91DB4AFB FEEE5A97 8FAB4393 ED2615FE");
    for (profile, tag) in [(PROFILES[1], tag_128), (PROFILES[2], tag_256)] {
        let (_, mut opener) = pair_of_rfc_7714(profile);
        let tagged = hex(&[REPORT, tag, "000005D4"].concat());

        assert_eq!(open_rtcp(&mut opener, &tagged), Err(SrtpError::Clear));
    }
}

#[test]
fn reports_have_keys_of_their_own() {
    let master = master_of_rfc_3711();
    let (rtp, rtcp) = (Cipher::derive(&master, Protocol::Rtp), Cipher::derive(&master, Protocol::Rtcp));
    let sealed = |cipher: Cipher| {
        let mut packet = hex(REPORT);
        cipher.seal_rtcp(&mut packet, Number { stream: 0, index: 0 }).unwrap();
        packet
    };

    assert_ne!(sealed(rtp.unwrap()), sealed(rtcp.unwrap()));
}
