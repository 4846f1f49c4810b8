//! Outputs of frozen blocks: computed once, kept while a later phase reads them.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Trainer;
use crate::device;
use crate::report::{Event, PhaseInfo, PhaseKind};
use crate::train::{TrainError, bank};

impl Trainer<'_> {
    /// Frees the stored outputs of images that no later phase reads.
    pub(super) fn free_what_is_done(&mut self, index: usize) {
        let later = &self.plan.phases[index..];
        let mut used = vec![false; self.data.banks.len()];
        for (unsupervised, sets) in [(true, &self.data.unsup), (false, &self.data.sup)] {
            if later.iter().any(|p| p.is_unsupervised() == unsupervised) {
                used[sets.train.bank] = true;
                used[sets.test.bank] = true;
            }
        }
        for (bank, used) in self.data.banks.iter_mut().zip(used) {
            if !used {
                bank.release();
            }
        }
    }

    /// Stores the outputs of the first `depth` blocks for a bank, where that is possible. False if it was stopped.
    pub(super) fn store_features(&mut self, depth: usize, which: usize) -> Result<bool, TrainError> {
        let bank = &self.data.banks[which];
        if depth <= bank.depth() || bank.is_augmented() {
            return Ok(true);
        }
        let (cost, budget) = (bank.cost(&self.plan.network, depth), bank::budget(bank.device()));
        let disk = self.plan.features_on_disk.then(|| self.scratch());
        if disk.is_none() && cost > budget {
            let gib = |b: u64| b as f64 / (1u64 << 30) as f64;
            self.hub.send(Event::Note(format!(
                "the outputs of {depth} blocks for {n} images would take {:.1} GiB of memory and {:.1} can be had: they \
                 are computed at each reading (--features-on-disk keeps them in a file)",
                gib(cost),
                gib(budget),
                n = bank.len(),
            )))?;
            return Ok(true);
        }
        let (network, hub, stop, outlook) = (&mut self.network, &mut *self.hub, self.stop, &mut self.outlook);
        let mut failed = None;
        let images = bank.len() as u64;
        hub.send(Event::PhaseStarted(PhaseInfo {
            index: self.progress.phase,
            count: self.plan.phases.len(),
            kind: PhaseKind::Features,
            blocks: (bank.depth()..depth).collect(),
            epochs: 1,
            images,
            batch_size: 1,
        }))?;
        outlook.begin(self.progress.phase, PhaseKind::Features, images, 0);
        let began = Instant::now();
        let bank = &mut self.data.banks[which];
        if let Some(folder) = disk {
            bank.keep_in(folder);
        }
        let done = device::guard("storing the outputs of frozen blocks", || {
            bank.advance(network, depth, &mut |images| {
                let left = outlook.advance(images).map(Event::Left);
                failed = [Event::Progress { epoch: 1, images }].into_iter().chain(left).find_map(|e| hub.send(e).err());
                failed.is_none() && !stop.load(Ordering::Relaxed)
            })
        })??;
        if let Some(error) = failed {
            return Err(error.into());
        }
        self.finished(self.progress.phase, began.elapsed().as_secs_f64())?;
        Ok(done || images == 0)
    }

    /// Where files go that nobody needs after the run.
    fn scratch(&self) -> std::path::PathBuf {
        self.dir.as_ref().map_or_else(std::env::temp_dir, |dir| dir.root().to_path_buf())
    }
}
