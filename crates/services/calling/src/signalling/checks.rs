//! Whether what a request says can be so, before any call is asked.

use std::sync::Arc;

use trunkline_calling_wire::{
    ClientMessage, CustomContext, Locator, ParticipantKind, Size, SourceName, Sources, Want, is_id,
};
use uuid::Uuid;

use super::opening::is_name;
use super::session::Session;
use crate::CallingService;
use crate::actor::asks::{Callee, Place};
use crate::echo;
use crate::error::CallingError;
use crate::ports::RoomRefusal;
use crate::rules::{LegId, P};

/// The longest side of a picture, in pixels: a wall of screens.
const SIDE_MAX: u16 = 8_192;
/// Pictures a client may wish for at once; as many as it may have slots.
const WANTS_MAX: usize = 50;
/// Headers of an application, and the longest key and value, in bytes: those of ACS.
const HEADERS_MAX: usize = 5;
const HEADER_KEY_BYTES_MAX: usize = 64;
const HEADER_VALUE_BYTES_MAX: usize = 1_024;
/// A piece of live text.
const TEXT_CHARS_MAX: usize = 2_000;
/// The longest raw id, in bytes.
const RAW_ID_BYTES_MAX: usize = 256;

fn malformed<T>(text: &str) -> Result<T, CallingError> {
    Err(CallingError::Malformed(text.to_owned()))
}

/// A leg's id as a client writes it.
pub(super) fn leg(text: &str) -> Result<LegId, CallingError> {
    if is_id(text) {
        Ok(text.into())
    } else {
        malformed("'leg' has 1 to 64 characters A-Z, a-z, 0-9, _ and -")
    }
}

/// The name shown: that of the message, or else of the session.
pub(super) fn name(session: &Session, said: Option<String>) -> Result<String, CallingError> {
    match said {
        Some(name) if !is_name(&name) => {
            malformed("'displayName' has at most 256 characters, and none is U+0000")
        }
        Some(name) => Ok(name),
        None => Ok(session.identity.name.clone()),
    }
}

/// Sizes of pictures.
pub(super) fn sources(sources: Sources) -> Result<Sources, CallingError> {
    let sizes = [sources.camera.flatten(), sources.screen.flatten()];
    if sizes.into_iter().flatten().all(is_size) { Ok(sources) } else { bad_size() }
}

fn is_size(size: Size) -> bool {
    (1..=SIDE_MAX).contains(&size.width) && (1..=SIDE_MAX).contains(&size.height)
}

fn bad_size<T>() -> Result<T, CallingError> {
    malformed("'width' and 'height' are 1 to 8192")
}

/// What is wished to be seen.
pub(super) fn wants(wants: Vec<Want>) -> Result<Vec<Want>, CallingError> {
    if wants.len() > WANTS_MAX {
        return malformed("'want' has at most 50 pictures");
    }
    if wants.iter().any(|want| want.source == SourceName::Audio) {
        return malformed("audio is never wished for");
    }
    if wants.iter().all(|want| is_size(want.size)) { Ok(wants) } else { bad_size() }
}

/// A piece of live text.
pub(super) fn text(text: &str) -> Result<Arc<str>, CallingError> {
    if text.chars().count() > TEXT_CHARS_MAX {
        malformed("'text' has at most 2000 characters")
    } else {
        Ok(text.into())
    }
}

/// What an application gives along.
pub(super) fn custom_context(context: Option<CustomContext>) -> Result<Option<CustomContext>, CallingError> {
    let Some(context) = context else { return Ok(None) };
    let is_short = |text: &String| text.len() <= HEADER_VALUE_BYTES_MAX && !text.contains('\0');
    let are_good = context.x_headers.len() <= HEADERS_MAX
        && context
            .x_headers
            .iter()
            .all(|header| header.key.len() <= HEADER_KEY_BYTES_MAX && is_short(&header.value))
        && context.user_to_user.as_ref().is_none_or(is_short);
    if are_good {
        Ok(Some(context))
    } else {
        malformed("'customContext' has at most 5 headers, of 64 and 1024 bytes")
    }
}

/// Numbers of participants.
pub(super) fn participants(numbers: Vec<u32>, most: usize) -> Result<Vec<P>, CallingError> {
    if numbers.len() > most {
        return malformed("more participants are named than a call has");
    }
    Ok(numbers.into_iter().map(P).collect())
}

/// Whether the token of a session permits a request.
pub(super) fn scope(session: &Session, message: &ClientMessage) -> Result<(), CallingError> {
    let (may_start, is_over) = session.with_token(|token| (token.may_start, token.is_over));
    let needs_token = matches!(
        message,
        ClientMessage::Start(_) | ClientMessage::Join(_) | ClientMessage::Accept(_) | ClientMessage::Add(_)
    );
    if needs_token && is_over {
        return Err(CallingError::NotAllowed("the token has ended; bring another one"));
    }
    if matches!(message, ClientMessage::Start(_) | ClientMessage::Add(_)) && !may_start {
        return Err(CallingError::NotAllowed("placing calls needs a token with the scope voip"));
    }
    Ok(())
}

impl CallingService {
    /// Who is called: users of the resource, or the echo test, each once.
    pub(super) async fn callees(
        &self,
        session: &Session,
        to: Vec<String>,
    ) -> Result<Vec<Callee>, CallingError> {
        if to.is_empty() {
            return malformed("'to' names nobody");
        }
        if to.len() > self.parts.settings.participants_max {
            return malformed("'to' names more people than a call may have");
        }
        if to.iter().any(|raw_id| raw_id.len() > RAW_ID_BYTES_MAX || raw_id.contains('\0')) {
            return malformed("'to' has raw ids");
        }
        if to.iter().any(|raw_id| **raw_id == *session.identity.user) {
            return malformed("nobody calls themselves");
        }
        let mut callees: Vec<Callee> = Vec::with_capacity(to.len());
        let mut users = Vec::with_capacity(to.len());
        for raw_id in to {
            let callee = if echo::is_echo(&raw_id) {
                Callee { raw_id: echo::RAW_ID.into(), kind: ParticipantKind::Echo }
            } else if raw_id.starts_with("8:acs:") {
                users.push(raw_id.clone());
                Callee { raw_id: raw_id.into(), kind: ParticipantKind::User }
            } else {
                return Err(CallingError::NoEndpoint(
                    "only users of the resource and the echo test can be called",
                ));
            };
            if callees.contains(&callee) {
                return malformed("'to' names somebody twice");
            }
            callees.push(callee);
        }
        if !users.is_empty() {
            let known = self.parts.users.known(session.identity.resource.id, users).await?;
            if known.contains(&false) {
                return Err(CallingError::NoEndpoint("somebody who is called is no user of this resource"));
            }
        }
        if callees.len() > 1 && callees.iter().any(|callee| callee.kind == ParticipantKind::Echo) {
            return Err(CallingError::NoEndpoint("the echo test is called alone"));
        }
        Ok(callees)
    }

    /// Which call somebody joins.
    pub(super) async fn place(&self, session: &Session, locator: Locator) -> Result<Place, CallingError> {
        match locator {
            Locator { group_id: Some(id), room_id: None, meeting_link: None, meeting_id: None, .. } => {
                let id = Uuid::try_parse(&id).ok();
                let id = id.ok_or_else(|| CallingError::Malformed("'groupId' is a GUID".to_owned()))?;
                Ok(Place::Group(id.hyphenated().to_string().into()))
            }
            Locator { group_id: None, room_id: Some(room), meeting_link: None, meeting_id: None, .. } => {
                let (identity, now) = (&session.identity, self.parts.clock.now());
                let admitted =
                    self.parts.rooms.admit(identity.resource.id, &room, &identity.user, now).await?;
                match admitted {
                    Ok(place) => Ok(Place::Room { id: room.as_str().into(), role: place.role }),
                    Err(RoomRefusal::NotFound) => Err(CallingError::RoomNotFound),
                    Err(RoomRefusal::NotInvited) => Err(CallingError::RoomNotInvited),
                    Err(RoomRefusal::NotOpen) => Err(CallingError::RoomNotOpen),
                }
            }
            Locator { group_id: None, room_id: None, meeting_link, meeting_id, .. }
                if meeting_link.is_some() || meeting_id.is_some() =>
            {
                Err(CallingError::MeetingUnknown)
            }
            _ => malformed("'locator' has one of groupId, roomId, meetingLink and meetingId"),
        }
    }

    /// Whether the spend limit of the resource leaves room for another call.
    pub(super) async fn guard_spend(&self, session: &Session) -> Result<(), CallingError> {
        if let Some(spend) = &self.parts.spend {
            spend.check(session.identity.resource.id, &crate::operations::CALLING_START).await?;
        }
        Ok(())
    }
}
