//! Numbers of passed, failed and skipped tests, read from the closing lines of each test runner.

use std::fmt;
use std::ops::Add;

/// Tests of one step or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// One check that passed.
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    /// One check that failed.
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    /// One check that was not made.
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// Whether anything failed.
    pub(crate) fn is_failed(self) -> bool {
        self.failed > 0
    }

    /// Whether nothing was checked.
    pub(crate) fn is_only_skipped(self) -> bool {
        self.skipped > 0 && self.passed + self.failed == 0
    }

    /// A program that failed without naming a test counts as one failure; a run of nothing as one too,
    /// because a suite that finds no test must not pass.
    pub(crate) fn settle(self, success: bool) -> Self {
        let nothing = self == Self::default();
        let failed = if (!success || nothing) && self.failed == 0 { 1 } else { self.failed };
        Self { failed, ..self }
    }

    /// Reads every `test result:` line of `cargo test`.
    pub(crate) fn of_cargo(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines().filter(|line| line.starts_with("test result: ")) {
            let line = line.replace(['.', ';'], " ;");
            counts.passed += before(&line, "passed");
            counts.failed += before(&line, "failed");
            counts.skipped += before(&line, "ignored");
        }
        counts
    }

    /// Reads the closing line of pytest: `2 failed, 10 passed, 1 skipped in 3.21s`.
    pub(crate) fn of_pytest(output: &str) -> Self {
        let verdicts = ["passed", "failed", "skipped", "error"];
        let is_closing =
            |line: &&str| line.contains(" in ") && verdicts.iter().any(|word| line.contains(word));
        let line = output.lines().rev().find(is_closing).unwrap_or_default().replace(',', " ");
        Self {
            passed: before(&line, "passed") + before(&line, "xfailed"),
            failed: before(&line, "failed") + before(&line, "error") + before(&line, "errors"),
            skipped: before(&line, "skipped"),
        }
    }

    /// Reads the closing lines of `node --test`: `# pass 3` (TAP) or `ℹ pass 3`.
    pub(crate) fn of_node(output: &str) -> Self {
        let number = |name: &str| {
            let lines = output.lines().rev();
            let mut words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
            words
                .find(|words| matches!(words.as_slice(), [_, word, _] if *word == name))
                .and_then(|words| words[2].parse().ok())
                .unwrap_or(0)
        };
        Self {
            passed: number("pass"),
            failed: number("fail") + number("cancelled"),
            skipped: number("skipped") + number("todo"),
        }
    }
}

/// The number in front of `word`.
fn before(line: &str, word: &str) -> u64 {
    let words: Vec<_> = line.split_whitespace().collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn cargo_results_are_summed() {
        let output = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";
        assert_eq!(Counts::of_cargo(output), counts(8, 2, 1));
    }

    #[test]
    fn pytest_closing_lines_are_read() {
        let check = |line: &str, expected| assert_eq!(Counts::of_pytest(line), expected, "{line}");
        check("....\n12 passed in 3.20s\n", counts(12, 0, 0));
        check("=== 2 failed, 10 passed, 1 skipped, 1 error in 61.20s (0:01:01) ===\n", counts(10, 3, 1));
        check("no tests ran in 0.01s\n", counts(0, 0, 0));
    }

    #[test]
    fn node_closing_lines_are_read() {
        let output = "# tests 4\n# suites 0\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 2\n# todo 0\n# duration_ms 12\n";
        assert_eq!(Counts::of_node(output), counts(3, 1, 2));
        assert_eq!(Counts::of_node(&output.replace('#', "ℹ")), counts(3, 1, 2));
    }

    #[test]
    fn a_failure_without_a_named_test_counts_as_one() {
        assert_eq!(counts(3, 0, 0).settle(false), counts(3, 1, 0));
        assert_eq!(counts(3, 2, 0).settle(false), counts(3, 2, 0));
        assert_eq!(counts(3, 0, 0).settle(true), counts(3, 0, 0));
        assert_eq!(counts(0, 0, 0).settle(true), counts(0, 1, 0));
    }
}
