//! Requests of sessions: what each wants of the rules, and its reply.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_calling_wire::{
    AddedParticipant, Answer as MediaAnswer, CallKind, Joined, Offer, ParticipantKind, Role, Size,
};
use trunkline_kernel::Entropy;

use super::asks::{
    Answer, Callee, Caller, Coming, Doing, Done, JoinCall, Place, RejoinCall, StartCall, TakeCall,
};
use super::outside::Outside;
use super::run::{Actor, Request};
use super::{Mail, notices};
use crate::echo;
use crate::error::CallingError;
use crate::rules::inputs::{Rejoining, Taking};
use crate::rules::{Effect, Input, Kind, LegId, LegState, NewLeg, P, Sources, Start, TokenHash, Update};

/// Random bytes of a leg's token: nobody guesses it.
const TOKEN_BYTES: usize = 32;

/// A request that brings a leg into the call.
struct Entry {
    request: Request,
    /// Its number, known before the call knows it.
    p: P,
    leg: LegId,
    offer: Option<Offer>,
    /// The token that lets it in again.
    token: String,
}

impl<O: Outside> Actor<O> {
    pub(super) async fn open(&mut self, mail: Mail) {
        match mail {
            Mail::Start { caller, ask, answer } => {
                let entry = self.start_entry(&caller, ask);
                self.bring_in(Ok(entry), answer).await;
            }
            Mail::Join { caller, ask, answer } => {
                let entry = self.join_entry(&caller, ask);
                self.bring_in(Ok(entry), answer).await;
            }
            Mail::Take { caller, leg, ask, answer } => {
                let entry = self.take_entry(&caller, &leg, ask);
                self.bring_in(entry, answer).await;
            }
            Mail::Rejoin { caller, leg, ask, answer } => {
                let entry = self.rejoin_entry(&caller, &leg, ask);
                self.bring_in(entry, answer).await;
            }
            Mail::Ask { caller, leg, doing, answer } => match self.leg_of(&caller, &leg) {
                Ok(p) => self.do_it(p, doing, answer).await,
                Err(why) => answer(Err(why)),
            },
            Mail::News(input) => self.happen(input).await,
            // The run loop takes it.
            Mail::Stop => {}
            #[cfg(test)]
            Mail::Panic => panic!("a test wants it"),
        }
    }

    /// Somebody comes in: tried, media, rows, reply, and only then what others are told.
    async fn bring_in(&mut self, entry: Result<Entry, CallingError>, answer: Answer<Joined>) {
        match self.try_to_bring_in(entry).await {
            Ok((joined, effects)) => {
                answer(Ok(joined));
                let follows = self.perform(&effects);
                self.go_on(follows).await;
            }
            Err(why) => answer(Err(why)),
        }
    }

    async fn try_to_bring_in(
        &mut self,
        entry: Result<Entry, CallingError>,
    ) -> Result<(Joined, Vec<Effect>), CallingError> {
        let Entry { request, p, leg, offer, token } = entry?;
        let (call, effects) = self.attempt(request, self.now())?;
        let is_new =
            self.call.as_ref().is_none_or(|call| call.leg(p).is_none_or(|leg| leg.endpoint.is_none()));
        let media = match offer {
            Some(offer) => Some(self.outside.join(p, offer).await?),
            None => None,
        };
        if let Err(cause) = self.commit(call, &effects).await {
            // Whoever comes back keeps the media that was just set up: the client has no other.
            if is_new {
                self.outside.leave(p);
            }
            return Err(cause);
        }
        Ok((self.joined(p, &leg, token, media), effects))
    }

    fn joined(&self, p: P, leg: &LegId, token: String, answer: Option<MediaAnswer>) -> Joined {
        Joined {
            call: self.facts.id.to_string(),
            leg: leg.to_string(),
            p: p.0,
            leg_token: token,
            server_call_id: self.facts.server_call_id.to_string(),
            kind: self.call.as_ref().map_or(CallKind::Group, |call| notices::kind(call.kind())),
            answer,
        }
    }

    fn start_entry(&mut self, caller: &Caller, ask: StartCall) -> Entry {
        self.facts.custom_context = ask.custom_context;
        let (token, hash) = leg_token(self.registry.entropy());
        let kind = match &*ask.to {
            [one] if one.kind == ParticipantKind::Echo => Kind::Echo,
            [_] => Kind::OneToOne,
            _ => Kind::Group { id: None },
        };
        let to = ask.to.into_iter().map(|callee| self.called(callee)).collect();
        let (leg, offer) = (Arc::clone(&ask.coming.leg), ask.coming.offer.clone());
        let starter = entering(caller, ask.coming, Role::Unknown, hash);
        Entry { request: self.start(kind, starter, to), p: P(1), leg, offer, token }
    }

    fn start(&self, kind: Kind, starter: NewLeg, to: Vec<NewLeg>) -> Request {
        let (times, limits) = self.registry.times_and_limits();
        Request::Start(Box::new(Start { kind, starter, to, times, limits }))
    }

    fn join_entry(&self, caller: &Caller, ask: JoinCall) -> Entry {
        let (token, hash) = leg_token(self.registry.entropy());
        let (leg, offer) = (Arc::clone(&ask.coming.leg), ask.coming.offer.clone());
        let (kind, role) = match ask.place {
            Place::Group(id) => (Kind::Group { id: Some(id) }, Role::Unknown),
            Place::Room { id, role } => (Kind::Room { id }, role),
        };
        let new = entering(caller, ask.coming, role, hash);
        let (request, p) = match &self.call {
            None => (self.start(kind, new, Vec::new()), P(1)),
            Some(call) => (Request::Input(Input::Join { leg: new }), call.next_p()),
        };
        Entry { request, p, leg, offer, token }
    }

    fn take_entry(&self, caller: &Caller, leg: &LegId, ask: TakeCall) -> Result<Entry, CallingError> {
        let p = self.leg_of(caller, leg)?;
        let (token, hash) = leg_token(self.registry.entropy());
        let with = Taking {
            endpoint: caller.endpoint,
            name: (!ask.coming.name.is_empty()).then(|| ask.coming.name.clone()),
            agent: caller.agent.to_string(),
            is_muted: ask.coming.is_muted,
            token: hash,
            sources: sources_of(&ask.coming),
        };
        let request = Request::Input(Input::Accept { p, with });
        Ok(Entry { request, p, leg: Arc::clone(leg), offer: ask.coming.offer, token })
    }

    fn rejoin_entry(&self, caller: &Caller, leg: &LegId, ask: RejoinCall) -> Result<Entry, CallingError> {
        let call = self.call.as_ref().ok_or(CallingError::UnknownCall)?;
        let is_theirs = |known: &crate::rules::Leg| known.id == *leg && known.user == caller.user;
        let p = call
            .legs()
            .find(|(_, known)| is_theirs(known))
            .map(|(p, _)| p)
            .ok_or(CallingError::UnknownCall)?;
        let (token, fresh) = leg_token(self.registry.entropy());
        let with = Rejoining {
            endpoint: caller.endpoint,
            token: ask.token,
            fresh,
            is_muted: ask.coming.is_muted,
            is_hand_raised: ask.is_hand_raised,
            sources: sources_of(&ask.coming),
        };
        let request = Request::Input(Input::Rejoin { p, with });
        Ok(Entry { request, p, leg: Arc::clone(leg), offer: ask.coming.offer, token })
    }

    /// The leg of that id, when it belongs to the session, or is called and belongs to its user.
    fn leg_of(&self, caller: &Caller, leg: &LegId) -> Result<P, CallingError> {
        let call = self.call.as_ref().ok_or(CallingError::UnknownCall)?;
        let found = call.legs().find(|(_, known)| known.id == *leg && known.state != LegState::Over);
        let (p, known) = found.ok_or(CallingError::UnknownCall)?;
        let is_theirs = known.endpoint == Some(caller.endpoint)
            || known.endpoint.is_none() && known.user == caller.user && known.state.is_asked();
        match is_theirs {
            true => Ok(p),
            // A device that was too late.
            false if known.user == caller.user && known.invited_by.is_some() => Err(CallingError::NotNow),
            false => Err(CallingError::UnknownCall),
        }
    }

    fn called(&self, callee: Callee) -> NewLeg {
        let is_echo = callee.kind == ParticipantKind::Echo;
        NewLeg {
            id: self.registry.entropy().uuid().to_string().into(),
            user: callee.raw_id,
            name: if is_echo { echo::NAME.to_owned() } else { String::new() },
            agent: String::new(),
            kind: callee.kind,
            role: Role::Unknown,
            endpoint: None,
            token: None,
            is_muted: !is_echo,
            waits_in_lobby: false,
            sources: Sources::default(),
        }
    }

    async fn do_it(&mut self, p: P, doing: Doing, answer: Answer<Done>) {
        let is_asked =
            self.call.as_ref().and_then(|call| call.leg(p)).is_some_and(|leg| leg.state.is_asked());
        let input = match doing {
            // Somebody who is called has no media before they take the call.
            Doing::Offer(_) | Doing::Want { .. } | Doing::Report(_) if is_asked => {
                return answer(Err(CallingError::NotNow));
            }
            Doing::Offer(offer) => {
                return answer(self.outside.renew(p, offer).await.map(|answer| Done::Answered { answer }));
            }
            Doing::Want { wants, shown_max } => {
                self.outside.wants(p, wants, shown_max);
                return answer(Ok(Done::Done {}));
            }
            Doing::Report(body) => {
                self.reports.insert(p, body);
                return answer(Ok(Done::Done {}));
            }
            Doing::Dtmf => return answer(Err(CallingError::NotNow)),
            Doing::Add { to } => return self.add(p, to, answer).await,
            doing => input_of(p, doing),
        };
        let Some(input) = input else { return answer(Err(CallingError::NotNow)) };
        if is_told_at_once(&input) {
            return self.go(input, answer).await;
        }
        match self.ask(input).await {
            Ok(effects) => {
                answer(Ok(Done::Done {}));
                let follows = self.perform(&effects);
                self.go_on(follows).await;
            }
            Err(why) => answer(Err(why)),
        }
    }

    async fn ask(&mut self, input: Input) -> Result<Vec<Effect>, CallingError> {
        let (call, effects) = self.attempt(Request::Input(input), self.now())?;
        self.commit(call, &effects).await?;
        Ok(effects)
    }

    /// Does what only the rules refuse, whether the store takes it now or not.
    async fn go(&mut self, input: Input, answer: Answer<Done>) {
        match self.take_step(input).await {
            Ok(effects) => {
                answer(Ok(Done::Done {}));
                let follows = self.perform(&effects);
                self.go_on(follows).await;
            }
            Err(why) => answer(Err(why)),
        }
    }

    async fn add(&mut self, by: P, to: Vec<Callee>, answer: Answer<Done>) {
        let first = self.call.as_ref().map_or(1, |call| call.next_p().0);
        let numbers = first..;
        let added =
            numbers.zip(&to).map(|(p, callee)| AddedParticipant { p, user: callee.raw_id.to_string() });
        let reply = Done::Added { added: added.collect() };
        let legs = to.into_iter().map(|callee| self.called(callee)).collect();
        match self.ask(Input::Add { by, legs }).await {
            Ok(effects) => {
                answer(Ok(reply));
                let follows = self.perform(&effects);
                self.go_on(follows).await;
            }
            Err(why) => answer(Err(why)),
        }
    }
}

/// What a request is for the rules; `None` for what is not theirs.
fn input_of(p: P, doing: Doing) -> Option<Input> {
    Some(match doing {
        Doing::Seen => Input::Reached { p },
        Doing::Decline { is_busy } => Input::Decline { p, is_busy },
        Doing::HangUp { for_everyone } => Input::HangUp { p, for_everyone },
        Doing::Remove { p: whom } => Input::Remove { by: p, p: whom },
        Doing::Admit { who } => Input::Admit { by: p, who },
        Doing::Refuse { who } => Input::Refuse { by: p, who },
        Doing::Mute { is_muted } => Input::Mute { p, is_muted },
        Doing::MuteOthers { p: whom } => Input::MuteOthers { by: p, p: whom },
        Doing::Hold { is_held } => Input::Hold { p, is_held },
        Doing::Hand { whose, is_raised } => Input::Hand { by: p, whose, is_raised },
        Doing::React { reaction } => Input::React { p, reaction },
        Doing::Spotlight { add, remove, clear } => Input::Spotlight { by: p, add, remove, clear },
        Doing::Text { text } => Input::Text { p, text },
        Doing::Access { audio, video, who } => Input::Access { by: p, audio, video, who },
        Doing::Sources(sources) => {
            Input::Sources { p, camera: update(sources.camera), screen: update(sources.screen) }
        }
        Doing::Add { .. } | Doing::Dtmf | Doing::Offer(_) | Doing::Report(_) | Doing::Want { .. } => {
            return None;
        }
    })
}

/// Whether something is done without being tried on a copy first: most of it has no row, and what somebody who leaves
/// wants is not refused for want of one.
const fn is_told_at_once(input: &Input) -> bool {
    matches!(
        input,
        Input::HangUp { .. }
            | Input::Decline { .. }
            | Input::Reached { .. }
            | Input::Mute { .. }
            | Input::MuteOthers { .. }
            | Input::Hand { .. }
            | Input::React { .. }
            | Input::Spotlight { .. }
            | Input::Text { .. }
            | Input::Sources { .. }
    )
}

#[expect(clippy::option_option, reason = "absent, null and a value are three things on the wire")]
fn update(said: Option<Option<Size>>) -> Update<Size> {
    match said {
        None => Update::Keep,
        Some(None) => Update::End,
        Some(Some(size)) => Update::Set(size),
    }
}

fn sources_of(coming: &Coming) -> Sources {
    Sources { camera: coming.sources.camera.flatten(), screen: coming.sources.screen.flatten() }
}

fn entering(caller: &Caller, coming: Coming, role: Role, token: TokenHash) -> NewLeg {
    NewLeg {
        sources: sources_of(&coming),
        id: coming.leg,
        user: Arc::clone(&caller.user),
        name: coming.name,
        agent: caller.agent.to_string(),
        kind: ParticipantKind::User,
        role,
        endpoint: Some(caller.endpoint),
        token: Some(token),
        is_muted: coming.is_muted,
        waits_in_lobby: false,
    }
}

fn leg_token(entropy: &dyn Entropy) -> (String, TokenHash) {
    let mut bytes = [0; TOKEN_BYTES];
    entropy.fill(&mut bytes);
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = token_hash(&token);
    (token, hash)
}

/// What is kept of a leg's token.
pub(crate) fn token_hash(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_knows_only_the_hash_of_a_token() {
        let (token, hash) = leg_token(&trunkline_kernel::SeededEntropy::new(1));
        assert_eq!(token.len(), 43);
        assert_eq!(token_hash(&token), hash);
        assert_ne!(token_hash("another"), hash);
    }
}
