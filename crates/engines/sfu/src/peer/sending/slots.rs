//! The slots of a kind, by their numbers.

use super::slot::Slot;

/// Slots by number. Some may be missing: a line that is not in use yet has no stream.
#[derive(Default)]
pub(super) struct Slots(Vec<Option<Slot>>);

impl Slots {
    pub(super) fn get_mut(&mut self, index: u8) -> Option<&mut Slot> {
        self.0.get_mut(usize::from(index))?.as_mut()
    }

    /// The slot of a number, made where there is none.
    pub(super) fn get_or_insert(&mut self, index: u8, make: impl FnOnce() -> Slot) -> &mut Slot {
        let place = usize::from(index);
        if self.0.len() <= place {
            self.0.resize_with(place + 1, || None);
        }
        self.0[place].get_or_insert_with(make)
    }

    /// The slot whose medium has this SSRC.
    pub(super) fn of_stream(&mut self, stream: u32) -> Option<&mut Slot> {
        self.iter_mut().find(|slot| slot.media == stream)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.0.iter_mut().flatten()
    }
}
