//! The answer's text, finished: what the library leaves open and clients look at.

use str0m::IceCreds;

use super::lines::MediaLines;
use super::offer::{PlanLine, Role};

/// What is asked of the microphone's encoder: silence costs nothing, lost packets can be made good, and a voice needs
/// no more than this many bits per second.
const MIC_PARAMETERS: [&str; 3] = ["usedtx=1", "useinbandfec=1", "maxaveragebitrate=40000"];

/// Finishes an answer.
///
/// - Each slot has a stream of its own, shared by the audio and video slot of one number: clients keep lips and voice
///   together within a stream, and the room puts one participant into both where it can.
/// - Opus stands before RED: browsers send RED always when it is first, at twice the rate.
/// - Codecs of video stand as in the offer: clients send the first one.
/// - Candidates end: there will be no others.
pub(super) fn finish(answer: &str, lines: &MediaLines, credentials: &IceCreds) -> String {
    let mut finished =
        Finished { text: String::with_capacity(answer.len() + 1024), credentials, opus: String::new() };
    let plan = lines.plan().map(|plan| plan.lines.as_slice()).unwrap_or_default();
    let (mut audio, mut video) = (0, 0);
    for (index, section) in sections(answer).enumerate() {
        // The session stands before the first line.
        let offered = index.checked_sub(1).and_then(|index| plan.get(index));
        let stream = match offered.map(|line| line.role) {
            Some(Role::AudioSlot) => Some(stream("a", &mut audio)),
            Some(Role::VideoSlot) => Some(stream("v", &mut video)),
            _ => None,
        };
        finished.section(section, offered, stream.as_deref(), index == 1);
    }
    finished.text
}

struct Finished<'a> {
    text: String,
    credentials: &'a IceCreds,
    // The payload type of Opus in the section at hand.
    opus: String,
}

impl Finished<'_> {
    fn section(&mut self, section: &str, offered: Option<&PlanLine>, stream: Option<&str>, is_first: bool) {
        self.opus = payload_type(section, "opus/").unwrap_or_default();
        let red = payload_type(section, "red/");
        for line in section.lines() {
            match line.split_once(':').unwrap_or((line, "")) {
                ("a=ice-ufrag", _) => self.line(&format!("a=ice-ufrag:{}", self.credentials.ufrag)),
                ("a=ice-pwd", _) => self.line(&format!("a=ice-pwd:{}", self.credentials.pass)),
                // The old ufrag stands there after a restart; the section's own says enough.
                ("a=candidate", value) => {
                    self.line(&format!("a=candidate:{}", value.split(" ufrag ").next().unwrap_or(value)));
                }
                ("a=msid-semantic", _) => self.line("a=msid-semantic: WMS *"),
                ("a=msid", _) => {}
                ("a=ssrc", value) if value.contains(" msid:") => {}
                ("a=fmtp", value) if offered.is_some_and(|offered| offered.role == Role::Mic) => {
                    self.parameters(value);
                }
                _ if line.starts_with("m=audio ") => self.opus_first(line, red.as_deref()),
                _ if line.starts_with("m=video ") => self.as_offered(line, offered),
                _ => self.line(line),
            }
        }
        if let Some(stream) = stream {
            self.line(&format!("a=msid:{stream}"));
        }
        if is_first {
            self.line("a=end-of-candidates");
        }
    }

    fn parameters(&mut self, value: &str) {
        let (payload_type, given) = value.split_once(' ').unwrap_or((value, ""));
        if payload_type != self.opus {
            return self.line(&format!("a=fmtp:{value}"));
        }
        let name = |parameter: &str| parameter.split('=').next().unwrap_or_default().to_owned();
        let kept = given
            .split(';')
            .filter(|one| !one.is_empty() && !MIC_PARAMETERS.iter().any(|ours| name(ours) == name(one)));
        let all: Vec<&str> = kept.chain(MIC_PARAMETERS).collect();
        self.line(&format!("a=fmtp:{payload_type} {}", all.join(";")));
    }

    fn opus_first(&mut self, line: &str, red: Option<&str>) {
        let mut words: Vec<&str> = line.split(' ').collect();
        let place = |words: &[&str], wanted: Option<&str>| {
            words.iter().skip(3).position(|word| Some(*word) == wanted).map(|at| at + 3)
        };
        if let (Some(red), Some(opus)) = (place(&words, red), place(&words, Some(self.opus.as_str())))
            && red < opus
        {
            words.swap(red, opus);
        }
        self.line(&words.join(" "));
    }

    fn as_offered(&mut self, line: &str, offered: Option<&PlanLine>) {
        let mut words: Vec<&str> = line.split(' ').collect();
        let place = |word: &str| offered?.place(word.parse().ok()?);
        // Behind the kind, the port and the protocol.
        if let Some(types) = words.get_mut(3..) {
            types.sort_by_key(|word| place(word).unwrap_or(usize::MAX));
        }
        self.line(&words.join(" "));
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push_str("\r\n");
    }
}

/// The session and the media sections, each from its first line to before the next.
fn sections(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.find("\nm=").map(|at| at + 1);
        rest = end.map(|end| &text[end..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// The payload type of a codec in a section.
fn payload_type(section: &str, codec: &str) -> Option<String> {
    let mut maps = section.lines().filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '));
    maps.find(|(_, name)| {
        name.len() >= codec.len() && name.as_bytes()[..codec.len()].eq_ignore_ascii_case(codec.as_bytes())
    })
    .map(|(number, _)| number.to_owned())
}

/// The stream and the track of the next slot of a kind.
fn stream(kind: &str, next: &mut usize) -> String {
    let number = *next;
    *next += 1;
    format!("s{number} {kind}{number}")
}
