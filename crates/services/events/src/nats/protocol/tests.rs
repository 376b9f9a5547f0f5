//! What a server says is read however it is cut; what we say is read back as it was meant.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn read_all(chunks: &[&[u8]]) -> Result<Vec<ServerMessage>, ProtocolError> {
    let mut parser = Parser::default();
    let mut messages = Vec::new();
    for chunk in chunks {
        parser.push(chunk);
        while let Some(message) = parser.next()? {
            messages.push(message);
        }
    }
    Ok(messages)
}

#[test]
fn messages_of_a_server_are_read() {
    let bytes = b"INFO {\"server_id\":\"X\",\"max_payload\":64,\"headers\":true,\"tls_required\":true} \r\nPING\r\npong\r\n+OK\r\n-ERR 'Authorization Violation'\r\n";
    let info = Info { max_payload: 64, headers: true, tls_required: true, ldm: false };
    let expected = vec![
        ServerMessage::Info(info),
        ServerMessage::Ping,
        ServerMessage::Pong,
        ServerMessage::Ok,
        ServerMessage::Error("Authorization Violation".to_owned()),
    ];
    assert_eq!(read_all(&[bytes]), Ok(expected.clone()));
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read_all(&single), Ok(expected));
}

#[test]
fn what_no_server_says_is_refused() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\n"[..],
        b"\r\n",
        b"INFO nothing\r\n",
        b"\xff\xfe\r\n",
        b"MSG a 1 1\r\n",
    ] {
        assert_eq!(read_all(&[bytes]), Err(ProtocolError::Unknown), "{bytes:?}");
    }
    let endless = vec![b'x'; LINE_BYTES_MAX + 1];
    assert_eq!(read_all(&[&endless]), Err(ProtocolError::TooLong));
}

#[test]
fn a_publication_has_the_published_form() {
    let message = NatsMessage { headers: vec![("Nats-Msg-Id", "1".to_owned())], payload: Bytes::from("{}") };
    let mut out = Vec::new();
    write_publish(&mut out, "acs.events", &message, true);
    assert_eq!(out, b"HPUB acs.events 28 30\r\nNATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n{}\r\n");
    out.clear();
    write_publish(&mut out, "acs.events", &message, false);
    assert_eq!(out, b"PUB acs.events 2\r\n{}\r\n");
}

#[test]
fn subjects_have_tokens_without_wildcards() {
    for subject in ["a", "acs.events", "a.b-c_d.1", "ünï.cødé"] {
        assert!(is_subject(subject), "{subject}");
    }
    let long = "a".repeat(SUBJECT_BYTES_MAX + 1);
    for subject in
        ["", ".", "a.", ".a", "a..b", "a.*", ">", "a.>", "a b", "a\r\nPUB b 0", "a\tb", long.as_str()]
    {
        assert!(!is_subject(subject), "{subject}");
    }
}

/// What a server reads: subject, header lines, payload; and what is left.
fn read_publication(bytes: &[u8]) -> (String, Vec<String>, Vec<u8>, &[u8]) {
    let end = bytes.windows(2).position(|window| window == b"\r\n").expect("a control line");
    let line = std::str::from_utf8(&bytes[..end]).expect("text");
    let words: Vec<&str> = line.split(' ').collect();
    let number = |word: &str| word.parse::<usize>().expect("a length");
    let (header_bytes, all_bytes) = match words[0] {
        "PUB" => (0, number(words[2])),
        "HPUB" => (number(words[2]), number(words[3])),
        other => panic!("{other} publishes nothing"),
    };
    let body = &bytes[end + 2..];
    let header = std::str::from_utf8(&body[..header_bytes]).expect("text");
    let lines = header.split("\r\n").skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let (payload, rest) = (&body[header_bytes..all_bytes], &body[all_bytes..]);
    (
        words[1].to_owned(),
        lines,
        payload.to_vec(),
        rest.strip_prefix(b"\r\n").expect("the end of the message"),
    )
}

proptest! {
    #[test]
    fn publications_are_read_back(
        publications in proptest::collection::vec(
            ("[a-zA-Z0-9_.-]{1,40}", proptest::option::of("[^\r\n]{0,40}|.*"), proptest::collection::vec(any::<u8>(), 0..200)),
            1..5,
        ),
        has_headers: bool,
    ) {
        let mut out = Vec::new();
        for (subject, value, payload) in &publications {
            let headers = value.iter().map(|value| ("Ce-Id", value.clone())).collect();
            let message = NatsMessage { headers, payload: Bytes::from(payload.clone()) };
            let before = out.len();
            write_publish(&mut out, subject, &message, has_headers);
            prop_assert!(out.len() - before > size_bytes(&message, has_headers));
        }
        let mut rest = &out[..];
        for (subject, value, payload) in &publications {
            let (read_subject, lines, read_payload, after) = read_publication(rest);
            prop_assert_eq!(&read_subject, subject);
            prop_assert_eq!(&read_payload, payload);
            prop_assert_eq!(lines.len(), usize::from(has_headers && value.is_some()));
            rest = after;
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn no_bytes_of_a_server_are_too_much(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..20)) {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        drop(read_all(&chunks));
    }

    #[test]
    fn messages_are_read_however_they_are_cut(cuts in proptest::collection::vec(1..20_usize, 1..40)) {
        let bytes: &[u8] = b"INFO {\"headers\":true}\r\nPING\r\n-ERR 'Stale Connection'\r\nPONG\r\n";
        let whole = read_all(&[bytes]).expect("messages");
        let mut chunks = Vec::new();
        let mut rest = bytes;
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        prop_assert_eq!(read_all(&chunks).expect("messages"), whole);
    }
}
