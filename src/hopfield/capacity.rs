//! Capacity: how wrong recall is against the load P/N, rule by rule.
//!
//! A cell stores P random patterns, starts from each of them (with noise, if asked for), recalls, and counts wrong bits. For the Hebbian
//! rule and large N the error jumps from 1.6 % to a third at P/N = 0.138 (Amit, Gutfreund, Sompolinsky 1985); with few neurons
//! the jump is a slope around it.

use serde::{Deserialize, Serialize};

use super::attractors::{accuracy, counts, ends};
use super::memory::Storing;
use super::recall::{Options, Sweep, Updates};
use super::{HopfieldError, Memory, Patterns, Rule};
use crate::device::{self, stream};

/// Share of wrong bits just below the jump (overlap 0.967): the error that says that the capacity is reached.
pub const ERROR_AT_CAPACITY: f64 = 0.016;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Neurons.
    pub n: usize,
    /// Loads P/N.
    pub loads: Vec<f64>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Sets of random patterns a cell.
    pub trials: usize,
    /// Probability that a bit of a start is flipped.
    pub noise: f64,
    /// How patterns are stored; the rule is the cell's.
    pub storing: Storing,
    /// Order of updates.
    pub updates: Updates,
    /// How long to recall.
    pub options: Options,
    /// Seed of patterns, noise and orders.
    pub seed: u64,
}

/// What a rule does at a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The rule.
    pub rule: Rule,
    /// P/N as asked for.
    pub load: f64,
    /// P.
    pub patterns: usize,
    /// Share of wrong bits, mean over trials.
    pub error: f64,
    /// Its standard deviation over trials.
    pub error_std: f64,
    /// Share of patterns recalled without a wrong bit.
    pub exact: f64,
    /// Share of states that oscillate.
    pub oscillating: f64,
    /// Share of states in a fixed point that is no stored pattern.
    pub spurious: f64,
    /// Mean sweeps of a state.
    pub sweeps: f64,
}

impl Plan {
    /// Checks the plan.
    ///
    /// # Errors
    /// The first setting that is wrong, by its flag.
    pub fn check(&self) -> Result<(), HopfieldError> {
        let wrong = |name, value: String, rule: &str| HopfieldError::Setting { name, value, rule: rule.to_string() };
        if self.n < 2 || self.n > 65_536 {
            return Err(wrong("--n", self.n.to_string(), "must be 2 to 65536 neurons"));
        }
        if self.trials == 0 {
            return Err(wrong("--trials", "0".into(), "must be at least 1"));
        }
        if !(0.0..=1.0).contains(&self.noise) {
            return Err(wrong("--noise", self.noise.to_string(), "must be a share from 0 to 1"));
        }
        if self.loads.is_empty() || self.rules.is_empty() {
            let name = if self.loads.is_empty() { "--loads" } else { "--rule" };
            return Err(wrong(name, "empty".into(), "must name at least one"));
        }
        for load in &self.loads {
            // Beyond the capacity of every rule with weights; the modern network's is only bounded by memory.
            if !(*load > 0.0 && *load <= 1000.0) {
                return Err(wrong("--loads", load.to_string(), "must be above 0 and at most 1000"));
            }
        }
        self.storing.check()?;
        self.options.check()
    }

    /// P of a load.
    pub fn patterns(&self, load: f64) -> usize {
        ((load * self.n as f64).round() as usize).max(1)
    }

    /// Measures a cell; `None` if the listener ended it.
    ///
    /// # Errors
    /// When libtorch fails (memory).
    pub fn cell(&self, rule: Rule, load: f64, listen: &mut dyn FnMut() -> bool) -> Result<Option<Cell>, HopfieldError> {
        let p = self.patterns(load);
        let (mut errors, mut exact, mut oscillating, mut spurious, mut sweeps) = (Vec::new(), 0, 0, 0, 0);
        for trial in 0..self.trials {
            // The same patterns for every rule.
            let seed = stream(self.seed, &["capacity".into(), (p as u64).into(), (trial as u64).into()]);
            let activation = self.storing.dynamics.activation;
            let patterns = device::guard("making patterns", || Patterns::random(p, self.n, activation, seed))?;
            let starts = patterns.noisy(self.noise, seed, "starts");
            let memory = Memory::store(&patterns, &Storing { rule, ..self.storing })?;
            let mut on = true;
            let mut each = |_: Sweep| {
                on = listen();
                on
            };
            let recalled = memory.recall(&starts, self.updates, &self.options, seed, &mut each)?;
            if !on {
                return Ok(None);
            }
            let shares = accuracy(&recalled.states, &patterns);
            errors.push(1.0 - shares.iter().sum::<f64>() / p as f64);
            exact += shares.iter().filter(|share| **share == 1.0).count();
            let [_, reversed, mixture, other, cycle, _] = counts(&ends(&recalled, &patterns));
            (oscillating, spurious) = (oscillating + cycle, spurious + reversed + mixture + other);
            sweeps += recalled.sweeps.iter().sum::<usize>();
        }
        let states = (self.trials * p) as f64;
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let square = errors.iter().map(|e| (e - mean) * (e - mean)).sum::<f64>();
        Ok(Some(Cell {
            rule,
            load,
            patterns: p,
            error: mean,
            error_std: (square / (errors.len() as f64 - 1.0).max(1.0)).sqrt(),
            exact: exact as f64 / states,
            oscillating: oscillating as f64 / states,
            spurious: spurious as f64 / states,
            sweeps: sweeps as f64 / states,
        }))
    }
}

/// The load at which a rule's error first rises above this share, between the two loads around it; `None` if it never does.
pub fn break_at(cells: &[Cell], rule: Rule, error: f64) -> Option<f64> {
    let mut of_rule: Vec<&Cell> = cells.iter().filter(|c| c.rule == rule).collect();
    of_rule.sort_by(|a, b| a.load.total_cmp(&b.load));
    of_rule.windows(2).find(|pair| pair[0].error <= error && pair[1].error > error).map(|pair| {
        let (a, b) = (pair[0], pair[1]);
        a.load + (b.load - a.load) * (error - a.error) / (b.error - a.error)
    })
}
