//! Which payload types of a line are kept: those of codecs that are forwarded, and their repairs.
//!
//! The library behind trusts that one number means one thing in all lines; here that is made true.

use super::text::Section;

/// More than all codecs of a browser with their repairs.
const PAYLOAD_TYPES_MAX: usize = 64;

/// What a payload type means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    Opus,
    /// RFC 2198 of the Opus with this payload type.
    Red(u8),
    Vp8,
    /// With its parameters, which tell profiles apart.
    H264(String),
    /// RFC 4588 of this payload type.
    Repair(u8),
}

impl Meaning {
    fn is_codec(&self) -> bool {
        matches!(self, Self::Opus | Self::Vp8 | Self::H264(_))
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
        return Err("it has none of Opus, VP8 and H.264");
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
        "rtx/90000" if !is_audio => {
            let apt = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("apt="));
            apt.and_then(|codec| codec.parse().ok()).map(Meaning::Repair)
        }
        _ => None,
    })
}

/// Whether two lines mean the same by each payload type, and have the same one for each codec.
pub(super) fn is_same(one: &[Kept], other: &[Kept]) -> bool {
    one.iter().all(|(number, meaning)| {
        other
            .iter()
            .all(|(other_number, other_meaning)| (number == other_number) == (meaning == other_meaning))
    })
}
