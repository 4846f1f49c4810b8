//! The rows of `recall`'s table: how right a batch is, and where its states ended.

use serde::Serialize;

use crate::hopfield::attractors::{accuracy, counts, ends};
use crate::hopfield::{Patterns, Recalled, Rule};
use crate::report::format::percent;

/// A row of the table: a kind of input and a level of noise.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub rule: Rule,
    pub input: &'static str,
    pub noise: f64,
    pub states: usize,
    /// Shares of right bits before and after, means.
    pub bits_before: f64,
    pub bits_after: f64,
    /// Share of states recalled without a wrong bit.
    pub exact: f64,
    /// How many ended where.
    pub stored: usize,
    pub reversed: usize,
    pub mixture: usize,
    pub spurious: usize,
    pub oscillating: usize,
    pub moving: usize,
    /// Mean sweeps of a state.
    pub sweeps: f64,
}

/// Scores a batch.
pub(super) fn row(
    rule: Rule,
    input: &'static str,
    noise: f64,
    starts: &Patterns,
    recalled: &Recalled,
    targets: &Patterns,
) -> Row {
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let after = accuracy(&recalled.states, targets);
    let [stored, reversed, mixture, spurious, oscillating, moving] = counts(&ends(recalled, targets));
    Row {
        rule,
        input,
        noise,
        states: after.len(),
        bits_before: mean(&accuracy(starts.values(), targets)),
        bits_after: mean(&after),
        exact: after.iter().filter(|share| **share == 1.0).count() as f64 / after.len().max(1) as f64,
        stored,
        reversed,
        mixture,
        spurious,
        oscillating,
        moving,
        sweeps: recalled.sweeps.iter().sum::<usize>() as f64 / recalled.sweeps.len().max(1) as f64,
    }
}

/// `12.5 %`.
pub(super) fn percent_short(share: f64) -> String {
    format!("{} %", crate::report::format::number(share * 100.0))
}

/// The table's head; `several`: with a column of rules.
pub(super) fn head(several: bool) -> String {
    let rule = if several { format!("{:<12}", "rule") } else { String::new() };
    format!(
        "  {rule}{:<12}{:>8}{:>12}{:>12}{:>10}   where the states ended",
        "input", "noise", "bits before", "bits after", "exact"
    )
}

/// A row as it is printed.
pub(super) fn line(r: &Row, several: bool) -> String {
    let ends = [
        ("stored", r.stored),
        ("reversed", r.reversed),
        ("mixture", r.mixture),
        ("spurious", r.spurious),
        ("oscillating", r.oscillating),
        ("moving", r.moving),
    ];
    let ends = ends.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>();
    let rule = if several { format!("{:<12}", r.rule.to_string()) } else { String::new() };
    let (name, noise) = (if r.input == "stored" { "stored image" } else { "other image" }, percent_short(r.noise));
    let [before, after, exact] = [r.bits_before, r.bits_after, r.exact].map(|x| percent(100.0 * x));
    format!("  {rule}{name:<12}{noise:>8}{before:>12}{after:>12}{exact:>10}   {}", ends.join(", "))
}
