//! Which role may do what.
//!
//! ```text
//!                                      Organizer, Presenter, Unknown   Attendee   Consumer
//! camera, microphone, reactions                     yes                   yes        no
//! raise the hand, see names                         yes                   yes        yes
//! share a screen, act upon others                   yes                   no         no
//! ```

use trunkline_calling_wire::{Capability, Role};

use super::legs::Leg;

const ALL: [Capability; 16] = [
    Capability::TurnVideoOn,
    Capability::UnmuteMic,
    Capability::RaiseHand,
    Capability::UseReactions,
    Capability::ShareScreen,
    Capability::MuteOthers,
    Capability::RemoveParticipant,
    Capability::AddCommunicationUser,
    Capability::AddPhoneNumber,
    Capability::SpotlightParticipant,
    Capability::RemoveParticipantsSpotlight,
    Capability::HangUpForEveryOne,
    Capability::ManageLobby,
    Capability::ForbidOthersAudio,
    Capability::ForbidOthersVideo,
    Capability::ViewAttendeeNames,
];

/// Whether a role may do it.
pub(crate) const fn allows(role: Role, capability: Capability) -> bool {
    match role {
        // In a call without roles everybody may do everything.
        Role::Unknown | Role::Organizer | Role::Presenter => true,
        Role::Attendee => matches!(
            capability,
            Capability::TurnVideoOn
                | Capability::UnmuteMic
                | Capability::RaiseHand
                | Capability::UseReactions
                | Capability::ViewAttendeeNames
        ),
        Role::Consumer => matches!(capability, Capability::RaiseHand | Capability::ViewAttendeeNames),
    }
}

/// Whether somebody of this role can be kept from speaking and showing themselves.
pub(super) const fn can_be_restricted(role: Role) -> bool {
    matches!(role, Role::Unknown | Role::Attendee)
}

impl Leg {
    /// Whether the leg may do it: by its role, and by what was forbidden to it.
    pub(crate) const fn may(&self, capability: Capability) -> bool {
        allows(self.role, capability)
            && match capability {
                Capability::UnmuteMic => self.may_speak,
                Capability::TurnVideoOn => self.may_show,
                _ => true,
            }
    }

    /// Everything the leg may do.
    pub(crate) fn capabilities(&self) -> Vec<Capability> {
        ALL.into_iter().filter(|capability| self.may(*capability)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(role: Role) -> usize {
        ALL.into_iter().filter(|capability| allows(role, *capability)).count()
    }

    #[test]
    fn every_role_has_its_capabilities() {
        for role in [Role::Unknown, Role::Organizer, Role::Presenter] {
            assert_eq!(names(role), 16);
        }
        assert_eq!(names(Role::Attendee), 5);
        assert_eq!(names(Role::Consumer), 2);
    }

    #[test]
    fn an_attendee_speaks_but_does_not_share() {
        assert!(allows(Role::Attendee, Capability::UnmuteMic));
        assert!(!allows(Role::Attendee, Capability::ShareScreen));
        assert!(!allows(Role::Attendee, Capability::MuteOthers));
        assert!(!allows(Role::Consumer, Capability::UnmuteMic));
        assert!(allows(Role::Consumer, Capability::RaiseHand));
    }
}
