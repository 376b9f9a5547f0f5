//! What one media line must be like.

use super::text::Section;
use super::{PlanLine, Role, codecs};
use crate::Layer;

/// As many as the library keeps of a name.
const MID_BYTES_MAX: usize = 16;
/// As many as the library keeps of a layer's name.
const RID_BYTES_MAX: usize = 8;
/// Three layers with their repairs, and two more.
const STREAMS_MAX: usize = 8;
/// Reads one line; `role` is asked for with its name.
pub(super) fn plan(
    section: &Section<'_>,
    role: impl FnOnce(&str) -> Result<Role, &'static str>,
) -> Result<PlanLine, &'static str> {
    let mid = section.only("mid:").ok_or("it has not exactly one mid")?;
    if !is_name(mid, MID_BYTES_MAX) {
        return Err("its mid is not 1 to 16 letters and digits");
    }
    let role = role(mid)?;
    if section.values.iter().filter(|value| value.starts_with("setup:")).count() > 1 {
        return Err("it has two setups");
    }
    let mut line = PlanLine { mid: mid.to_owned(), role, codecs: Vec::new(), rids: Vec::new() };
    if role == Role::Data {
        check_data(section)?;
    } else {
        check_direction(section, role)?;
        check_streams(section)?;
        line.codecs = codecs::kept(section)?;
        line.rids = rids(section, role)?;
    }
    Ok(line)
}

fn check_data(section: &Section<'_>) -> Result<(), &'static str> {
    if !matches!(section.protocol, "UDP/DTLS/SCTP" | "DTLS/SCTP") || section.formats != ["webrtc-datachannel"]
    {
        return Err("its protocol is not UDP/DTLS/SCTP webrtc-datachannel");
    }
    section.only("sctp-port:").map(|_| ()).ok_or("it has not exactly one sctp-port")
}

fn check_direction(section: &Section<'_>, role: Role) -> Result<(), &'static str> {
    if section.protocol != "UDP/TLS/RTP/SAVPF" {
        return Err("its protocol is not UDP/TLS/RTP/SAVPF");
    }
    if !section.values.contains(&"rtcp-mux") {
        return Err("it has no rtcp-mux");
    }
    let mut directions = section
        .values
        .iter()
        .filter(|value| matches!(**value, "sendrecv" | "sendonly" | "recvonly" | "inactive"));
    match (directions.next(), directions.next()) {
        (Some(&"inactive"), None) => Ok(()),
        (Some(&"sendonly"), None) if role.sends() => Ok(()),
        (Some(&"recvonly"), None) if !role.sends() => Ok(()),
        (Some(_), None) if role.sends() => Err("a line for sending is neither sendonly nor inactive"),
        (Some(_), None) => Err("a line for receiving is neither recvonly nor inactive"),
        _ => Err("it has not exactly one direction"),
    }
}

fn check_streams(section: &Section<'_>) -> Result<(), &'static str> {
    let mut streams: Vec<&str> = Vec::new();
    for value in section.values.iter().filter_map(|value| value.strip_prefix("ssrc:")) {
        let stream = value.split(' ').next().unwrap_or_default();
        if !streams.contains(&stream) {
            streams.push(stream);
        }
        if streams.len() > STREAMS_MAX {
            return Err("it has more than 8 streams");
        }
    }
    Ok(())
}

/// The layers of a line, lowest first.
fn rids(section: &Section<'_>, role: Role) -> Result<Vec<(String, Layer)>, &'static str> {
    let mut names = declared(section)?;
    if let Some(order) = simulcast(section)? {
        if order.len() != names.len() || !order.iter().all(|name| names.contains(name)) {
            return Err("its simulcast names other layers than its rids");
        }
        names = order;
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if role != Role::Camera {
        return Err("only the camera has layers");
    }
    if names.len() > Layer::ALL.len() {
        return Err("it has more than three layers");
    }
    let by_name: Option<Vec<Layer>> = names.iter().map(|name| layer(name)).collect();
    let layers = by_name.unwrap_or_else(|| Layer::ALL.to_vec());
    let mut rids: Vec<(String, Layer)> = names.into_iter().map(str::to_owned).zip(layers).collect();
    rids.sort_by_key(|(_, layer)| *layer);
    Ok(rids)
}

/// The layers of `a=rid`, in their order.
fn declared<'a>(section: &Section<'a>) -> Result<Vec<&'a str>, &'static str> {
    let mut names = Vec::new();
    for value in section.values.iter().filter_map(|value| value.strip_prefix("rid:")) {
        let mut words = value.split(' ');
        let name = words.next().unwrap_or_default();
        if !is_name(name, RID_BYTES_MAX) || names.contains(&name) {
            return Err("a rid is not 1 to 8 letters and digits, or is there twice");
        }
        if words.next() != Some("send") {
            return Err("a rid is not for sending");
        }
        names.push(name);
    }
    Ok(names)
}

/// The layers of `a=simulcast`, in their order.
fn simulcast<'a>(section: &Section<'a>) -> Result<Option<Vec<&'a str>>, &'static str> {
    if !section.values.iter().any(|value| value.starts_with("simulcast:")) {
        return Ok(None);
    }
    let value = section.only("simulcast:").ok_or("it has two simulcasts")?;
    let layers = value.trim_start().strip_prefix("send ").ok_or("its simulcast is not for sending only")?;
    if layers.contains([' ', ',']) {
        return Err("its simulcast has alternatives");
    }
    // A tilde says that a layer begins paused.
    Ok(Some(layers.split(';').map(|name| name.trim_start_matches('~')).collect()))
}

fn layer(name: &str) -> Option<Layer> {
    match name {
        "q" => Some(Layer::Low),
        "h" => Some(Layer::Middle),
        "f" => Some(Layer::High),
        _ => None,
    }
}

fn is_name(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_alphanumeric())
}
