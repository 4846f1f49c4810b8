//! The loop of a run: phases, epochs, steps; saving, stopping, reporting.

mod best;
mod reports;
mod stored;

pub use reports::learned;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tch::{Device, Tensor};

use super::checkpoint::{self, Best, Checkpoint, Progress};
use super::data::{RunData, Sets};
use super::learner::{Learner, Step, Sums};
use super::outlook::{self, Outlook};
use super::watch::{self, Place};
use super::{Phase, RunPlan, TrainError, adam, steps};
use crate::data::epoch_order;
use crate::device;
use crate::files::RunDir;
use crate::layer::Network;
use crate::layer::rate::Rate;
use crate::report::{BlockStats, Event, Hub, PhaseInfo};

/// An epoch that lasts longer than this is saved within itself, too.
const SAVE_EVERY: Duration = Duration::from_secs(300);

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Final accuracy on the test images, percent, if the run measured one.
    pub test_acc: Option<f64>,
    /// Final loss on the test images.
    pub test_loss: Option<f64>,
    /// Seconds in all, those of its earlier parts too.
    pub seconds: f64,
    /// Stopped by the user before its end.
    pub interrupted: bool,
}

impl Outcome {
    /// Tells the listeners that the run is over.
    ///
    /// # Errors
    /// When one of them cannot write.
    pub fn tell(&self, hub: &mut Hub) -> Result<(), TrainError> {
        if let Some(bytes) = device::peak_memory() {
            hub.send(Event::PeakMemory(bytes))?;
        }
        let Outcome { test_acc, test_loss, seconds, interrupted } = *self;
        Ok(hub.send(Event::RunFinished { test_acc, test_loss, seconds, interrupted })?)
    }
}

/// A run that is under way.
pub struct Trainer<'a> {
    plan: &'a RunPlan,
    /// The network; trained when [`Trainer::run`] returns.
    pub network: Network,
    data: RunData,
    hub: &'a mut Hub,
    stop: &'a AtomicBool,
    dir: Option<RunDir>,
    progress: Progress,
    /// Adam's moments of the checkpoint that the run goes on from.
    moments: Option<std::collections::BTreeMap<String, Tensor>>,
    began: Instant,
    /// Seconds of the run's earlier parts.
    earlier: f64,
    saved: Instant,
    /// Images a second in the last epoch.
    speed: f64,
    outcome: Outcome,
    outlook: Outlook,
    /// The best network kept so far, of a run that keeps it.
    best: Option<Best>,
}

impl<'a> Trainer<'a> {
    /// A run from its beginning. `stop` is looked at after every step.
    pub fn new(plan: &'a RunPlan, data: RunData, device: Device, hub: &'a mut Hub, stop: &'a AtomicBool) -> Self {
        let mut network = Network::new(&plan.network, plan.seed, device);
        network.set_precision(plan.precision);
        Trainer {
            network,
            dir: plan.save.then(|| RunDir::new(&plan.folder)),
            plan,
            data,
            hub,
            stop,
            progress: Progress::default(),
            moments: None,
            began: Instant::now(),
            earlier: 0.0,
            saved: Instant::now(),
            speed: 0.0,
            outcome: Outcome::default(),
            outlook: Outlook::default(),
            best: None,
        }
    }

    /// Goes on where a checkpoint of the same plan stands; `seconds` is what the earlier parts took.
    ///
    /// # Errors
    /// When the checkpoint does not fit the plan.
    pub fn go_on(&mut self, checkpoint: Checkpoint, seconds: f64) -> Result<(), TrainError> {
        let progress = checkpoint.progress.unwrap_or_default();
        let epochs = self.plan.phases.get(progress.phase).map(|p| p.epochs);
        if progress.phase > self.plan.phases.len() || epochs.is_some_and(|epochs| progress.epoch >= epochs) {
            let path = self.dir.as_ref().map(RunDir::checkpoint).unwrap_or_default();
            let (phase, epoch) = (progress.phase + 1, progress.epoch + 1);
            let cause = format!("it stands in phase {phase}, epoch {epoch}, which the plan does not have");
            return Err(TrainError::Checkpoint { path, cause });
        }
        self.network.load(&checkpoint.state, |_| true)?;
        self.progress = progress;
        self.moments = self.progress.adam_steps.map(|_| checkpoint.optimizer);
        self.earlier = seconds;
        self.best = self.best_so_far()?;
        // Blocks that learn no more keep the rate that they ended with; it is reported and saved.
        for (i, saved) in &self.progress.rates {
            if let Some(layer) = self.network.blocks.get_mut(*i).and_then(|b| b.hebbian_mut()) {
                let mut rate = layer.rate().clone();
                if let Rate::Scheduled { now, .. } = &mut rate {
                    *now = *saved;
                }
                layer.set_rate(rate);
            }
        }
        Ok(())
    }

    /// Takes all blocks but the last from a checkpoint.
    ///
    /// # Errors
    /// When the checkpoint does not fit.
    pub fn take_blocks(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let classifier = self.network.blocks.len().saturating_sub(1);
        Ok(self.network.load(&checkpoint.state, |i| i != classifier)?)
    }

    /// The network and the images, when the run is over.
    pub fn into_parts(self) -> (Network, RunData) {
        (self.network, self.data)
    }

    /// Tells the listeners what runs.
    ///
    /// # Errors
    /// When one of them cannot write.
    pub fn announce(&mut self, title: String) -> Result<(), TrainError> {
        let config = serde_json::to_value(self.tested_plan()).unwrap_or_default(); // plain data: it cannot fail
        let folder = self.dir.as_ref().map(|d| d.root().to_path_buf());
        let resumed_at = self.progress.global_epoch;
        Ok(self.hub.send(Event::RunStarted { title, config, folder, resumed_at })?)
    }

    /// Tells the listeners something that is not the engine's: reports of blocks that were taken over, a note.
    ///
    /// # Errors
    /// When one of them cannot write.
    pub fn tell(&mut self, event: Event) -> Result<(), TrainError> {
        Ok(self.hub.send(event)?)
    }

    /// The numbers of each Hebbian block as it stands.
    pub fn statistics(&mut self) -> Vec<BlockStats> {
        self.block_statistics(|_| true)
    }

    /// Takes the first `blocks` blocks from elsewhere and goes on after the phases that made them. All others stay as they
    /// are initialised, which depends on the seed alone.
    ///
    /// # Errors
    /// When the state does not fit.
    pub fn take_over(
        &mut self,
        state: &std::collections::BTreeMap<String, Tensor>,
        blocks: usize,
        progress: Progress,
    ) -> Result<(), TrainError> {
        self.network.load(state, |i| i < blocks)?;
        let state = self.network.state();
        self.go_on(Checkpoint { state, progress: Some(progress), optimizer: Default::default() }, 0.0)
    }

    /// Runs all phases that are left and tells the listeners that the run is over.
    ///
    /// # Errors
    /// When weights or loss are not finite, or a file cannot be written. What was saved before stands.
    pub fn run(&mut self) -> Result<Outcome, TrainError> {
        let outcome = self.learn()?;
        outcome.tell(self.hub)?;
        Ok(outcome)
    }

    /// Runs all phases that are left; for those who have more to say before the run is over.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn learn(&mut self) -> Result<Outcome, TrainError> {
        for note in std::mem::take(&mut self.data.notes) {
            self.hub.send(Event::Note(note))?;
        }
        self.outlook = Outlook::new(outlook::stages(self.plan, &self.data, self.progress.phase));
        for index in self.progress.phase..self.plan.phases.len() {
            self.phase(index)?;
            if self.outcome.interrupted {
                break;
            }
        }
        if self.plan.phases.is_empty() || self.outcome == Outcome::default() {
            self.score_as_it_is()?;
        }
        if !self.outcome.interrupted {
            self.remarks()?;
        }
        self.outcome.seconds = self.seconds();
        Ok(self.outcome.clone())
    }

    /// A run with nothing left to train still has an accuracy, if it ends in a classifier.
    fn score_as_it_is(&mut self) -> Result<(), TrainError> {
        let ends_in_classes =
            self.plan.network.blocks.last().is_some_and(|b| b.out_shape == [self.plan.network.classes, 1, 1]);
        let trained = self.plan.phases.last().is_some_and(|p| !p.is_unsupervised());
        if ends_in_classes && trained {
            let (loss, acc) = self.test(&self.data.sup.clone())?;
            (self.outcome.test_loss, self.outcome.test_acc) = (Some(loss), Some(acc));
        }
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.earlier + self.began.elapsed().as_secs_f64()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn phase(&mut self, index: usize) -> Result<(), TrainError> {
        let phase = self.plan.phases[index].clone();
        let began = Instant::now();
        if self.progress.phase != index {
            self.progress = Progress { phase: index, global_epoch: self.progress.global_epoch, ..Progress::default() };
        }
        let mut learner = Learner::new(&phase, &mut self.network);
        self.set_rates(&phase);
        self.restore_adam(&mut learner)?;
        self.free_what_is_done(index);
        let sets = if phase.is_unsupervised() { self.data.unsup.clone() } else { self.data.sup.clone() };
        // An epoch that was interrupted before stays as far as it came.
        let at = (self.progress.step > 0).then_some((self.progress.step, self.progress.sums));
        let tested = if self.plan.tests(&phase) {
            self.plan.frozen(index).min(phase.blocks.last().copied().unwrap_or(0))
        } else {
            0
        };
        if !self.store_features(learner.first(), sets.train.bank)? || !self.store_features(tested, sets.test.bank)? {
            return self.interrupt(&learner, at);
        }
        self.hub.send(Event::PhaseStarted(self.phase_info(index, &phase, sets.train.rows.len())))?;
        let images = sets.train.rows.len() as u64;
        let done = self.progress.epoch * images + self.progress.step * phase.batch_size;
        self.outlook.begin(index, phase.kind, phase.epochs * images, done);
        for epoch in self.progress.epoch + 1..=phase.epochs {
            let Some(sums) = self.epoch(&phase, index, epoch, &sets, &mut learner)? else {
                return self.finished(index, began.elapsed().as_secs_f64());
            };
            self.progress.epoch = epoch;
            self.progress.global_epoch += 1;
            self.report(&phase, index, epoch, &sets, &sums)?;
            if phase.reports(epoch) {
                self.keep_best(index, epoch)?;
            }
            // The last epoch's checkpoint already points at the next phase, whose Adam begins anew.
            if epoch == phase.epochs {
                learner.adam = None;
                self.progress.phase = index + 1;
                self.progress.epoch = 0;
            }
            self.save(&learner, None)?;
        }
        self.finished(index, began.elapsed().as_secs_f64())
    }

    fn phase_info(&self, index: usize, phase: &Phase, images: usize) -> PhaseInfo {
        PhaseInfo {
            index,
            count: self.plan.phases.len(),
            kind: phase.kind,
            blocks: phase.blocks.clone(),
            epochs: phase.epochs,
            images: images as u64,
            batch_size: phase.batch_size,
        }
    }

    /// Learning-rate rules of the phase's Hebbian blocks, where a resumed run left them.
    fn set_rates(&mut self, phase: &Phase) {
        let data = self.plan.dataset(phase);
        let ratio = phase.batch_size as f64 / data.training_sample.max(1) as f64;
        for &i in &phase.blocks {
            if let Some(layer) = self.network.blocks[i].hebbian_mut() {
                let mut rate = Rate::new(layer.config(), ratio, phase.epochs.max(1) as f64);
                if let (Rate::Scheduled { now, .. }, Some(saved)) = (&mut rate, self.progress.rates.get(&i)) {
                    *now = *saved;
                }
                layer.set_rate(rate);
            }
        }
    }

    fn restore_adam(&mut self, learner: &mut Learner) -> Result<(), TrainError> {
        let (Some(steps), Some(moments)) = (self.progress.adam_steps, self.moments.take()) else { return Ok(()) };
        let loaded = learner.adam.as_mut().map(|adam| adam.load(steps, &moments));
        if loaded == Some(None) {
            let path = self.dir.as_ref().map(|d| self.progress.optimizer(d)).unwrap_or_default();
            let cause = "Adam's moments do not fit the network".to_string();
            return Err(TrainError::Checkpoint { path, cause });
        }
        Ok(())
    }

    /// One epoch; `None` if it was stopped (and saved).
    fn epoch(
        &mut self,
        phase: &Phase,
        index: usize,
        epoch: u64,
        sets: &Sets,
        learner: &mut Learner,
    ) -> Result<Option<Sums>, TrainError> {
        let began = Instant::now();
        let seed = self.plan.seed;
        let order = epoch_order(seed, index as u32, epoch as u32, sets.train.rows.len());
        let rows: Vec<i64> = order.iter().map(|i| sets.train.rows[*i as usize]).collect();
        let steps = rows.len().div_ceil(phase.batch_size as usize) as u64;
        let lr = adam::learning_rate(phase.lr, epoch, phase.epochs);
        let resumed = (self.progress.step > 0).then_some(self.progress.sums);
        let mut sums = Sums::new(phase, &self.network, resumed);
        let done_before = sums.images;
        let on = self.network.device();
        for (step, chunk) in (1u64..).zip(rows.chunks(phase.batch_size as usize)).skip(self.progress.step as usize) {
            let seed = device::stream(seed, &["step".into(), (index as u64).into(), epoch.into(), step.into()]);
            let place = Place { phase: index, epoch, step };
            let check = watch::due(on, step, step == steps).then_some(place);
            let (network, bank) = (&mut self.network, &self.data.banks[sets.train.bank]);
            device::guard("a training step", || {
                learner.step_on(network, bank, chunk, Step { lr, seed, check }, &mut sums)
            })??;
            self.progress(epoch, sums.images, rows.len() as u64)?;
            let at = (step, sums.values());
            if self.plan.record_every > 0 && step.is_multiple_of(self.plan.record_every) {
                let before = steps::before(self.plan, &self.data, index) + (epoch - 1) * steps;
                self.record(phase, before + step, [index as f64, epoch as f64, sums.images as f64])?;
            }
            if self.stopped() {
                // After the last step, too: what an epoch ends with is then left to the run that goes on.
                self.interrupt(learner, Some(at))?;
                return Ok(None);
            }
            if self.saved.elapsed() > SAVE_EVERY && step < steps {
                self.save(learner, Some(at))?;
            }
        }
        // A step looks at the weights before it changes them; after the last one nobody else would.
        watch::updates(&self.network, &phase.blocks, Place { phase: index, epoch, step: steps })?;
        self.progress.step = 0;
        let seconds = began.elapsed().as_secs_f64();
        self.speed = (sums.images - done_before) as f64 / seconds.max(1e-9);
        Ok(Some(sums))
    }

    fn interrupt(&mut self, learner: &Learner, at: Option<(u64, (f64, f64, u64))>) -> Result<(), TrainError> {
        self.outcome.interrupted = true;
        self.save(learner, at)
    }

    /// Writes the checkpoint; `at` is the step within an epoch, with its sums.
    fn save(&mut self, learner: &Learner, at: Option<(u64, (f64, f64, u64))>) -> Result<(), TrainError> {
        (self.progress.step, self.progress.sums) = at.unwrap_or_default();
        self.progress.adam_steps = learner.adam.as_ref().map(adam::Adam::steps);
        self.progress.rates = self.rates();
        self.saved = Instant::now();
        if let Some(dir) = &self.dir {
            let moments = learner.adam.as_ref().map(adam::Adam::state).unwrap_or_default();
            checkpoint::save(dir, &self.network.state(), &self.progress, &moments)?;
            self.hub.send(Event::Saved(dir.checkpoint()))?;
        }
        Ok(())
    }

    fn rates(&self) -> std::collections::BTreeMap<usize, f64> {
        let scheduled = |(i, b): (usize, &crate::layer::Block)| match b.hebbian()?.rate() {
            Rate::Scheduled { now, .. } => Some((i, *now)),
            Rate::Adaptive { .. } => None,
        };
        self.network.blocks.iter().enumerate().filter_map(scheduled).collect()
    }
}
