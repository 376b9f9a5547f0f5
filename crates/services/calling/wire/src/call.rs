//! Words of calls: participants, kinds, states, capabilities.

use serde::{Deserialize, Serialize};

use crate::media::{Answer, Size};
use crate::reasons::Reason;

/// What kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CallKind {
    /// Between two.
    OneToOne,
    /// Among several.
    Group,
    /// In a room.
    Room,
    /// With the echo test.
    Echo,
}

/// What a participant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ParticipantKind {
    /// A user of the resource.
    User,
    /// A telephone.
    Phone,
    /// A bot.
    Bot,
    /// A recorder.
    Recorder,
    /// The echo test.
    Echo,
    /// The application itself.
    Service,
}

/// How the others see a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ParticipantState {
    /// Invited or on the way in.
    Connecting,
    /// A device of theirs rings.
    Ringing,
    /// Waits to be let in.
    InLobby,
    /// In the call.
    Connected,
    /// Holds the call.
    Hold,
    /// In the call, but the connection is lost.
    Reconnecting,
    /// Gone.
    Disconnected,
}

/// How a leg stands, for its own client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LegState {
    /// Media is being set up.
    Connecting,
    /// Somebody who was called is being rung.
    Ringing,
    /// Waits to be let in.
    InLobby,
    /// In the call.
    Connected,
    /// Held by oneself.
    Hold,
    /// Held by the other one of a one-to-one call.
    RemoteHold,
    /// The connection is lost.
    Reconnecting,
}

/// What somebody is in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Calls without roles: everybody may do everything.
    Unknown,
    /// Organises a room.
    Organizer,
    /// Presents in a room.
    Presenter,
    /// Attends in a room.
    Attendee,
    /// Only watches.
    Consumer,
}

/// What a role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capability {
    /// Send a camera's picture.
    TurnVideoOn,
    /// Speak.
    UnmuteMic,
    /// Raise the hand.
    RaiseHand,
    /// Send reactions.
    UseReactions,
    /// Share a screen.
    ShareScreen,
    /// Mute others.
    MuteOthers,
    /// Remove others.
    RemoveParticipant,
    /// Call further users in.
    AddCommunicationUser,
    /// Call telephones in.
    AddPhoneNumber,
    /// Show somebody large for everybody.
    SpotlightParticipant,
    /// Show somebody large no more.
    RemoveParticipantsSpotlight,
    /// End the call for everybody.
    HangUpForEveryOne,
    /// Let people in from the lobby.
    ManageLobby,
    /// Take the microphones of attendees away.
    ForbidOthersAudio,
    /// Take the cameras of attendees away.
    ForbidOthersVideo,
    /// See the names of attendees.
    ViewAttendeeNames,
}

/// What can be forbidden to a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forbidden {
    /// The microphone.
    Audio,
    /// The camera.
    Video,
}

/// A sign of feeling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each says itself")]
pub enum Reaction {
    Like,
    Heart,
    Laugh,
    Applause,
    Surprised,
}

/// What an application gives along with a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomContext {
    /// User to user information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_to_user: Option<String>,
    /// Headers of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub x_headers: Vec<XHeader>,
}

/// A header of the application's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XHeader {
    /// Its name; begins with `X-`.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Where a call is that somebody joins; one of the fields is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Locator {
    /// A group call: a GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// A room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    /// A meeting by its link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meeting_link: Option<String>,
    /// A meeting by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meeting_id: Option<String>,
    /// The passcode of the meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<String>,
}

/// What a participant sends, as the others see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownSources {
    /// The microphone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<ShownAudio>,
    /// The camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<Size>,
    /// A screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<Size>,
}

/// That there is audio; nothing more is said of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownAudio {}

/// A leg as the others see it; the newest object counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// The number in the call, never used twice.
    pub p: u32,
    /// The raw id.
    pub user: String,
    /// The name shown.
    pub name: String,
    /// What it is.
    pub kind: ParticipantKind,
    /// How it stands.
    pub state: ParticipantState,
    /// Its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether the microphone is off.
    pub muted: bool,
    /// Whether somebody else switched it off.
    #[serde(default, skip_serializing_if = "is_false")]
    pub server_muted: bool,
    /// What somebody forbade it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbidden: Vec<Forbidden>,
    /// The place in the order of raised hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand: Option<u32>,
    /// What it sends.
    #[serde(default)]
    pub sources: ShownSources,
    /// Why it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What is true for everybody in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallState {
    /// What kind of call.
    pub kind: CallKind,
    /// How many are in it.
    pub count: u32,
    /// Who is shown large.
    pub spotlight: Vec<u32>,
    /// Whether it is recorded.
    pub recording: bool,
    /// Whether it is written down.
    pub transcription: bool,
    /// The dominant speakers, the newest first.
    pub speakers: Vec<u32>,
    /// The chat thread that belongs to it.
    pub thread_id: Option<String>,
}

/// The reply to starting, joining, taking or rejoining a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The call.
    pub call: String,
    /// The leg.
    pub leg: String,
    /// One's own number in the call.
    pub p: u32,
    /// What lets the leg in again after the server was away.
    pub leg_token: String,
    /// The call, as other interfaces name it.
    pub server_call_id: String,
    /// What kind of call.
    pub kind: CallKind,
    /// The answer to the offer, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// Somebody who was called into a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedParticipant {
    /// The number in the call.
    pub p: u32,
    /// The raw id.
    pub user: String,
}
