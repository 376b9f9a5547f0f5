//! What is said over the connection: Socket.IO 0.9 frames `TYPE:ID[+]:ENDPOINT[:DATA]`, and the SDK's part.
//!
//! ```text
//! server                                         client
//! 1::                                    ──►
//!                                        ◄──     5:1+::{"name":"user.activity",…}     answered within 10 s
//! 3:::{"id":7,"method":"POST",…}         ──►
//!                                        ◄──     3:::{"id":7,"status":200,…}
//!                                        ◄──     5:2+::{"name":"ping"}   only while none is out, 5 s
//! 6:::2+["pong"]                         ──►
//! 2::                                    ──►     ◄── 2::
//! 5:::{"name":"trouter.reconnect",…}     ──►     a new connection beside this one
//! ```

use std::time::Duration;

use serde_json::Value;

/// The client pings when it has heard nothing of the kind for this long.
const PING_EVERY: Duration = Duration::from_secs(40);
/// A ping not answered within this time ends the connection.
const PING_ANSWER: Duration = Duration::from_secs(5);
/// So does a report of activity within this time; the next one follows as long after the answer.
const ACTIVITY_ANSWER: Duration = Duration::from_secs(10);

/// What follows the number of a report of activity.
const ACTIVITY: &str =
    "+::{\"name\":\"user.activity\",\"args\":[{\"state\":\"active\",\"cv\":\"AAAAAAAAAAAAAAAAAAAAAA.0\"}]}";

/// A frame of the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerFrame<'a> {
    /// The connection stands.
    Connected,
    /// A sign of life, to be returned.
    Heartbeat,
    /// A request of the server through the connection.
    Delivery(Delivery<'a>),
    /// An event; the JSON text of `{"name","args"}`.
    Event(&'a str),
    /// The answer to an event of this end.
    Ack(u64),
    /// The server ends the connection, and may say why.
    Disconnect(Option<&'a str>),
    /// Nothing, so that a poll ends.
    Noop,
}

/// A request of the server: a notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery<'a> {
    /// Its number on this connection, from 1.
    pub id: u64,
    /// The whole request as JSON text.
    pub request: &'a str,
}

impl Delivery<'_> {
    /// The path it was sent to and its body, which is JSON inside of JSON.
    ///
    /// **Errors**: a sentence when it does not have the shape the SDK wants.
    pub fn read(&self) -> Result<(String, Value), String> {
        let wrong = |what: &str| format!("a delivery {what}: {}", self.request);
        let request: Value = serde_json::from_str(self.request).map_err(|_| wrong("is no JSON"))?;
        if request["method"] != "POST" || !request["headers"].is_object() {
            return Err(wrong("has another method than POST, or no headers"));
        }
        let url = request["url"].as_str().ok_or_else(|| wrong("has no url"))?.to_owned();
        let body = request["body"].as_str().ok_or_else(|| wrong("has no text as body"))?;
        let body = serde_json::from_str(body).map_err(|_| wrong("has a body that is no JSON"))?;
        Ok((url, body))
    }
}

/// Reads one frame; `None` for a text that is none.
pub fn parse(text: &str) -> Option<ServerFrame<'_>> {
    let mut parts = text.splitn(4, ':');
    let (kind, _id, _endpoint, data) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    match kind {
        "0" => Some(ServerFrame::Disconnect(data)),
        "1" => Some(ServerFrame::Connected),
        "2" => Some(ServerFrame::Heartbeat),
        "3" => {
            let request = data?;
            Some(ServerFrame::Delivery(Delivery { id: delivery_id(request)?, request }))
        }
        "5" => Some(ServerFrame::Event(data?)),
        "6" => data?.split('+').next()?.parse().ok().map(ServerFrame::Ack),
        "8" => Some(ServerFrame::Noop),
        _ => None,
    }
}

/// The id of a request, without reading all of it where it stands first.
fn delivery_id(request: &str) -> Option<u64> {
    if let Some(rest) = request.strip_prefix("{\"id\":") {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        return rest[..end].parse().ok();
    }
    serde_json::from_str::<Value>(request).ok()?["id"].as_u64()
}

/// Frames to be sent, in one buffer that is used again and again.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Frames {
    /// Adds a frame.
    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// Adds a frame with a number in it.
    fn push_numbered(&mut self, before: &str, number: u64, after: &str) {
        self.bytes.extend_from_slice(before.as_bytes());
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            digits[start] = b'0' + u8::try_from(rest % 10).expect("a digit");
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes.extend_from_slice(&digits[start..]);
        self.push(after);
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each frame's bytes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// Forgets them and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Why the client gives a connection up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lost {
    /// A ping was not answered in 5 s.
    NoPong,
    /// A report of activity was not answered in 10 s.
    NoActivityAnswer,
    /// The server said so, with its reason: `unauthorized` asks for a new token.
    Disconnected(Option<String>),
    /// The socket ended.
    Ended(String),
}

/// What a frame of the server comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happened<'a> {
    /// Nothing the application would see.
    Nothing,
    /// The connection stands.
    Connected,
    /// A notification.
    Delivery(Delivery<'a>),
    /// The client is asked to connect again; with `is_same_host` with its parameters.
    Move {
        /// Whether the parameters stay good.
        is_same_host: bool,
    },
    /// The server ends the connection.
    Disconnected(Option<&'a str>),
}

/// The SDK's side of one connection. `now` is monotonic time.
#[derive(Debug)]
pub struct Session {
    /// Whether deliveries are answered; a client that hangs answers nothing.
    pub is_answering: bool,
    /// Whether the server has said that the connection stands.
    pub is_connected: bool,
    /// Whether reports of activity and pings are sent: not by polling clients.
    is_pinging: bool,
    next_event: u64,
    ping: Option<(u64, Duration)>,
    activity: Option<(u64, Duration)>,
    next_ping: Duration,
    next_activity: Option<Duration>,
}

impl Session {
    /// A session whose connection is being made.
    pub fn new(is_pinging: bool, is_answering: bool, now: Duration) -> Self {
        let next_ping = now + PING_EVERY;
        Self {
            is_answering,
            is_connected: false,
            is_pinging,
            next_event: 1,
            ping: None,
            activity: None,
            next_ping,
            next_activity: None,
        }
    }

    /// Takes a frame, and writes what the SDK says to it.
    pub fn handle<'a>(&mut self, text: &'a str, now: Duration, out: &mut Frames) -> Happened<'a> {
        match parse(text) {
            Some(ServerFrame::Connected) => {
                self.is_connected = true;
                if self.is_pinging {
                    self.report_activity(now, out);
                }
                Happened::Connected
            }
            Some(ServerFrame::Heartbeat) => {
                out.push("2::");
                Happened::Nothing
            }
            Some(ServerFrame::Delivery(delivery)) => {
                if self.is_answering {
                    const AFTER: &str =
                        ",\"status\":200,\"headers\":{\"trouter-client\":\"{\\\"cd\\\":0}\"},\"body\":\"\"}";
                    out.push_numbered("3:::{\"id\":", delivery.id, AFTER);
                    self.ping(now, out);
                }
                Happened::Delivery(delivery)
            }
            Some(ServerFrame::Event(json)) => read_event(json),
            Some(ServerFrame::Ack(number)) => {
                self.acknowledged(number, now);
                Happened::Nothing
            }
            Some(ServerFrame::Disconnect(reason)) => Happened::Disconnected(reason),
            Some(ServerFrame::Noop) | None => Happened::Nothing,
        }
    }

    /// When [`Session::expire`] has something to do.
    pub fn deadline(&self) -> Duration {
        let answers = [
            self.ping.map(|(_, sent)| sent + PING_ANSWER),
            self.activity.map(|(_, sent)| sent + ACTIVITY_ANSWER),
        ];
        let times =
            answers.into_iter().chain([self.next_activity, self.is_pinging.then_some(self.next_ping)]);
        times.flatten().min().unwrap_or(Duration::MAX)
    }

    /// Does what is due at `now`.
    ///
    /// **Errors**: an answer did not come in time, and the SDK would connect again.
    pub fn expire(&mut self, now: Duration, out: &mut Frames) -> Result<(), Lost> {
        if self.ping.is_some_and(|(_, sent)| now >= sent + PING_ANSWER) {
            return Err(Lost::NoPong);
        }
        if self.activity.is_some_and(|(_, sent)| now >= sent + ACTIVITY_ANSWER) {
            return Err(Lost::NoActivityAnswer);
        }
        if self.next_activity.is_some_and(|due| now >= due) {
            self.report_activity(now, out);
        }
        if self.is_pinging && now >= self.next_ping {
            self.ping(now, out);
        }
        Ok(())
    }

    fn report_activity(&mut self, now: Duration, out: &mut Frames) {
        self.next_activity = None;
        self.activity = Some((self.next_event, now));
        self.push_event(ACTIVITY, out);
    }

    fn ping(&mut self, now: Duration, out: &mut Frames) {
        if !self.is_pinging || self.ping.is_some() {
            return;
        }
        self.ping = Some((self.next_event, now));
        self.next_ping = now + PING_EVERY;
        self.push_event("+::{\"name\":\"ping\"}", out);
    }

    fn push_event(&mut self, after: &str, out: &mut Frames) {
        out.push_numbered("5:", self.next_event, after);
        self.next_event += 1;
    }

    fn acknowledged(&mut self, number: u64, now: Duration) {
        if self.ping.is_some_and(|(sent, _)| sent == number) {
            self.ping = None;
        }
        if self.activity.is_some_and(|(sent, _)| sent == number) && self.activity.take().is_some() {
            // The SDK reports once more after the first answer, and then when the state changes.
            self.next_activity = (number == 1).then_some(now + ACTIVITY_ANSWER);
        }
    }
}

fn read_event(json: &str) -> Happened<'_> {
    let Ok(event) = serde_json::from_str::<Value>(json) else { return Happened::Nothing };
    if event["name"] != "trouter.reconnect" {
        return Happened::Nothing;
    }
    Happened::Move { is_same_host: event["args"][0]["target"] == "self" }
}

/// The frames of one answer to a poll: one as it is, several each as `\u{fffd}LENGTH\u{fffd}FRAME` with the
/// length in UTF-16 units.
///
/// **Errors**: a sentence when a length does not fit.
pub fn read_batch(text: &str) -> Result<Vec<&str>, String> {
    if !text.starts_with('\u{fffd}') {
        return Ok(if text.is_empty() { Vec::new() } else { vec![text] });
    }
    let mut frames = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let wrong = || format!("a batch goes on with {:?}", rest.chars().take(20).collect::<String>());
        let (length, after) =
            rest.strip_prefix('\u{fffd}').and_then(|rest| rest.split_once('\u{fffd}')).ok_or_else(wrong)?;
        let mut left: usize = length.parse().map_err(|_| wrong())?;
        let mut end = 0;
        for letter in after.chars() {
            if left == 0 {
                break;
            }
            left = left.checked_sub(letter.len_utf16()).ok_or_else(wrong)?;
            end += letter.len_utf8();
        }
        if left > 0 {
            return Err(wrong());
        }
        let (frame, next) = after.split_at(end);
        frames.push(frame);
        rest = next;
    }
    Ok(frames)
}

/// Several frames of the client for one POST, in the same shape.
pub fn write_batch(frames: &Frames) -> Vec<u8> {
    let texts: Vec<&str> =
        frames.iter().map(|bytes| std::str::from_utf8(bytes).expect("frames are text")).collect();
    if let [one] = texts.as_slice() {
        return one.as_bytes().to_vec();
    }
    let framed = texts.iter().map(|text| format!("\u{fffd}{}\u{fffd}{text}", text.encode_utf16().count()));
    framed.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn texts(out: &mut Frames) -> Vec<String> {
        let texts = out.iter().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).collect();
        out.clear();
        texts
    }

    #[test]
    fn frames_of_a_server_are_read() {
        assert_eq!(parse("1::"), Some(ServerFrame::Connected));
        assert_eq!(parse("2::"), Some(ServerFrame::Heartbeat));
        assert_eq!(parse("6:::12+[\"pong\"]"), Some(ServerFrame::Ack(12)));
        assert_eq!(parse("6:::3"), Some(ServerFrame::Ack(3)));
        assert_eq!(parse("8::"), Some(ServerFrame::Noop));
        assert_eq!(parse("0::"), Some(ServerFrame::Disconnect(None)));
        assert_eq!(parse("0:::{}"), Some(ServerFrame::Disconnect(Some("{}"))));
        let request = "{\"id\":7,\"method\":\"POST\",\"url\":\"a:b\"}";
        let text = format!("3:::{request}");
        assert_eq!(parse(&text), Some(ServerFrame::Delivery(Delivery { id: 7, request })));
        assert_eq!(
            parse("3:::{\"method\":\"POST\",\"id\":9}")
                .map(|frame| matches!(frame, ServerFrame::Delivery(delivery) if delivery.id == 9)),
            Some(true)
        );
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn a_delivery_is_answered_and_pinged_once_until_the_pong() {
        let mut session = Session::new(true, true, seconds(0));
        let mut out = Frames::default();
        assert_eq!(session.handle("1::", seconds(0), &mut out), Happened::Connected);
        assert!(texts(&mut out)[0].starts_with("5:1+::{\"name\":\"user.activity\""));
        for id in 1..4 {
            let request = format!("3:::{{\"id\":{id},\"method\":\"POST\"}}");
            session.handle(&request, seconds(1), &mut out);
        }
        let said = texts(&mut out);
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].starts_with("3:::{\"id\":1,\"status\":200"));
        assert_eq!(said[1], "5:2+::{\"name\":\"ping\"}");
        assert_eq!(session.expire(seconds(5), &mut out), Ok(()));
        session.handle("6:::2+[]", seconds(5), &mut out);
        session.handle("6:::1+[]", seconds(5), &mut out);
        assert_eq!(session.deadline(), seconds(15));
        session.expire(seconds(15), &mut out).unwrap();
        assert!(texts(&mut out)[0].starts_with("5:3+::{\"name\":\"user.activity\""));
        session.handle("6:::3+[]", seconds(16), &mut out);
        assert_eq!(session.deadline(), seconds(41));
    }

    #[test]
    fn answers_that_do_not_come_end_the_connection() {
        let mut out = Frames::default();
        let mut session = Session::new(true, true, seconds(0));
        session.handle("1::", seconds(0), &mut out);
        assert_eq!(session.expire(seconds(9), &mut out), Ok(()));
        assert_eq!(session.expire(seconds(10), &mut out), Err(Lost::NoActivityAnswer));
        session.handle("6:::1+[]", seconds(10), &mut out);
        session.handle("3:::{\"id\":1}", seconds(11), &mut out);
        assert_eq!(session.expire(seconds(16), &mut out), Err(Lost::NoPong));
    }

    #[test]
    fn a_move_is_understood() {
        let happened = |text: &str| {
            let mut session = Session::new(true, true, seconds(0));
            format!("{:?}", session.handle(text, seconds(0), &mut Frames::default()))
        };
        let to = |target: &str| {
            format!("5:::{{\"name\":\"trouter.reconnect\",\"args\":[{{\"target\":\"{target}\"}}]}}")
        };
        assert_eq!(happened(&to("self")), "Move { is_same_host: true }");
        assert_eq!(happened(&to("host")), "Move { is_same_host: false }");
        assert_eq!(happened("5:::{\"name\":\"trouter.connected\",\"args\":[{}]}"), "Nothing");
    }

    #[test]
    fn batches_are_counted_in_utf16_units() {
        assert_eq!(read_batch("1::"), Ok(vec!["1::"]));
        assert_eq!(read_batch("\u{fffd}3\u{fffd}1::\u{fffd}6\u{fffd}3:::😀"), Ok(vec!["1::", "3:::😀"]));
        assert!(read_batch("\u{fffd}9\u{fffd}1::").is_err());
        let mut frames = Frames::default();
        frames.push("2::");
        assert_eq!(write_batch(&frames), b"2::");
        frames.push("é");
        assert_eq!(
            String::from_utf8(write_batch(&frames)).unwrap(),
            "\u{fffd}3\u{fffd}2::\u{fffd}1\u{fffd}é"
        );
    }
}
