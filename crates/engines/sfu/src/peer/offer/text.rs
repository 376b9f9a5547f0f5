//! The text of an offer: bounds, sections, and what is left out of it.

use super::{LINE_BYTES_MAX, MEDIA_LINES_MAX, Plan, PlanLine, Role, SDP_BYTES_MAX};
use crate::peer::OfferError;

/// Attributes in one section; the video line of a browser with every codec it knows has about 150.
const ATTRIBUTES_MAX: usize = 512;

/// An offer cut into its sections.
pub(super) struct Text<'a> {
    /// The values of the session's attributes (what stands behind `a=`).
    pub(super) session: Vec<&'a str>,
    /// The media lines in order.
    pub(super) sections: Vec<Section<'a>>,
}

/// One media line and what belongs to it.
pub(super) struct Section<'a> {
    /// `audio`, `video` or `application`.
    pub(super) kind: &'a str,
    /// The protocol, as `UDP/TLS/RTP/SAVPF`.
    pub(super) protocol: &'a str,
    /// The formats: payload types, or `webrtc-datachannel`.
    pub(super) formats: Vec<&'a str>,
    /// The values of its attributes.
    pub(super) values: Vec<&'a str>,
}

impl<'a> Section<'a> {
    /// The only value of an attribute, or nothing when there is none or more than one.
    pub(super) fn only(&self, prefix: &str) -> Option<&'a str> {
        let mut found = self.values.iter().filter_map(|value| value.strip_prefix(prefix));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The values of an attribute that are about a payload type, without its number.
    pub(super) fn of(&self, prefix: &'a str, payload_type: u8) -> impl Iterator<Item = &'a str> {
        let about = move |value: &&'a str| {
            let (number, rest) = value.strip_prefix(prefix)?.split_once(' ')?;
            (number.parse() == Ok(payload_type)).then_some(rest)
        };
        self.values.iter().filter_map(about)
    }
}

impl<'a> Text<'a> {
    /// The first fitting value of an attribute, of the session or of a line.
    pub(super) fn find(&self, prefix: &str, is_fit: impl Fn(&str) -> bool) -> Option<&'a str> {
        let lines = self.sections.iter().flat_map(|section| &section.values);
        self.session
            .iter()
            .chain(lines)
            .filter_map(|value| value.strip_prefix(prefix))
            .find(|value| is_fit(value))
    }
}

/// Cuts an offer into sections, within bounds.
pub(super) fn split(sdp: &str) -> Result<Text<'_>, OfferError> {
    if sdp.len() > SDP_BYTES_MAX {
        return Err(OfferError::TooLong(sdp.len()));
    }
    let mut text = Text { session: Vec::new(), sections: Vec::new() };
    for (index, line) in sdp.lines().enumerate() {
        if line.len() > LINE_BYTES_MAX {
            return Err(OfferError::LineTooLong(index));
        }
        let is_form = matches!(line.as_bytes(), [b'a'..=b'z', b'=', ..])
            && !line.contains(|letter: char| letter.is_control());
        if !is_form || (index == 0) != (line == "v=0") {
            return Err(OfferError::Malformed(index));
        }
        if let Some(media) = line.strip_prefix("m=") {
            if text.sections.len() >= MEDIA_LINES_MAX {
                return Err(OfferError::TooManyLines);
            }
            text.sections.push(section(media).ok_or(OfferError::Malformed(index))?);
        } else if let Some(value) = line.strip_prefix("a=") {
            let values = text.sections.last_mut().map_or(&mut text.session, |section| &mut section.values);
            if values.len() >= ATTRIBUTES_MAX {
                return Err(OfferError::Malformed(index));
            }
            values.push(value);
        }
    }
    Ok(text)
}

fn section(media: &str) -> Option<Section<'_>> {
    let mut words = media.split(' ');
    let (kind, port, protocol) = (words.next()?, words.next()?, words.next()?);
    // Port 0 in a bundle means that another line's transport is used.
    port.parse::<u16>().ok()?;
    Some(Section { kind, protocol, formats: words.collect(), values: Vec::new() })
}

/// What is passed on of a line's attributes, beside its direction.
const KEPT: [&str; 13] = [
    "mid",
    "extmap",
    "rtcp-mux",
    "rtpmap",
    "fmtp",
    "rtcp-fb",
    "ssrc",
    "ssrc-group",
    "rid",
    "simulcast",
    "sctp-port",
    "max-message-size",
    "msid",
];

/// The offer as the library gets it: written anew out of what was understood.
///
/// Left out are candidates, so that nothing is ever sent to an address that did not ask with our ufrag; codecs that are
/// not forwarded; and whatever else could make the parser stop early, as it does in silence.
pub(super) fn clean(text: &Text<'_>, plan: &Plan, setup: &str) -> String {
    let mids: Vec<&str> = plan.lines.iter().map(|line| line.mid.as_str()).collect();
    let mut cleaned = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n\
         a=fingerprint:{}\r\na=setup:{setup}\r\n",
        mids.join(" "),
        plan.ufrag,
        plan.password,
        plan.fingerprint,
    );
    for (section, line) in text.sections.iter().zip(&plan.lines) {
        let formats = match line.role {
            Role::Data => section.formats.iter().map(ToString::to_string).collect::<Vec<_>>(),
            _ => line.codecs.iter().map(|(number, _)| number.to_string()).collect(),
        };
        // All share one transport: a port of 0, as in later lines of a bundle, says nothing.
        let head = format!(
            "m={} 9 {} {}\r\nc=IN IP4 0.0.0.0\r\n",
            section.kind,
            section.protocol,
            formats.join(" ")
        );
        cleaned.push_str(&head);
        for value in section.values.iter().filter(|value| is_kept(value, line)) {
            cleaned.push_str("a=");
            cleaned.push_str(value);
            cleaned.push_str("\r\n");
        }
    }
    cleaned
}

/// What congestion control asks of packets. A voice is sent in one rate whatever it says, and the reports of every
/// listener would cost more than a tenth of what forwarding costs: voices are left out of it.
const CONGESTION: [&str; 3] = ["transport-wide-cc-extensions-01", "abs-send-time", " transport-cc"];

fn is_kept(value: &str, line: &PlanLine) -> bool {
    if line.role == Role::AudioSlot && CONGESTION.iter().any(|end| value.ends_with(end)) {
        return false;
    }
    let (name, value) = value.split_once(':').unwrap_or((value, ""));
    match name {
        "sendonly" | "recvonly" | "inactive" => line.role != Role::Data,
        "rtpmap" | "fmtp" | "rtcp-fb" => {
            let number = value.split(' ').next().unwrap_or_default();
            number == "*" || number.parse().is_ok_and(|number| line.has(number))
        }
        _ => KEPT.contains(&name),
    }
}
