//! Training: epochs of batches of images, one image after the other; progress, scores and checkpoints.
//!
//! The spikes of the next batch are drawn while this one trains. Everything random follows from the seed, the epoch
//! and the image's position in it, so a run that was stopped goes on as if it had not been.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand_chacha::rand_core::RngCore;
use rand_distr::{Distribution, Normal};

use super::checkpoint::{self, Progress};
use super::eval::{evaluate, fits};
use super::{Activity, Encoder, Network, Plan, Readout, SnnError, Spikes, Stream, generator, pictures};
use crate::data::{self, DataDirs, Dataset, Images};
use crate::files::RunDir;
use crate::report::{Event, Hub, Metrics, PhaseInfo, PhaseKind};

/// Draws of a teacher are of 32 bits.
const DRAWS: f64 = 4_294_967_296.0;
/// Its phase number in [`data::epoch_order`]: training, and choosing what is held out.
const TRAINING: u32 = 0;
const HOLDING_OUT: u32 = 1;
/// A longer epoch is saved after each such time too.
const SAVE_EVERY: Duration = Duration::from_secs(300);
/// One in so many training images is held out.
const HELD_OUT: usize = 5;

/// The images of a run.
#[derive(Debug, Clone)]
pub struct RunData {
    /// All of them.
    pub dataset: Dataset,
    /// Training images.
    pub train: Vec<u32>,
    /// Images that it is tested on.
    pub test: Vec<u32>,
    /// Whether those are held-out training images.
    pub held_out: bool,
}

impl RunData {
    /// Reads the data set of a plan and chooses its images.
    ///
    /// # Errors
    /// When files are missing or broken.
    pub fn load(plan: &Plan) -> Result<RunData, SnnError> {
        let dirs = DataDirs::resolve(plan.data_dir.as_deref())?;
        Ok(RunData::choose(plan, data::load(&plan.dataset, "train", &dirs)?))
    }

    /// Chooses the images of a plan.
    pub fn choose(plan: &Plan, dataset: Dataset) -> RunData {
        let all = |images: &Images| (0..images.len() as u32).collect::<Vec<u32>>();
        let (mut train, mut test) = (all(&dataset.train), all(&dataset.test));
        if plan.validation {
            train = data::epoch_order(plan.seed, HOLDING_OUT, 0, dataset.train.len());
            test = train.split_off(train.len() - train.len() / HELD_OUT);
            train.sort_unstable();
            test.sort_unstable();
        }
        if plan.test_batches > 0 {
            test.truncate(plan.test_batches.saturating_mul(plan.batch_size));
        }
        RunData { dataset, train, test, held_out: plan.validation }
    }

    /// The images that [`RunData::test`] counts.
    pub fn test_images(&self) -> &Images {
        if self.held_out { &self.dataset.train } else { &self.dataset.test }
    }

    /// How many classes.
    pub fn classes(&self) -> usize {
        self.dataset.classes.len()
    }

    /// How many images an epoch trains on.
    pub fn epoch_images(&self, plan: &Plan) -> usize {
        match plan.train_batches {
            0 => self.train.len(),
            n => self.train.len().min(n.saturating_mul(plan.batch_size)),
        }
    }
}

/// A new network of a plan: normal weights; those to the output begin at 0 where they count or correct.
///
/// # Errors
/// When a constant is wrong.
pub fn initial(plan: &Plan, inputs: usize, classes: usize) -> Result<Network, SnnError> {
    plan.check(classes)?;
    let c = &plan.constants;
    let mut rng = generator(plan.seed, Stream::Weights);
    // The standard deviation was checked: finite and not negative.
    let normal = Normal::new(0.0, c.init_std as f32).map_err(|e| SnnError::Constant {
        name: "--init-std",
        value: c.init_std.to_string(),
        rule: e.to_string(),
    })?;
    let mut draw =
        |n: usize, std: bool| -> Vec<f32> { (0..n).map(|_| if std { normal.sample(&mut rng) } else { 0.0 }).collect() };
    let w1 = draw(inputs * c.hidden, true);
    let w2 = draw(c.hidden * classes, c.readout == Readout::Notebook);
    Network::new(c, inputs, classes, &w1, &w2)
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The network.
    pub network: Network,
    /// Accuracy on the test images, percent, after the last epoch.
    pub accuracy: Option<f64>,
    /// Stopped before its end.
    pub interrupted: bool,
}

/// A batch whose spikes are drawn.
#[derive(Debug, Default)]
struct Batch {
    images: Vec<(Spikes, usize, Vec<bool>)>,
    filled: usize,
}

/// Trains by a plan; `start` is a new network, or a checkpoint's and how far it is. Saves into `dir` after each epoch and when
/// `stop` is set.
///
/// # Errors
/// When images do not fit, weights are no numbers any more, or something cannot be written.
pub fn train(
    plan: &Plan,
    data: &RunData,
    start: (Network, Progress),
    dir: Option<&RunDir>,
    hub: &mut Hub,
    stop: &AtomicBool,
) -> Result<Outcome, SnnError> {
    let (mut network, mut progress) = start;
    plan.check(network.classes())?;
    fits(&network, &data.dataset.train)?;
    fits(&network, data.test_images())?;
    let begin = Instant::now();
    let before = progress.seconds;
    let images = data.epoch_images(plan);
    let batches = images.div_ceil(plan.batch_size);
    hub.send(Event::PhaseStarted(PhaseInfo {
        index: 0,
        count: 1,
        kind: PhaseKind::Hybrid,
        blocks: vec![0, 1],
        epochs: plan.epochs,
        images: images as u64,
        batch_size: plan.batch_size as u64,
    }))?;
    let (mut accuracy, mut saved) = (None, Instant::now());
    let mut activity = Activity::default();
    let (mut current, mut next) = (Batch::default(), Batch::default());
    while progress.epochs < plan.epochs {
        let (epoch, first, clock) = (progress.epochs + 1, progress.batches, Instant::now());
        let drawing = Drawing { plan, data, epoch, order: order(plan, data, epoch) };
        drawing.fill(first, &mut current);
        for batch in first..batches {
            let [eta1, eta2, theta] = plan.rates(share(plan, progress, batches));
            network.set_rates(eta1, eta2, theta);
            rayon::join(|| current.train(&mut network, &mut activity), || drawing.fill(batch + 1, &mut next));
            std::mem::swap(&mut current, &mut next);
            progress.batches = batch + 1;
            let done = ((batch + 1) * plan.batch_size).min(images) as u64;
            if let Some((layer, value)) = network.not_finite() {
                let cause = "the rates: try smaller --eta1, --eta2".to_string();
                return Err(SnnError::NotFinite { layer, value, epoch, image: done, cause });
            }
            hub.send(Event::Progress { epoch, images: done })?;
            if saved.elapsed() >= SAVE_EVERY && batch + 1 < batches {
                progress.seconds = before + begin.elapsed().as_secs_f64();
                save(dir, &network, progress, hub)?;
                saved = Instant::now();
            }
            if stop.load(Ordering::Relaxed) && batch + 1 < batches {
                progress.seconds = before + begin.elapsed().as_secs_f64();
                save(dir, &network, progress, hub)?;
                return finish(network, accuracy, true, progress, hub);
            }
        }
        let seconds = clock.elapsed().as_secs_f64();
        let done = images.saturating_sub(first * plan.batch_size);
        let images_per_second = done as f64 / seconds.max(1e-9);
        let score = evaluate(&network, data.test_images(), &data.test, plan.seed)?;
        accuracy = score.accuracy();
        progress = Progress { epochs: epoch, batches: 0, seconds: before + begin.elapsed().as_secs_f64() };
        hub.send(Event::Report(Box::new(Metrics {
            phase: 0,
            epoch,
            global_step: epoch,
            seconds: progress.seconds,
            images_per_second,
            lr: network.constants().eta1,
            test_acc: accuracy,
            ..Metrics::default()
        })))?;
        for (tag, picture) in pictures::of_weights(&network, &data.dataset) {
            hub.send(Event::Image { tag, global_step: epoch, picture })?;
        }
        save(dir, &network, progress, hub)?;
        saved = Instant::now();
        if stop.load(Ordering::Relaxed) && epoch < plan.epochs {
            return finish(network, accuracy, true, progress, hub);
        }
    }
    if accuracy.is_none() {
        // A finished run that is resumed has nothing to train; it says its score again.
        accuracy = evaluate(&network, data.test_images(), &data.test, plan.seed)?.accuracy();
    }
    hub.send(Event::PhaseFinished { index: 0, seconds: begin.elapsed().as_secs_f64() })?;
    finish(network, accuracy, false, progress, hub)
}

fn finish(
    network: Network,
    accuracy: Option<f64>,
    interrupted: bool,
    progress: Progress,
    hub: &mut Hub,
) -> Result<Outcome, SnnError> {
    hub.send(Event::RunFinished { test_acc: accuracy, test_loss: None, seconds: progress.seconds, interrupted })?;
    Ok(Outcome { network, accuracy, interrupted })
}

fn save(dir: Option<&RunDir>, network: &Network, progress: Progress, hub: &mut Hub) -> Result<(), SnnError> {
    if let Some(dir) = dir {
        checkpoint::save(dir, network, progress)?;
        hub.send(Event::Saved(dir.checkpoint()))?;
    }
    Ok(())
}

/// The images of an epoch in their order: all are shuffled, the first ones used.
fn order(plan: &Plan, data: &RunData, epoch: u64) -> Vec<u32> {
    let order = data::epoch_order(plan.seed, TRAINING, epoch as u32, data.train.len());
    order.into_iter().take(data.epoch_images(plan)).map(|i| data.train[i as usize]).collect()
}

/// How much of the whole training is done, 0…1.
fn share(plan: &Plan, progress: Progress, batches: usize) -> f64 {
    let all = plan.epochs as f64 * batches as f64;
    (progress.epochs as f64 * batches as f64 + progress.batches as f64) / all.max(1.0)
}

/// Draws the spikes of an epoch's batches.
struct Drawing<'a> {
    plan: &'a Plan,
    data: &'a RunData,
    epoch: u64,
    order: Vec<u32>,
}

impl Drawing<'_> {
    /// Draws a batch; one beyond the epoch's end is empty.
    fn fill(&self, batch: usize, out: &mut Batch) {
        let (plan, c) = (self.plan, &self.plan.constants);
        let start = batch.saturating_mul(plan.batch_size).min(self.order.len());
        let end = (start + plan.batch_size).min(self.order.len());
        let mut encoder = Encoder::new(c.p_input(), c.input_spikes);
        out.images.resize_with(plan.batch_size.min(self.order.len()), Default::default);
        out.filled = end - start;
        for (position, (spikes, label, teacher)) in (start..end).zip(&mut out.images) {
            let image = self.order[position] as usize;
            let mut rng = generator(plan.seed, Stream::Train { epoch: self.epoch, position: position as u64 });
            encoder.encode(self.data.dataset.train.image(image), c.steps, &mut rng, spikes);
            // The labels were checked: classes, from 0.
            *label = self.data.dataset.train.labels[image] as usize;
            teacher.clear();
            teacher.extend((0..c.steps).map(|_| f64::from(rng.next_u32()) < c.p_teacher() * DRAWS));
        }
    }
}

impl Batch {
    fn train(&self, network: &mut Network, activity: &mut Activity) {
        for (spikes, label, teacher) in self.images.iter().take(self.filled) {
            network.train_image(spikes, *label, teacher, activity);
        }
        network.end_batch();
    }
}
