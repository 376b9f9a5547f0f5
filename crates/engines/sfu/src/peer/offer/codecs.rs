//! Which payload types of a line are kept: those of codecs that are forwarded, and their repairs.
//!
//! The library behind trusts that one number means one thing in all lines; here that is made true.

use super::text::Section;

/// More than all codecs of a browser with their repairs.
const PAYLOAD_TYPES_MAX: usize = 64;

/// RFC 9628 §6.
const VP9_DEFAULTS: [(&str, &str); 1] = [("profile-id", "0")];
/// "RTP Payload Format For AV1", version 1.0, §7.2.
const AV1_DEFAULTS: [(&str, &str); 3] = [("profile", "0"), ("level-idx", "5"), ("tier", "0")];

/// What a payload type means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    Opus,
    /// RFC 2198 of the Opus with this payload type.
    Red(u8),
    Vp8,
    /// With its parameters, which tell profiles apart.
    H264(String),
    /// Of profile 0.
    Vp9,
    /// Of the main profile, with level and tier as they are unless said.
    Av1,
    /// RFC 4588 of this payload type.
    Repair(u8),
}

impl Meaning {
    fn is_codec(&self) -> bool {
        matches!(self, Self::Opus | Self::Vp8 | Self::H264(_) | Self::Vp9 | Self::Av1)
    }
}

/// A payload type that is kept.
pub(super) type Kept = (u8, Meaning);

/// The payload types of a line that are kept, in its order.
pub(super) fn kept(section: &Section<'_>) -> Result<Vec<Kept>, &'static str> {
    let mut offered: Vec<u8> = Vec::new();
    for format in &section.formats {
        let payload_type: u8 = format.parse().map_err(|_| "a payload type is no number")?;
        if payload_type > 127 || offered.contains(&payload_type) || offered.len() >= PAYLOAD_TYPES_MAX {
            return Err("a payload type is over 127 or there twice, or there are too many");
        }
        offered.push(payload_type);
    }
    let mut known: Vec<Kept> = Vec::new();
    for payload_type in offered {
        if let Some(meaning) = meaning(section, payload_type)?
            && !known.iter().any(|(_, other)| *other == meaning)
        {
            known.push((payload_type, meaning));
        }
    }
    let codecs: Vec<u8> =
        known.iter().filter(|(_, meaning)| meaning.is_codec()).map(|(number, _)| *number).collect();
    if codecs.is_empty() {
        return Err("it has none of Opus, VP8, H.264, VP9 and AV1");
    }
    let is_of_codec = |meaning: &Meaning| match meaning {
        Meaning::Red(codec) | Meaning::Repair(codec) => codecs.contains(codec),
        _ => true,
    };
    Ok(known.into_iter().filter(|(_, meaning)| is_of_codec(meaning)).collect())
}

/// What a payload type means in a line; `None` for codecs that are not forwarded.
fn meaning(section: &Section<'_>, payload_type: u8) -> Result<Option<Meaning>, &'static str> {
    let mut maps = section.of("rtpmap:", payload_type);
    let map = match (maps.next(), maps.next()) {
        // A type with a fixed meaning (RFC 3551 §6): all of them are codecs of the last century.
        (None, _) if payload_type < 35 => return Ok(None),
        (Some(map), None) => map.to_ascii_lowercase(),
        _ => return Err("a payload type has not exactly one rtpmap"),
    };
    let mut parameters = section.of("fmtp:", payload_type);
    let (parameters, is_more) = (parameters.next().unwrap_or_default(), parameters.next().is_some());
    if is_more {
        return Err("a payload type has two fmtps");
    }
    let is_audio = section.kind == "audio";
    Ok(match map.as_str() {
        "opus/48000/2" if is_audio => Some(Meaning::Opus),
        "red/48000/2" if is_audio => {
            parameters.split('/').next().and_then(|primary| primary.parse().ok()).map(Meaning::Red)
        }
        "vp8/90000" if !is_audio => Some(Meaning::Vp8),
        "h264/90000" if !is_audio => Some(Meaning::H264(parameters.to_owned())),
        "vp9/90000" if !is_audio => is_default(parameters, &VP9_DEFAULTS).then_some(Meaning::Vp9),
        "av1/90000" if !is_audio => is_default(parameters, &AV1_DEFAULTS).then_some(Meaning::Av1),
        "rtx/90000" if !is_audio => {
            value(parameters, "apt").and_then(|codec| codec.parse().ok()).map(Meaning::Repair)
        }
        _ => None,
    })
}

/// The value of one of the parameters.
fn value<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Whether each of these parameters has its default, said or not: what is forwarded all receivers of the codec decode.
fn is_default(parameters: &str, defaults: &[(&str, &str)]) -> bool {
    defaults.iter().all(|(name, default)| value(parameters, name).is_none_or(|value| value == *default))
}

/// Whether two lines mean the same by each payload type, and have the same one for each codec.
pub(super) fn is_same(one: &[Kept], other: &[Kept]) -> bool {
    one.iter().all(|(number, meaning)| {
        other
            .iter()
            .all(|(other_number, other_meaning)| (number == other_number) == (meaning == other_meaning))
    })
}
