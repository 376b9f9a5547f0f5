//! Every seed of every target, and changed copies of it: no coverage is measured, so this runs with all other tests.

use std::path::{Path, PathBuf};

use trunkline_fuzz::{TARGETS, Target};

/// Copies of all seeds together, for each target.
const COPIES: usize = 4_000;
/// The same for targets that set up a transport or a room each time.
const COPIES_OF_SLOW: usize = 400;
const SLOW: [&str; 3] = ["offer", "peer", "room"];

/// A generator of its own, so that every run changes the same bytes (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).expect("31 bits") % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("below 256")
    }
}

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// The seeds, in the order of their names.
fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = folder(target);
    let listed = std::fs::read_dir(&folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("the folder is read").path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| (path.display().to_string(), std::fs::read(path).expect("a seed is read")))
        .collect()
}

/// Runs one input; says which one it was when it breaks something.
fn run(target: &Target, origin: &str, bytes: &[u8]) {
    let run = std::panic::AssertUnwindSafe(|| (target.run)(bytes));
    let is_whole = std::panic::catch_unwind(run).is_ok();
    assert!(is_whole, "`{}` breaks on {origin} or a copy of it:\n{bytes:02x?}", target.name);
}

/// A copy with a few places changed: bits, bytes, parts left out, said twice, or taken from another seed.
fn changed(chance: &mut Chance, seeds: &[(String, Vec<u8>)], seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(40)).min(bytes.len());
        match chance.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 0x7f, 0x80, 0xff][chance.below(4)],
            2 => bytes.insert(at, chance.byte()),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let other = &seeds[chance.below(seeds.len())].1;
                let from = chance.below(other.len() + 1);
                let part = other[from..(from + 40).min(other.len())].to_vec();
                bytes.splice(at..end, part);
            }
        }
    }
    bytes
}

fn replay(name: &str) {
    let target = trunkline_fuzz::find(name).expect("a target of that name");
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    run(target, "nothing", &[]);
    for (path, bytes) in &seeds {
        run(target, path, bytes);
    }
    let mut chance = Chance(0x5eed);
    let copies = if SLOW.contains(&name) { COPIES_OF_SLOW } else { COPIES };
    for copy in 0..copies {
        let (path, seed) = &seeds[copy % seeds.len()];
        run(target, path, &changed(&mut chance, &seeds, seed));
    }
}

/// A test for each, so that they run beside each other and the broken one has a name.
macro_rules! replays {
    ($($name:ident),*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn every_target_is_replayed() {
            let mut replayed = [$(stringify!($name)),*];
            let mut targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            replayed.sort_unstable();
            targets.sort_unstable();
            assert_eq!(targets, replayed);
        }
    };
}

replays!(offer, peer, whose, stun, turn, frames, payload, room, rtcp, signalling, websocket);

#[test]
fn the_corpus_stays_small() {
    for target in TARGETS {
        let seeds = seeds(target);
        let bytes: usize = seeds.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(
            seeds.len() <= 60 && bytes <= 200 * 1024,
            "{}: {} seeds, {bytes} bytes",
            target.name,
            seeds.len()
        );
    }
}
