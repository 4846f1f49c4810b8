//! The network of the best validation score, kept beside the last one.

use super::Trainer;
use crate::train::TrainError;
use crate::train::checkpoint::{self, Best};
use crate::train::plan::Keep;

/// Whether a score is to be kept: of the last phase (the networks before it are not whole), and above all before it. Of equal
/// ones the first stays.
fn is_better(keep: Keep, last_phase: bool, score: Option<f64>, best: Option<&Best>) -> bool {
    keep == Keep::Best
        && last_phase
        && score.is_some_and(|s| s.is_finite() && best.is_none_or(|b| s > b.validation_acc))
}

impl Trainer<'_> {
    /// What an earlier part of this run kept. It may be of a later epoch than the run goes on from, if it was killed before
    /// that epoch's checkpoint: the epoch comes again, with the same score.
    pub(super) fn best_so_far(&self) -> Result<Option<Best>, TrainError> {
        let path = self.dir.as_ref().filter(|_| self.plan.keep == Keep::Best).map(crate::files::RunDir::best);
        match path.filter(|path| path.is_file()) {
            Some(path) => checkpoint::read_best(&path),
            None => Ok(None),
        }
    }

    /// Keeps the network if its score, which was just reported, is the best one.
    pub(super) fn keep_best(&mut self, phase: usize, epoch: u64) -> Result<(), TrainError> {
        let score = self.outcome.test_acc;
        let better = is_better(self.plan.keep, phase + 1 == self.plan.phases.len(), score, self.best.as_ref());
        let (true, Some(validation_acc), Some(dir)) = (better, score, &self.dir) else { return Ok(()) };
        let validation_loss = self.outcome.test_loss;
        let best = Best { phase, epoch, global_epoch: self.progress.global_epoch, validation_acc, validation_loss };
        checkpoint::save_best(&dir.best(), &self.network.state(), &best)?;
        self.best = Some(best);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best_scores_of_the_last_phase_is_kept() {
        let best = Best { phase: 3, epoch: 1, global_epoch: 4, validation_acc: 50.0, validation_loss: None };
        for (keep, last, score, before, kept) in [
            (Keep::Best, true, Some(10.0), None, true),
            (Keep::Best, true, Some(50.0), Some(&best), false),
            (Keep::Best, true, Some(50.1), Some(&best), true),
            (Keep::Best, true, Some(f64::NAN), None, false),
            (Keep::Best, true, None, None, false),
            (Keep::Best, false, Some(99.0), None, false),
            (Keep::Last, true, Some(10.0), None, false),
        ] {
            assert_eq!(is_better(keep, last, score, before), kept, "{keep:?} {last} {score:?} {before:?}");
        }
    }
}
