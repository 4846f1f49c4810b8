//! Counting the steps of a run, and what `--record-every` records of them.

use super::checkpoint::Progress;
use super::data::RunData;
use super::{Phase, RunPlan};

/// Columns of a run's `steps.csv` beside the step: phase and epoch from 1, images of the epoch so far, the block, and its
/// learning rate, mean distance of a unit's radius from 1, units of radius 1, and mean radius.
pub const RECORDED: [&str; 8] = ["phase", "epoch", "images", "block", "lr", "convergence", "R1", "radius_mean"];

/// Steps of all phases before this one.
pub fn before(plan: &RunPlan, data: &RunData, phase: usize) -> u64 {
    plan.phases[..phase].iter().map(|p| p.epochs * of_epoch(p, data)).sum()
}

fn of_epoch(phase: &Phase, data: &RunData) -> u64 {
    let sets = if phase.is_unsupervised() { &data.unsup } else { &data.sup };
    sets.train.rows.len().div_ceil(phase.batch_size.max(1) as usize) as u64
}

/// Steps that a run has finished.
pub fn done(plan: &RunPlan, data: &RunData, progress: &Progress) -> u64 {
    let phase = progress.phase.min(plan.phases.len());
    let within = plan.phases.get(phase).map_or(0, |p| progress.epoch * of_epoch(p, data) + progress.step);
    before(plan, data, phase) + within
}
