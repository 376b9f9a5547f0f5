//! Session descriptions.

use trunkline_sfu::{Accepted, NamedMids, Now, OfferError, Peer};

use crate::peer::{OFFER, Seen, accept, new_peer};

/// A text, and behind a zero byte a second one, and behind another one names of lines with spaces between.
pub(crate) fn run(bytes: &[u8]) {
    let texts: Vec<String> =
        bytes.splitn(3, |byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let mids = names(texts.get(2).map_or("", String::as_str));
    let mut peer = new_peer();
    match accept(&mut peer, &texts[0], &mids, Now::ZERO) {
        Ok(accepted) => check_answer(&texts[0], &accepted),
        Err(error) => {
            check_refusal(&error);
            // Nothing was changed by it.
            accept(&mut peer, OFFER, &NamedMids::default(), Now::ZERO)
                .expect("a good offer is taken after a bad one");
            return;
        }
    }
    stays_silent(&mut peer, Now::ZERO);
    if let Some(second) = texts.get(1).filter(|text| !text.is_empty()) {
        match accept(&mut peer, second, &mids, Now::from_millis(10)) {
            Ok(accepted) => {
                check_answer(second, &accepted);
                assert_eq!(accepted.epoch, 2);
                return;
            }
            Err(error) => check_refusal(&error),
        }
    }
    let again = accept(&mut peer, &texts[0], &mids, Now::from_millis(20)).expect("the same offer again");
    assert_eq!(again.epoch, 2, "what was refused does not count");
    check_answer(&texts[0], &again);
    stays_silent(&mut peer, Now::from_millis(20));
}

fn names(text: &str) -> NamedMids {
    let mut words = text.split(' ').map(|word| (!word.is_empty()).then(|| word.to_owned()));
    let mut next = || words.next().flatten();
    NamedMids { mic: next(), camera: next(), screen: next() }
}

/// What our check and the library's parser pass, the transport takes: a refusal there could leave a connection half
/// changed.
fn check_refusal(error: &OfferError) {
    assert!(!matches!(error, OfferError::Refused(_) | OfferError::Ended), "{error}");
}

fn check_answer(offer: &str, accepted: &Accepted) {
    let lines = |text: &str, start| text.lines().filter(|line| line.starts_with(start)).count();
    let answer = &accepted.answer;
    assert_eq!(lines(offer, "m="), lines(answer, "m="), "each line is answered");
    assert!(answer.starts_with("v=0\r\n") && answer.contains("a=ice-lite\r\n"));
    assert!(
        answer.len() <= 2 * offer.len() + 1_000 * lines(offer, "m=") + 2_000,
        "the answer is much longer"
    );
    for line in answer.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']) && line.as_bytes().get(1) == Some(&b'='), "{line:?}");
        assert!(
            !line.starts_with("a=candidate") || line.contains(" 192.0.2.1 10000 "),
            "a foreign address: {line}"
        );
    }
    assert!(accepted.lines.audio <= 16 && accepted.lines.video <= 50);
}

/// Nothing is sent to anybody before he has checked.
fn stays_silent(peer: &mut Peer, now: Now) {
    let mut seen = Seen::default();
    for wait_ms in [0, 5] {
        let now = now + Now::from_millis(wait_ms);
        peer.handle_timeout(now).expect("it goes on");
        peer.drain(now, &mut seen).expect("it goes on");
    }
    assert!(seen.sent.is_empty(), "{:?}", seen.sent);
}
