//! Arrows between crates: kernel < engines < platform < services < server and testkit.
//!
//! The path of a crate tells its tier. A crate depends only on tiers below its own, never on a neighbour;
//! engines and platform crates may depend on those before them in [`ENGINES`] and [`PLATFORM`].

use std::collections::{BTreeMap, BTreeSet};

use super::Exceptions;
use crate::workspace::Package;

/// Engines that others are built on, and those, from the lowest to the highest.
const ENGINES: &[&str] = &["rtp", "sfu"];
/// Platform crates from the lowest to the highest.
const PLATFORM: &[&str] = &["tasks", "net", "media", "store", "catalogue", "bus", "web"];
/// Third-party crates that do input and output; neither kernel nor engines may reach one, however far away.
const INPUT_OUTPUT: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "hyper",
    "rusqlite",
    "tokio-postgres",
    "object_store",
    "quinn-udp",
    "async-io",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Kernel,
    Engine,
    Platform,
    Service,
    Server,
    Testkit,
    Tests,
    Tool,
}

impl Tier {
    fn of(folder: &str) -> Option<Self> {
        let parts: Vec<_> = folder.split('/').collect();
        Some(match parts.as_slice() {
            ["crates", "kernel"] => Self::Kernel,
            ["crates", "engines", _] => Self::Engine,
            ["crates", "platform", _] => Self::Platform,
            ["crates", "services", _] | ["crates", "services", _, "wire"] => Self::Service,
            ["crates", "server"] => Self::Server,
            ["crates", "testkit"] => Self::Testkit,
            ["tests" | "bench" | "fuzz"] => Self::Tests,
            ["xtask"] => Self::Tool,
            _ => return None,
        })
    }
}

/// Arrows that point up or sideways, and I/O below the platform.
pub(crate) fn check(packages: &[Package], exceptions: &Exceptions) -> Vec<String> {
    let by_name: BTreeMap<_, _> = packages.iter().map(|package| (package.name.as_str(), package)).collect();
    let mut problems = Vec::new();
    for package in packages {
        let Some(folder) = package.folder.as_deref() else { continue };
        let Some(tier) = Tier::of(folder) else {
            problems.push(format!("{folder}: no tier has crates there; see ARCHITECTURE.md"));
            continue;
        };
        let direct = package.dependencies.iter().map(|name| (name, false));
        let in_tests = package.test_dependencies.iter().map(|name| (name, true));
        for (name, only_tests) in direct.chain(in_tests) {
            let target = by_name.get(name.as_str()).and_then(|target| target.folder.as_deref());
            let allowed = match target {
                Some(target) => may_point(folder, target, only_tests),
                None => name != "anyhow" || tier >= Tier::Server || only_tests,
            };
            let arrow = format!("{} -> {name}", package.name);
            if !allowed && !exceptions.covers("arrows", &arrow) {
                problems.push(format!("{folder}: the arrow `{arrow}` is not allowed between these tiers"));
            }
        }
        if tier <= Tier::Engine {
            for crate_name in reaches_input_output(package, &by_name) {
                problems.push(format!(
                    "{folder}: reaches `{crate_name}`, but {tier:?} crates do no input or output"
                ));
            }
        }
    }
    problems
}

fn may_point(from: &str, to: &str, only_tests: bool) -> bool {
    let (Some(source), Some(target)) = (Tier::of(from), Tier::of(to)) else { return false };
    let is_before = |order: &[&str]| {
        let place = |folder: &str| order.iter().position(|name| folder.ends_with(&format!("/{name}")));
        place(to) < place(from) && place(to).is_some()
    };
    match (source, target) {
        (Tier::Tool, _) | (_, Tier::Tool) | (Tier::Testkit, Tier::Server) => false,
        (_, Tier::Testkit) => only_tests || source == Tier::Tests,
        (Tier::Engine, Tier::Engine) => is_before(ENGINES),
        (Tier::Platform, Tier::Platform) => is_before(PLATFORM),
        (Tier::Service, Tier::Service) => to == format!("{from}/wire"),
        _ => target < source,
    }
}

fn reaches_input_output<'a>(start: &'a Package, by_name: &BTreeMap<&str, &'a Package>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(package) = waiting.pop() {
        for name in &package.dependencies {
            if seen.insert(name.as_str()) {
                waiting.extend(by_name.get(name.as_str()));
            }
        }
    }
    seen.retain(|name| INPUT_OUTPUT.contains(name));
    seen
}

#[cfg(test)]
mod tests {
    use super::super::Exceptions;
    use super::{check, may_point};
    use crate::workspace::Package;

    fn package(name: &str, folder: Option<&str>, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            folder: folder.map(str::to_owned),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
            test_dependencies: Vec::new(),
        }
    }

    #[test]
    fn arrows_point_down() {
        let check = |from, to, expected| assert_eq!(may_point(from, to, false), expected, "{from} -> {to}");
        check("crates/services/chat", "crates/platform/store", true);
        check("crates/services/chat", "crates/services/identity", false);
        check("crates/services/chat", "crates/services/chat/wire", true);
        check("crates/services/chat", "crates/testkit", false);
        check("crates/platform/web", "crates/platform/store", true);
        check("crates/platform/store", "crates/platform/web", false);
        check("crates/platform/store", "crates/services/chat", false);
        check("crates/engines/sfu", "crates/engines/rtp", true);
        check("crates/engines/rtp", "crates/engines/sfu", false);
        check("crates/engines/turn", "crates/engines/rtp", false);
        check("crates/kernel", "crates/platform/tasks", false);
        check("crates/server", "crates/services/chat", true);
        check("crates/testkit", "crates/services/chat", true);
        check("tests", "crates/testkit", true);
        assert!(may_point("crates/services/chat", "crates/testkit", true));
        assert!(!may_point("crates/services/chat", "crates/services/identity", true));
    }

    #[test]
    fn engines_reach_no_input_output() {
        let packages = [
            package("turn", Some("crates/engines/turn"), &["helper"]),
            package("helper", None, &["tokio"]),
            package("tokio", None, &[]),
        ];
        let problems = check(&packages, &Exceptions::default());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("reaches `tokio`"));
    }

    #[test]
    fn libraries_have_error_types_of_their_own() {
        let packages =
            [package("store", Some("crates/platform/store"), &["anyhow"]), package("anyhow", None, &[])];
        assert_eq!(check(&packages, &Exceptions::default()).len(), 1);
        let listed = Exceptions::parse("[arrows]\n\"store -> anyhow\" = \"only while it moves\"").unwrap();
        assert!(check(&packages, &listed).is_empty());
    }
}
