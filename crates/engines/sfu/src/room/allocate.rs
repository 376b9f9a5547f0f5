//! Which layers a receiver's bandwidth is spent on.
//!
//! ```text
//! views in order of importance ─► 1. the lowest layer of each, while it fits
//!                                2. of the first, where none fits and it may be tried
//!                                3. rounds: one layer up for each, while it fits and is wished
//! ```

use super::bandwidth::{Bandwidth, Budget};
use crate::{Layer, Now};

/// Part of the budget that a raise must fit into, so that it lasts.
const RAISE_PERCENT: u64 = 85;

/// A picture that competes for bandwidth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct View {
    /// The highest layer that makes sense.
    pub(super) wish: Layer,
    /// What each layer takes.
    pub(super) costs: [u64; 3],
    /// What it has now.
    pub(super) target: Option<Layer>,
    /// Whether it was given anything before: a first picture needs no care.
    pub(super) is_new: bool,
    pub(super) may_raise: bool,
}

/// What all views of a receiver get.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Allocation {
    /// A layer for each view, or none.
    pub(super) targets: Vec<Option<Layer>>,
    /// What the network should carry for the cheapest next step, or for what is shown already; 0 when all is as wished
    /// and known to have room.
    pub(super) minimum_bps: u64,
    /// What it should carry for all wishes.
    pub(super) desired_bps: u64,
}

/// Divides what the receiver can take among `views`, the most important first.
pub(super) fn allocate(views: &[View], budget: Budget, audio_bps: u64) -> Allocation {
    let mut division = Division { budget, used: 0, targets: vec![None; views.len()] };
    for (index, view) in views.iter().enumerate() {
        division.raise(index, view);
    }
    division.show_one(views);
    for _ in 1..Layer::ALL.len() {
        for (index, view) in views.iter().enumerate() {
            // Paused views have been tried.
            if division.targets[index].is_some() {
                division.raise(index, view);
            }
        }
    }
    let (minimum_bps, desired_bps) = division.bitrates(views, audio_bps);
    Allocation { targets: division.targets, minimum_bps, desired_bps }
}

struct Division {
    budget: Budget,
    used: u64,
    targets: Vec<Option<Layer>>,
}

impl Division {
    /// One layer up, if it is wished and fits.
    fn raise(&mut self, index: usize, view: &View) {
        let Some(next) = above(self.targets[index]).filter(|next| *next <= view.wish) else { return };
        let is_kept = Some(next) <= view.target;
        let limit = match (is_kept, next) {
            (true, Layer::Low) => self.budget.keep_lowest_bps,
            (true, _) => self.budget.keep_bps,
            (false, Layer::Low) if view.is_new => self.budget.show_bps,
            (false, _) => self.budget.raise_bps,
        };
        let limit = if is_kept || view.is_new { limit } else { limit / 100 * RAISE_PERCENT };
        let total = self.used + step_cost(view, self.targets[index], next);
        if total <= limit && (is_kept || view.is_new || view.may_raise) {
            self.used = total;
            self.targets[index] = Some(next);
        }
    }

    /// The most important picture, where there is room for none: of who gets nothing it is not known what there is.
    fn show_one(&mut self, views: &[View]) {
        if self.budget.may_try
            && self.targets.iter().all(Option::is_none)
            && let Some(first) = views.first()
        {
            self.targets[0] = Some(Layer::Low);
            self.used = first.costs[Layer::Low as usize];
        }
    }

    fn bitrates(&self, views: &[View], audio_bps: u64) -> (u64, u64) {
        let steps = views.iter().zip(&self.targets).filter_map(|(view, target)| {
            let next = above(*target).filter(|next| *next <= view.wish)?;
            Some(step_cost(view, *target, next))
        });
        let carried = |bps: u64| Bandwidth::estimate_for(bps * 100 / RAISE_PERCENT, audio_bps);
        let wishes: u64 = views.iter().map(|view| view.costs[view.wish as usize]).sum();
        let minimum = match steps.min() {
            Some(step) => carried(self.used + step),
            // Shown on good faith: without probing an estimate that is too low would stay so.
            None if self.is_in_doubt() => Bandwidth::estimate_for(self.used, audio_bps),
            None => 0,
        };
        (minimum, carried(wishes))
    }

    /// Whether more is shown than could be raised to.
    fn is_in_doubt(&self) -> bool {
        self.budget.raise_bps < self.used * 100 / RAISE_PERCENT
    }
}

fn above(layer: Option<Layer>) -> Option<Layer> {
    match layer {
        None => Some(Layer::Low),
        Some(Layer::Low) => Some(Layer::Middle),
        Some(Layer::Middle) => Some(Layer::High),
        Some(Layer::High) => None,
    }
}

fn step_cost(view: &View, from: Option<Layer>, to: Layer) -> u64 {
    let has = from.map_or(0, |from| view.costs[from as usize]);
    view.costs[to as usize].saturating_sub(has)
}

/// Whether a figure has changed so much that it is worth telling: by more than a tenth.
pub(super) fn is_news(told: u64, now: u64) -> bool {
    told.abs_diff(now) > told / 10
}

/// How often a receiver whose wishes are not met is looked at again.
pub(super) const RETRY: Now = Now::from_millis(200);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COSTS: [u64; 3] = [150_000, 500_000, 1_200_000];

    fn view(wish: Layer) -> View {
        View { wish, costs: COSTS, target: None, is_new: true, may_raise: true }
    }

    fn budget(bps: u64) -> Budget {
        Budget { keep_bps: bps, keep_lowest_bps: bps, show_bps: bps, raise_bps: bps, may_try: false }
    }

    fn targets(views: &[View], bps: u64) -> Vec<Option<Layer>> {
        allocate(views, budget(bps), 0).targets
    }

    #[test]
    fn everybody_is_seen_before_anybody_is_large() {
        let views = [view(Layer::High), view(Layer::High), view(Layer::Low)];
        let check = |bps, expect: [Option<Layer>; 3]| {
            assert_eq!(targets(&views, bps), expect, "{bps} bit/s");
        };
        check(100_000, [None; 3]);
        check(400_000, [Some(Layer::Low), Some(Layer::Low), None]);
        check(450_000, [Some(Layer::Low); 3]);
        check(900_000, [Some(Layer::Middle), Some(Layer::Low), Some(Layer::Low)]);
        check(1_440_000, [Some(Layer::Middle), Some(Layer::Middle), Some(Layer::Low)]);
        check(10_000_000, [Some(Layer::High), Some(Layer::High), Some(Layer::Low)]);
    }

    #[test]
    fn a_raise_needs_room_to_spare_and_a_kept_layer_does_not() {
        let has = |target, may_raise| View { target, is_new: false, may_raise, ..view(Layer::Middle) };
        assert_eq!(targets(&[has(Some(Layer::Low), true)], 540_000), [Some(Layer::Low)]);
        assert_eq!(targets(&[has(Some(Layer::Middle), true)], 540_000), [Some(Layer::Middle)]);
        assert_eq!(targets(&[has(Some(Layer::Low), true)], 600_000), [Some(Layer::Middle)]);
        assert_eq!(targets(&[has(Some(Layer::Low), false)], 600_000), [Some(Layer::Low)], "too soon");
        assert_eq!(targets(&[has(None, true)], 170_000), [None]);
        assert_eq!(targets(&[has(None, true)], 180_000), [Some(Layer::Low)]);
    }

    #[test]
    fn what_is_shown_may_stay_where_nothing_new_would_be_shown() {
        let has = |target| View { target, is_new: false, ..view(Layer::High) };
        let views = [has(Some(Layer::High)), has(Some(Layer::Low)), has(None)];
        let poor = Budget { keep_bps: u64::MAX, keep_lowest_bps: u64::MAX, ..budget(100_000) };
        assert_eq!(allocate(&views, poor, 0).targets, [Some(Layer::High), Some(Layer::Low), None]);
        let poor = Budget { keep_lowest_bps: u64::MAX, ..budget(100_000) };
        assert_eq!(allocate(&views, poor, 0).targets, [Some(Layer::Low), Some(Layer::Low), None]);
    }

    #[test]
    fn first_pictures_have_more_room_than_raises() {
        let faith = Budget { show_bps: 2_500_000, ..budget(900_000) };
        let camera = |is_new| View { costs: [1_200_000; 3], is_new, ..view(Layer::Low) };
        let check = |views: &[View], expect: &[Option<Layer>]| {
            assert_eq!(allocate(views, faith, 0).targets, expect);
        };
        let small = view(Layer::High);
        check(&[camera(true), small, small], &[Some(Layer::Low); 3]);
        check(&[small, small, camera(true)], &[Some(Layer::Low); 3]);
        check(&[camera(true), camera(true), camera(true)], &[Some(Layer::Low), Some(Layer::Low), None]);
        check(&[camera(false), small], &[None, Some(Layer::Middle)]);
    }

    #[test]
    fn one_picture_is_tried_where_there_is_room_for_none() {
        let large = View { costs: [4_000_000; 3], is_new: false, may_raise: false, ..view(Layer::Low) };
        let poor = Budget { may_try: true, ..budget(400_000) };
        assert_eq!(allocate(&[large, large], poor, 0).targets, [Some(Layer::Low), None]);
        assert_eq!(allocate(&[large, view(Layer::Low)], poor, 0).targets, [None, Some(Layer::Low)]);
        assert_eq!(allocate(&[large], budget(400_000), 0).targets, [None]);
        assert_eq!(allocate(&[], poor, 0).targets, []);
    }

    #[test]
    fn probing_aims_at_the_next_step_and_at_all_wishes() {
        let poor = allocate(&[view(Layer::High)], budget(200_000), 10_000);
        assert_eq!(poor.targets, [Some(Layer::Low)]);
        assert_eq!((poor.minimum_bps, poor.desired_bps), (664_705, 1_579_737));
        let rich = allocate(&[view(Layer::High)], budget(10_000_000), 0);
        assert_eq!((rich.minimum_bps, rich.desired_bps), (0, 1_568_626));
    }

    #[test]
    fn what_is_shown_on_good_faith_is_probed_for_until_it_could_be_raised_to() {
        let kept = View { target: Some(Layer::High), is_new: false, ..view(Layer::High) };
        let check = |views: &[View], raise_bps, minimum_bps| {
            let faith = Budget { raise_bps, ..budget(2_500_000) };
            let allocation = allocate(views, faith, 9_000);
            assert!(allocation.targets.iter().zip(views).all(|(target, view)| *target == Some(view.wish)));
            assert_eq!(allocation.minimum_bps, minimum_bps, "{raise_bps} bit/s");
            assert!(allocation.minimum_bps <= allocation.desired_bps);
        };
        check(&[kept], 0, 1_343_333);
        check(&[kept], 1_411_763, 1_343_333);
        check(&[kept], 1_411_764, 0);
        check(&[view(Layer::Low); 3], 400_000, 510_000);
        check(&[], 0, 0);
    }

    fn views() -> impl Strategy<Value = Vec<View>> {
        let layer = prop::sample::select(&Layer::ALL);
        let view = (
            layer.clone(),
            prop::array::uniform3(0..2_000_000_u64),
            prop::option::of(layer),
            any::<[bool; 2]>(),
        );
        let view = view.prop_map(|(wish, mut costs, target, [is_new, may_raise])| {
            costs.sort_unstable();
            View { wish, costs, target, is_new, may_raise }
        });
        prop::collection::vec(view, 0..20)
    }

    proptest! {
        #[test]
        fn never_more_than_there_is_nor_than_is_wished(
            views in views(),
            bps in 0..20_000_000_u64,
            faith_bps in 0..3_000_000_u64,
            may_try in any::<bool>(),
        ) {
            let show_bps = bps.max(faith_bps);
            let allocation = allocate(&views, Budget { show_bps, may_try, ..budget(bps) }, 0);
            let used: u64 = views.iter().zip(&allocation.targets)
                .filter_map(|(view, target)| Some(view.costs[(*target)? as usize]))
                .sum();
            let shown = views.iter().zip(&allocation.targets).filter(|(_, target)| target.is_some());
            let is_tried = may_try
                && allocation.targets.first().is_some_and(Option::is_some)
                && shown.clone().count() == 1;
            prop_assert!(used <= show_bps || is_tried);
            // What good faith adds are lowest layers of new pictures.
            let is_plain = shown.clone().all(|(view, _)| !view.is_new);
            prop_assert!(used <= bps || !is_plain || is_tried);
            for (view, target) in views.iter().zip(&allocation.targets) {
                prop_assert!(*target <= Some(view.wish));
                let is_raised = !view.is_new && *target > view.target;
                prop_assert!(!is_raised || view.may_raise || is_tried);
            }
        }
    }
}
