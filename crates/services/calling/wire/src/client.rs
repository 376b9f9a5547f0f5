//! What clients say.
//!
//! | module | what |
//! |---|---|
//! | [`opening`] | how sessions begin and go on |
//! | [`calls`] | how legs come into calls |
//! | [`doing`] | what is done in a call |
//! | [`media`] | what is said of media |

mod calls;
mod doing;
mod media;
mod opening;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use calls::{Accept, Join, OfLeg, Reject, Rejoin, Start};
pub use doing::{
    Access, Add, Dtmf, Hand, HangUp, Lobby, Mute, MuteOthers, React, Remove, Spotlight, Survey, Text,
};
pub use media::{MediaOffer, MediaReport, MediaSources, MediaWant};
pub use opening::{Client, Hello, Ping, Resume, Token};

/// Why a message is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is no such type of message.
    UnknownType,
    /// A field is missing or is not what it should be.
    Malformed(String),
}

/// A message of a client, by its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "t")]
#[expect(missing_docs, reason = "each is documented at its content and in docs/signalling.md")]
pub enum ClientMessage {
    #[serde(rename = "hello")]
    Hello(Hello),
    #[serde(rename = "resume")]
    Resume(Resume),
    #[serde(rename = "ping")]
    Ping(Ping),
    #[serde(rename = "token")]
    Token(Token),
    #[serde(rename = "call.start")]
    Start(Start),
    #[serde(rename = "call.join")]
    Join(Join),
    #[serde(rename = "ring.seen")]
    RingSeen(OfLeg),
    #[serde(rename = "call.accept")]
    Accept(Accept),
    #[serde(rename = "call.reject")]
    Reject(Reject),
    #[serde(rename = "call.rejoin")]
    Rejoin(Rejoin),
    #[serde(rename = "call.hangUp")]
    HangUp(HangUp),
    #[serde(rename = "call.add")]
    Add(Add),
    #[serde(rename = "call.remove")]
    Remove(Remove),
    #[serde(rename = "call.mute")]
    Mute(Mute),
    #[serde(rename = "call.muteOthers")]
    MuteOthers(MuteOthers),
    #[serde(rename = "call.hold")]
    Hold(OfLeg),
    #[serde(rename = "call.resume")]
    Unhold(OfLeg),
    #[serde(rename = "call.hand")]
    Hand(Hand),
    #[serde(rename = "call.react")]
    React(React),
    #[serde(rename = "call.spotlight")]
    Spotlight(Spotlight),
    #[serde(rename = "call.text")]
    Text(Text),
    #[serde(rename = "call.access")]
    Access(Access),
    #[serde(rename = "call.admit")]
    Admit(Lobby),
    #[serde(rename = "call.refuse")]
    Refuse(Lobby),
    #[serde(rename = "call.dtmf")]
    Dtmf(Dtmf),
    #[serde(rename = "media.offer")]
    Offer(MediaOffer),
    #[serde(rename = "media.sources")]
    Sources(MediaSources),
    #[serde(rename = "media.want")]
    Want(MediaWant),
    #[serde(rename = "media.report")]
    Report(MediaReport),
    #[serde(rename = "call.survey")]
    Survey(Survey),
}

impl ClientMessage {
    /// Reads a message of type `kind`.
    pub fn read(kind: &str, text: &str) -> Result<Self, ReadError> {
        Ok(match kind {
            "hello" => Self::Hello(content(text)?),
            "resume" => Self::Resume(content(text)?),
            "ping" => Self::Ping(content(text)?),
            "token" => Self::Token(content(text)?),
            "call.start" => Self::Start(content(text)?),
            "call.join" => Self::Join(content(text)?),
            "ring.seen" => Self::RingSeen(content(text)?),
            "call.accept" => Self::Accept(content(text)?),
            "call.reject" => Self::Reject(content(text)?),
            "call.rejoin" => Self::Rejoin(content(text)?),
            "call.hangUp" => Self::HangUp(content(text)?),
            "call.add" => Self::Add(content(text)?),
            "call.remove" => Self::Remove(content(text)?),
            "call.mute" => Self::Mute(content(text)?),
            "call.muteOthers" => Self::MuteOthers(content(text)?),
            "call.hold" => Self::Hold(content(text)?),
            "call.resume" => Self::Unhold(content(text)?),
            "call.hand" => Self::Hand(content(text)?),
            "call.react" => Self::React(content(text)?),
            "call.spotlight" => Self::Spotlight(content(text)?),
            "call.text" => Self::Text(content(text)?),
            "call.access" => Self::Access(content(text)?),
            "call.admit" => Self::Admit(content(text)?),
            "call.refuse" => Self::Refuse(content(text)?),
            "call.dtmf" => Self::Dtmf(content(text)?),
            "media.offer" => Self::Offer(content(text)?),
            "media.sources" => Self::Sources(content(text)?),
            "media.want" => Self::Want(content(text)?),
            "media.report" => Self::Report(content(text)?),
            "call.survey" => Self::Survey(content(text)?),
            _ => return Err(ReadError::UnknownType),
        })
    }

    /// The type, as it stands in `t`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Resume(_) => "resume",
            Self::Ping(_) => "ping",
            Self::Token(_) => "token",
            Self::Start(_) => "call.start",
            Self::Join(_) => "call.join",
            Self::RingSeen(_) => "ring.seen",
            Self::Accept(_) => "call.accept",
            Self::Reject(_) => "call.reject",
            Self::Rejoin(_) => "call.rejoin",
            Self::HangUp(_) => "call.hangUp",
            Self::Add(_) => "call.add",
            Self::Remove(_) => "call.remove",
            Self::Mute(_) => "call.mute",
            Self::MuteOthers(_) => "call.muteOthers",
            Self::Hold(_) => "call.hold",
            Self::Unhold(_) => "call.resume",
            Self::Hand(_) => "call.hand",
            Self::React(_) => "call.react",
            Self::Spotlight(_) => "call.spotlight",
            Self::Text(_) => "call.text",
            Self::Access(_) => "call.access",
            Self::Admit(_) => "call.admit",
            Self::Refuse(_) => "call.refuse",
            Self::Dtmf(_) => "call.dtmf",
            Self::Offer(_) => "media.offer",
            Self::Sources(_) => "media.sources",
            Self::Want(_) => "media.want",
            Self::Report(_) => "media.report",
            Self::Survey(_) => "call.survey",
        }
    }
}

fn content<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    serde_json::from_str(text).map_err(|cause| ReadError::Malformed(cause.to_string()))
}
