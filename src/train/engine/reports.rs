//! What a run tells of itself: scores, the numbers of its blocks, recorded steps, the first layer's filters.

use tch::Device;

use super::Trainer;
use crate::device;
use crate::draw::scene::DENSITY;
use crate::draw::tiles::{Tiles, tile};
use crate::layer::Block;
use crate::layer::hebbian::Statistics;
use crate::preset::config::Arch;
use crate::report::{BlockStats, Event, Metrics};
use crate::train::data::Sets;
use crate::train::learner::Sums;
use crate::train::outlook::Outlook;
use crate::train::{self, Phase, RunPlan, TrainError, adam, evaluate, steps};

/// Units whose numbers are listed one by one.
const LISTED: usize = 30;
/// Units of the filters' picture.
const PICTURED: usize = 256;
/// Units of length of a filter's side.
const FILTER: u32 = 30;

impl Trainer<'_> {
    /// A row of `steps.csv` for the last Hebbian block that learns, which is the one whose R1 is published.
    pub(super) fn record(
        &mut self,
        phase: &Phase,
        step: u64,
        [index, epoch, images]: [f64; 3],
    ) -> Result<(), TrainError> {
        let Some(last) = self.block_statistics(|block| phase.blocks.contains(&block)).pop() else { return Ok(()) };
        let place = [index + 1.0, epoch, images, last.block as f64];
        let numbers = place.into_iter().chain([last.lr, last.convergence, last.r1 as f64, last.radius_mean]);
        let values = steps::RECORDED.into_iter().zip(numbers).collect();
        Ok(self.hub.send(Event::Record { step, values })?)
    }

    /// Loss and accuracy on the test images.
    pub(super) fn test(&mut self, sets: &Sets) -> Result<(f64, f64), TrainError> {
        let (network, bank) = (&mut self.network, &self.data.banks[sets.test.bank]);
        Ok(device::guard("testing", || tch::no_grad(|| evaluate::supervised(network, bank, &sets.test.rows)))?)
    }

    /// The plan with the numbers of test images that there are: a file may hold fewer than the configuration asks for, and
    /// `--validation` tests on those held out.
    pub(super) fn tested_plan(&self) -> RunPlan {
        let mut plan = self.plan.clone();
        let count = |sets: &Sets| sets.test.rows.len() as i64;
        plan.dataset_sup.testing_sample = count(&self.data.sup);
        // Where no phase learns without labels, its images were not read.
        if plan.phases.iter().any(Phase::is_unsupervised) {
            plan.dataset_unsup.testing_sample = count(&self.data.unsup);
        }
        plan
    }

    /// Tells how far the epoch is, and how much time is left of the run.
    pub(super) fn progress(&mut self, epoch: u64, images: u64, of: u64) -> Result<(), TrainError> {
        self.hub.send(Event::Progress { epoch, images })?;
        self.left(|outlook| outlook.advance((epoch - 1) * of + images))
    }

    /// Ends a phase, or a storing of features.
    pub(super) fn finished(&mut self, index: usize, seconds: f64) -> Result<(), TrainError> {
        self.left(Outlook::end)?;
        Ok(self.hub.send(Event::PhaseFinished { index, seconds })?)
    }

    fn left(&mut self, ask: impl FnOnce(&mut Outlook) -> Option<f64>) -> Result<(), TrainError> {
        match ask(&mut self.outlook) {
            Some(seconds) => Ok(self.hub.send(Event::Left(seconds))?),
            None => Ok(()),
        }
    }

    /// The report of an epoch; between two that are due, without scores and without the blocks that do not learn.
    pub(super) fn report(
        &mut self,
        phase: &Phase,
        index: usize,
        epoch: u64,
        sets: &Sets,
        sums: &Sums,
    ) -> Result<(), TrainError> {
        let due = phase.reports(epoch);
        let (train_loss, train_acc) = sums.means().unzip();
        let (train_acc, test_loss, test_acc) = if !due {
            (train_acc, None, None)
        } else if phase.is_unsupervised() {
            let (train, test) = self.score_units(phase, sets)?.unzip();
            (train, None, test)
        } else {
            let (loss, acc) = self.test(sets)?;
            (train_acc, Some(loss), Some(acc))
        };
        let blocks = self.block_statistics(|block| due || phase.blocks.contains(&block));
        let hebbian_lr = || blocks.iter().rfind(|b| phase.blocks.contains(&b.block)).map_or(0.0, |b| b.lr);
        let lr = if phase.lr > 0.0 { adam::learning_rate(phase.lr, epoch, phase.epochs) } else { hebbian_lr() };
        let metrics = Metrics {
            phase: index,
            epoch,
            global_step: self.progress.global_epoch,
            between: !due,
            seconds: self.seconds(),
            images_per_second: self.speed,
            lr,
            train_loss,
            train_acc,
            test_loss,
            test_acc,
            blocks,
        };
        self.hub.send(Event::Report(Box::new(metrics)))?;
        if !due {
            return Ok(());
        }
        (self.outcome.test_acc, self.outcome.test_loss) = (test_acc, test_loss);
        if phase.blocks.contains(&0) {
            self.picture()?;
        }
        Ok(())
    }

    /// What a run that came to its end has to say of its layers.
    pub(super) fn remarks(&mut self) -> Result<(), TrainError> {
        let images = self.data.unsup.train.rows.len() as u64;
        let blocks = self.block_statistics(|_| true);
        let no_accuracy = train::learned::no_accuracy(self.plan).filter(|_| self.outcome.test_acc.is_none());
        for remark in train::learned::nearly_initial(self.plan, &blocks, images).into_iter().chain(no_accuracy) {
            self.hub.send(Event::Note(remark))?;
        }
        Ok(())
    }

    /// Training and test score of a Hebbian phase that ends in a fully connected block.
    fn score_units(&mut self, phase: &Phase, sets: &Sets) -> Result<Option<(f64, f64)>, TrainError> {
        let Some(&last) = phase.blocks.last() else { return Ok(None) };
        if self.plan.network.blocks[last].arch != Arch::Mlp {
            return Ok(None);
        }
        let (network, banks) = (&mut self.network, &self.data.banks);
        let (train, test) = (&banks[sets.train.bank], &banks[sets.test.bank]);
        let labelled = train.all_labels().greater(-1).any().int64_value(&[]) != 0;
        if !labelled {
            return Ok(None);
        }
        Ok(Some(device::guard("scoring", || {
            let units = evaluate::label_units(network, last, train, &sets.train.rows);
            (
                evaluate::score_units(network, last, train, &sets.train.rows, &units),
                evaluate::score_units(network, last, test, &sets.test.rows, &units),
            )
        })?))
    }

    /// The numbers of those Hebbian blocks, first to last.
    pub(super) fn block_statistics(&mut self, wanted: impl Fn(usize) -> bool) -> Vec<BlockStats> {
        let all = self.network.blocks.iter_mut().enumerate().filter(|(i, _)| wanted(*i));
        all.filter_map(|(i, block)| {
            let arch = block.config().arch;
            block.hebbian_mut().map(|layer| statistics(i, arch, &layer.statistics()))
        })
        .collect()
    }

    /// The first layer's filters.
    fn picture(&mut self) -> Result<(), TrainError> {
        let config = &self.plan.network.blocks[0];
        let learned = learned(&mut self.network.blocks[0]);
        let state = self.network.blocks[0].state();
        let Some((_, weight)) = state.iter().find(|(name, _)| name == "layer.weight") else { return Ok(()) };
        let [channels, height, width] = match config.arch {
            Arch::Cnn => {
                let k = config.layer.kernel_size;
                [config.layer.in_channels / config.layer.groups, k, k]
            }
            Arch::Mlp => config.in_shape,
        };
        let flat = weight.to_device(Device::Cpu).contiguous().view(-1);
        let values: Vec<f32> = Vec::try_from(&flat).unwrap_or_default();
        let [c, h, w] = [channels, height, width].map(|n| usize::try_from(n).unwrap_or(0));
        let filters = values.chunks_exact((c * h * w).max(1)).take(PICTURED);
        let tiles: Vec<_> = filters.map(|filter| tile(filter, c, h, w)).collect();
        let title = format!("{} filters of {h} × {w}\n{}", tiles.len(), learned.unwrap_or_default());
        let picture = Tiles { title, tiles, side: FILTER, ..Tiles::default() }.scene().picture(DENSITY);
        let global_step = self.progress.global_epoch;
        Ok(self.hub.send(Event::Image { tag: "filters/b0".to_string(), global_step, picture })?)
    }
}

/// How many units of a Hebbian block have learned, in words. It begins a new count of wins, as every report does.
pub fn learned(block: &mut Block) -> Option<String> {
    let arch = block.config().arch;
    let statistics = block.hebbian_mut()?.statistics();
    let (n, near) = statistics.learned(arch);
    Some(format!("{n} of {} units have learned (radius within {near} of 1)", statistics.radius.len()))
}

/// What a block reports, from its layer's statistics.
fn statistics(block: usize, arch: Arch, s: &Statistics) -> BlockStats {
    let n = s.radius.len().max(1) as f64;
    let mean = s.radius.iter().sum::<f64>() / n;
    let deviations = || s.radius.iter().map(|r| (r - mean).abs());
    let variance = s.radius.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let listed = |v: &[f64]| v.iter().take(LISTED).copied().collect();
    BlockStats {
        block,
        lr: s.lr.iter().sum::<f64>() / s.lr.len().max(1) as f64,
        convergence: s.radius.iter().map(|r| (r - 1.0).abs()).sum::<f64>() / n,
        r1: s.learned(arch).0 as i64,
        radius_mean: mean,
        radius_std: variance.sqrt(),
        radius_mean_dev: deviations().sum::<f64>() / n,
        radius_max_dev: deviations().fold(0.0, f64::max),
        weight_mean: s.weight.0,
        weight_std: s.weight.1,
        bias_mean: s.bias.map(|b| b.0),
        bias_std: s.bias.map(|b| b.1),
        winner: s.winner.map(|w| w.0),
        anti_winner: s.winner.map(|w| w.1),
        first_radius: listed(&s.radius),
        first_lr: listed(&s.lr),
        first_wins: listed(&s.wins),
    }
}
