//! The modern continuous Hopfield network: patterns are kept as they are, and a state moves to their softmax-weighted mean.
//!
//! s ← Ξᵀ softmax(β Ξ s), with Ξ (P, N) and the inverse temperature β. It lowers the energy
//! E = −lse(β, Ξs) + ½ sᵀs + ln(P)/β + ½M², lse(β, x) = ln(Σ exp(β x))/β and M the largest norm of a pattern, and retrieves
//! exponentially many patterns in N, mostly in one update (Ramsauer et al. 2021, equations 1-3). Batches are products:
//! (B, N)·(N, P) and (B, P)·(P, N).

use tch::{Kind, Tensor};

use super::recall::{Options, Recalled, Status, Sweep};
use super::{HopfieldError, Patterns};
use crate::device;

/// Scores (numbers of states × patterns) that are computed at a time: 256 MiB.
const SCORES: usize = 64 << 20;

/// A modern network: its patterns and β.
#[derive(Debug)]
pub struct Modern {
    patterns: Tensor,
    beta: f64,
    half_norm: f64,
}

impl Modern {
    /// Keeps patterns; without a β it is 1/√N, as attention scales its scores.
    ///
    /// # Errors
    /// When β is not above 0 and finite.
    pub fn new(patterns: &Patterns, beta: Option<f64>) -> Result<Modern, HopfieldError> {
        let beta = beta.unwrap_or(1.0 / (patterns.neurons() as f64).sqrt());
        if !(beta > 0.0 && beta.is_finite()) {
            let rule = "must be above 0 and finite".to_string();
            return Err(HopfieldError::Setting { name: "--beta", value: beta.to_string(), rule });
        }
        let patterns = patterns.values().shallow_clone();
        let half_norm = 0.5 * patterns.square().sum_dim_intlist(1, false, Kind::Double).max().double_value(&[]);
        Ok(Modern { patterns, beta, half_norm })
    }

    /// β.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// The patterns (P, N).
    pub fn patterns(&self) -> &Tensor {
        &self.patterns
    }

    /// Recalls states (B, N); sign, tanh or sigmoid have no part in it: a state is a mean of patterns.
    ///
    /// # Errors
    /// When the states do not fit the patterns, an option is wrong, or libtorch fails (memory).
    pub fn recall(
        &self,
        starts: &Tensor,
        options: &Options,
        listen: &mut dyn FnMut(Sweep) -> bool,
    ) -> Result<Recalled, HopfieldError> {
        options.check()?;
        let (size, n) = (starts.size(), self.patterns.size()[1]);
        if size.len() != 2 || size[1] != n {
            let (found, wanted) = (format!("shape {size:?}"), format!("(states, {n})"));
            return Err(HopfieldError::Shape { what: "start states", found, wanted });
        }
        Ok(device::guard("recalling", || self.run(starts, options, listen))?)
    }

    fn run(&self, starts: &Tensor, options: &Options, listen: &mut dyn FnMut(Sweep) -> bool) -> Recalled {
        let b = starts.size()[0] as usize;
        let mut states = starts.to_kind(Kind::Float).copy();
        let (mut status, mut sweeps) = (vec![Status::Moving; b], vec![0; b]);
        let mut energies: Vec<Vec<f64>> = vec![Vec::new(); b];
        let mut active: Vec<usize> = (0..b).collect();
        let mut last_change = vec![f64::INFINITY; b];
        let (of, mut interrupted) = (options.sweeps, false);
        let block = (SCORES / self.patterns.size()[0].max(1) as usize).max(1);
        for done in 1..=of {
            let mut staying = Vec::new();
            for part in active.chunks(block) {
                let rows = Tensor::from_slice(&part.iter().map(|i| *i as i64).collect::<Vec<_>>());
                let now = states.index_select(0, &rows);
                let (new, energy) = self.update(&now);
                let change = (&new - &now).abs().amax([1], false);
                let _ = states.index_copy_(0, &rows, &new);
                for (row, &i) in part.iter().enumerate() {
                    let (energy, change) = (energy.double_value(&[row as i64]), change.double_value(&[row as i64]));
                    let earlier = energies[i].last().copied().unwrap_or(f64::NAN);
                    let settled = (energy - earlier).abs() < options.convergence_threshold;
                    energies[i].push(energy);
                    sweeps[i] = done;
                    if change == 0.0 || (settled && last_change[i] <= f64::from(options.still())) {
                        status[i] = Status::Converged;
                        if options.early_stop {
                            energies[i].push(energy);
                            continue;
                        }
                    }
                    last_change[i] = change;
                    staying.push(i);
                }
            }
            active = staying;
            if !listen(Sweep { done, of, active: active.len() }) && done < of {
                interrupted = true;
                break;
            }
            if active.is_empty() {
                break;
            }
        }
        if options.energies {
            for part in active.chunks(block) {
                let rows = Tensor::from_slice(&part.iter().map(|i| *i as i64).collect::<Vec<_>>());
                let energy = self.update(&states.index_select(0, &rows)).1;
                part.iter().enumerate().for_each(|(row, i)| energies[*i].push(energy.double_value(&[row as i64])));
            }
        }
        Recalled { states, status, sweeps, energies, interrupted }
    }

    /// The next states, and the energies of these.
    fn update(&self, states: &Tensor) -> (Tensor, Tensor) {
        let scores = states.matmul(&self.patterns.tr()) * self.beta;
        let lse = scores.logsumexp([1], false).to_kind(Kind::Double) / self.beta;
        let norms = states.square().sum_dim_intlist(1, false, Kind::Double) * 0.5;
        let p = self.patterns.size()[0] as f64;
        let energy = norms - lse + (p.ln() / self.beta + self.half_norm);
        (scores.softmax(1, Kind::Float).matmul(&self.patterns), energy)
    }
}
