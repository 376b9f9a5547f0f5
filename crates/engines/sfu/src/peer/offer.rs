//! What an offer must be like, checked before any parser of others sees it.
//!
//! ```text
//! text ─► bounds of size and form ─► sections ─► each line by its place (role) ─► same as before? ─► Plan
//! ```
//!
//! The order of audio and video lines says what they are for: microphone, camera, screen, then slots. What passes is
//! such that the library behind takes it: a refusal there could leave a connection half changed.

mod codecs;
mod line;
mod text;

use super::OfferError;
use crate::Layer;
use text::{Section, Text};

/// Twice an offer of Firefox with all the slots there can be.
pub(super) const SDP_BYTES_MAX: usize = 128 * 1024;
/// Far above the longest line of any client, which is the payload types of a video line.
pub(super) const LINE_BYTES_MAX: usize = 4 * 1024;
/// Microphone, camera, screen, data, and the slots below.
pub(super) const MEDIA_LINES_MAX: usize = 4 + AUDIO_SLOTS_MAX + VIDEO_SLOTS_MAX;
/// More voices at once nobody can tell apart.
const AUDIO_SLOTS_MAX: usize = 16;
/// A gallery of 49, and the screen.
const VIDEO_SLOTS_MAX: usize = 50;

/// Which lines a client sends on, by `mid`. All absent: by order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NamedMids {
    /// The microphone's line.
    pub mic: Option<String>,
    /// The camera's line.
    pub camera: Option<String>,
    /// The screen's line.
    pub screen: Option<String>,
}

/// What an offer asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// The offer as the library gets it; empty in a plan that is kept.
    pub(super) cleaned: String,
    pub(super) lines: Vec<PlanLine>,
    pub(super) ufrag: String,
    pub(super) password: String,
    fingerprint: String,
    /// The client tells what arrived (transport-wide feedback) where it receives video.
    pub(super) has_transport_feedback: bool,
}

/// What one line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PlanLine {
    pub(super) mid: String,
    pub(super) role: Role,
    codecs: Vec<codecs::Kept>,
    /// Lowest layer first; only the camera's line has any.
    pub(super) rids: Vec<(String, Layer)>,
}

impl PlanLine {
    /// Whether a payload type was offered for this line.
    pub(super) fn has(&self, payload_type: u8) -> bool {
        self.place(payload_type).is_some()
    }

    /// How many stand before a payload type in the offer.
    pub(super) fn place(&self, payload_type: u8) -> Option<usize> {
        self.codecs.iter().position(|(number, _)| *number == payload_type)
    }
}

/// What a line is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Mic,
    Camera,
    Screen,
    AudioSlot,
    VideoSlot,
    Data,
}

impl Role {
    /// Whether the client sends on such a line.
    pub(super) fn sends(self) -> bool {
        matches!(self, Self::Mic | Self::Camera | Self::Screen)
    }
}

/// Checks an offer, and whether it goes on from the one before.
///
/// # Errors
/// [`OfferError`] saying what is wrong.
pub(super) fn check(sdp: &str, mids: &NamedMids, before: Option<&Plan>) -> Result<Plan, OfferError> {
    let text = text::split(sdp)?;
    let setup = check_session(&text)?;
    let lines = plan_lines(&text, mids)?;
    check_bundle(&text, &lines)?;
    let fingerprint =
        text.find("fingerprint:", is_fingerprint).ok_or(OfferError::Missing("sha-256 fingerprint"))?;
    let fingerprint = fingerprint.to_ascii_uppercase().replace("SHA-256", "sha-256");
    let ufrag =
        text.find("ice-ufrag:", |value| is_ice_text(value, 4)).ok_or(OfferError::Missing("ice-ufrag"))?;
    let password =
        text.find("ice-pwd:", |value| is_ice_text(value, 22)).ok_or(OfferError::Missing("ice-pwd"))?;
    let mut plan = Plan {
        cleaned: String::new(),
        ufrag: ufrag.to_owned(),
        password: password.to_owned(),
        has_transport_feedback: has_transport_feedback(&text, &lines),
        fingerprint,
        lines,
    };
    plan.cleaned = text::clean(&text, &plan, setup);
    if let Some(before) = before {
        check_renewal(before, &plan)?;
    }
    Ok(plan)
}

/// What the session must be like; answers the role in DTLS.
fn check_session<'a>(text: &Text<'a>) -> Result<&'a str, OfferError> {
    if text.session.contains(&"ice-lite") {
        // Neither end would send the first check.
        return Err(OfferError::Missing("full ICE: this client is ICE-lite, as the server is"));
    }
    if text.sections.is_empty() {
        return Err(OfferError::Missing("media line"));
    }
    let setup = text.find("setup:", |_| true).ok_or(OfferError::Missing("setup"))?;
    if setup != "actpass" && setup != "active" {
        return Err(OfferError::Missing("setup of `actpass` or `active`: the server is passive"));
    }
    Ok(setup)
}

fn plan_lines(text: &Text<'_>, mids: &NamedMids) -> Result<Vec<PlanLine>, OfferError> {
    let mut roles = Roles::new(mids);
    let mut lines = Vec::with_capacity(text.sections.len());
    for (index, section) in text.sections.iter().enumerate() {
        let line = line::plan(section, |mid| roles.next(section, mid))
            .map_err(|what| OfferError::Line { line: index, what })?;
        if lines.iter().any(|other: &PlanLine| other.mid == line.mid) {
            return Err(OfferError::Line { line: index, what: "its mid is that of another line" });
        }
        if !lines.iter().all(|other| codecs::is_same(&other.codecs, &line.codecs)) {
            return Err(OfferError::Line {
                line: index,
                what: "a payload type means something else in another line",
            });
        }
        lines.push(line);
    }
    roles.finish()?;
    Ok(lines)
}

/// Gives lines their roles by name or by order.
struct Roles<'a> {
    mids: &'a NamedMids,
    is_by_order: bool,
    taken: Vec<Role>,
}

impl<'a> Roles<'a> {
    fn new(mids: &'a NamedMids) -> Self {
        Self { mids, is_by_order: *mids == NamedMids::default(), taken: Vec::new() }
    }

    fn next(&mut self, section: &Section<'_>, mid: &str) -> Result<Role, &'static str> {
        let role = match section.kind {
            "audio" if self.is(self.mids.mic.as_ref(), Role::Mic, mid) => Role::Mic,
            "audio" => Role::AudioSlot,
            "video" if self.is(self.mids.camera.as_ref(), Role::Camera, mid) => Role::Camera,
            "video" if self.is(self.mids.screen.as_ref(), Role::Screen, mid) => Role::Screen,
            "video" => Role::VideoSlot,
            "application" => Role::Data,
            _ => return Err("only audio, video and application are taken"),
        };
        let most = match role {
            Role::AudioSlot => AUDIO_SLOTS_MAX,
            Role::VideoSlot => VIDEO_SLOTS_MAX,
            _ => 1,
        };
        if self.taken.iter().filter(|other| **other == role).count() >= most {
            return Err(if role == Role::Data {
                "a second application line"
            } else {
                "more receiving lines than can be filled"
            });
        }
        self.taken.push(role);
        Ok(role)
    }

    fn is(&self, named: Option<&String>, role: Role, mid: &str) -> bool {
        if self.is_by_order { !self.taken.contains(&role) } else { named.is_some_and(|named| named == mid) }
    }

    /// Every name must have been met.
    fn finish(&self) -> Result<(), OfferError> {
        let named = [
            (&self.mids.mic, Role::Mic),
            (&self.mids.camera, Role::Camera),
            (&self.mids.screen, Role::Screen),
        ];
        if named.iter().any(|(mid, role)| mid.is_some() && !self.taken.contains(role)) {
            return Err(OfferError::Missing("line of its kind for a name in `mids`"));
        }
        Ok(())
    }
}

/// One transport carries all lines, and the group names them in their order.
fn check_bundle(text: &Text<'_>, lines: &[PlanLine]) -> Result<(), OfferError> {
    let mut groups = text.session.iter().filter_map(|value| value.strip_prefix("group:BUNDLE"));
    let group = groups.next().ok_or(OfferError::Missing("group of BUNDLE"))?;
    if groups.next().is_some() {
        return Err(OfferError::Missing("single group of BUNDLE: there are two"));
    }
    if !group.split_ascii_whitespace().eq(lines.iter().map(|line| line.mid.as_str())) {
        return Err(OfferError::Missing("group of BUNDLE with all lines in their order"));
    }
    Ok(())
}

/// A later offer may only add lines, and begin ICE anew.
fn check_renewal(before: &Plan, plan: &Plan) -> Result<(), OfferError> {
    if plan.fingerprint != before.fingerprint {
        return Err(OfferError::Changed("the fingerprint"));
    }
    if plan.lines.len() < before.lines.len() {
        return Err(OfferError::Changed("the number of lines to fewer"));
    }
    for (old, new) in before.lines.iter().zip(&plan.lines) {
        if (&old.mid, old.role) != (&new.mid, new.role) {
            return Err(OfferError::Changed("what a line is for"));
        }
        if old.rids != new.rids {
            return Err(OfferError::Changed("the layers of the camera"));
        }
        if !codecs::is_same(&old.codecs, &new.codecs) {
            return Err(OfferError::Changed("what a payload type means"));
        }
    }
    Ok(())
}

fn has_transport_feedback(text: &Text<'_>, lines: &[PlanLine]) -> bool {
    text.sections.iter().zip(lines).any(|(section, line)| {
        line.role == Role::VideoSlot
            && section
                .values
                .iter()
                .any(|value| value.starts_with("rtcp-fb:") && value.ends_with(" transport-cc"))
    })
}

/// `sha-256 ` and 32 bytes in hexadecimal (RFC 8122 §5).
fn is_fingerprint(value: &str) -> bool {
    let Some((name, hex)) = value.split_once(' ') else {
        return false;
    };
    let is_byte = |byte: &str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    name.eq_ignore_ascii_case("sha-256") && hex.split(':').count() == 32 && hex.split(':').all(is_byte)
}

/// RFC 8839 §5.4.
fn is_ice_text(value: &str, least: usize) -> bool {
    (least..=256).contains(&value.len())
        && value.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'+' || letter == b'/')
}
