//! What a run says while it goes on. The engine sends these; the console, the tables and tensorboard listen.

use std::path::PathBuf;

use crate::draw::Picture;

/// What kind of learning a phase does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseKind {
    /// Hebbian updates, no labels.
    Unsupervised,
    /// Backpropagation, or a Hebbian classifier with labels.
    Supervised,
    /// Both in each step (simultaneous mode).
    Hybrid,
    /// Computing the stored features that a later phase reads.
    Features,
}

/// A phase as its listeners see it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct PhaseInfo {
    /// Position, from 0.
    pub index: usize,
    /// How many phases the run has.
    pub count: usize,
    /// What kind of learning.
    pub kind: PhaseKind,
    /// Blocks trained.
    pub blocks: Vec<usize>,
    /// Epochs.
    pub epochs: u64,
    /// Images an epoch.
    pub images: u64,
    /// Images a step.
    pub batch_size: u64,
}

/// Numbers of one Hebbian block (§3).
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct BlockStats {
    /// Which block.
    pub block: usize,
    /// Mean learning rate over its units.
    pub lr: f64,
    /// mean |radius − 1|.
    pub convergence: f64,
    /// Units with |radius − 1| below 0.01 (CNN) or 0.005 (MLP).
    pub r1: i64,
    /// Mean radius.
    pub radius_mean: f64,
    /// Standard deviation of the radius.
    pub radius_std: f64,
    /// Mean deviation of the radius from its mean.
    pub radius_mean_dev: f64,
    /// Largest deviation of the radius from its mean.
    pub radius_max_dev: f64,
    /// Mean weight.
    pub weight_mean: f64,
    /// Standard deviation of the weights.
    pub weight_std: f64,
    /// Mean bias, if there is one.
    pub bias_mean: Option<f64>,
    /// Standard deviation of the bias, if there is one.
    pub bias_std: Option<f64>,
    /// Mean activity of the winner (Krotov layers).
    pub winner: Option<f64>,
    /// Mean activity of the anti-winners (Krotov layers).
    pub anti_winner: Option<f64>,
    /// Radius of each of the first 30 units.
    pub first_radius: Vec<f64>,
    /// Learning rate of each of the first 30 units.
    pub first_lr: Vec<f64>,
    /// Share of wins, percent, of each of the first 30 units (softmax mass for Soft).
    pub first_wins: Vec<f64>,
}

/// The report of an epoch: a row of `metrics.csv`. What a phase does not measure is absent.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Metrics {
    /// Phase, from 0.
    pub phase: usize,
    /// Epoch within the phase, from 1.
    pub epoch: u64,
    /// Epochs finished in the whole run: the x axis of tensorboard.
    pub global_step: u64,
    /// An epoch between two that are due (`print_freq`): nothing was tested, and only the blocks that learn are described.
    #[serde(default)]
    pub between: bool,
    /// Seconds since the run began (summed over resumes).
    pub seconds: f64,
    /// Images a second in this epoch's training.
    pub images_per_second: f64,
    /// Learning rate of the phase (Adam's, or the last trained Hebbian block's mean).
    pub lr: f64,
    /// Mean cross entropy on the training images.
    pub train_loss: Option<f64>,
    /// Accuracy on the training images, percent.
    pub train_acc: Option<f64>,
    /// Mean cross entropy on the test images.
    pub test_loss: Option<f64>,
    /// Accuracy on the test images, percent.
    pub test_acc: Option<f64>,
    /// One entry a Hebbian block of the network that is described, first to last.
    pub blocks: Vec<BlockStats>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The run begins; `config` is the whole plan.
    RunStarted {
        /// One line for people: `4SoftHebbCnnCIFAR · CIFAR10_1 → CIFAR10_50 · seed 0 · cpu, 2 threads`.
        title: String,
        /// The plan; the numbers of test images are those that there are.
        config: serde_json::Value,
        /// Where its files go, if it saves.
        folder: Option<PathBuf>,
        /// Epochs that an earlier part of this run finished (0 for a new one).
        resumed_at: u64,
    },
    /// A phase begins.
    PhaseStarted(PhaseInfo),
    /// Some images of the current epoch are done. Cheap; sent after every step.
    Progress {
        /// Epoch within the phase, from 1.
        epoch: u64,
        /// Images done in this epoch.
        images: u64,
    },
    /// About so many seconds are left of the run, over all its phases. Sent a few times a second, once a speed was measured.
    Left(f64),
    /// An epoch ended.
    Report(Box<Metrics>),
    /// What a model logs of one step.
    Step {
        /// The step in the whole run, from 0.
        step: u64,
        /// The line that says it.
        line: String,
        /// The numbers by their names.
        values: Vec<(&'static str, f64)>,
    },
    /// What a run was asked to record of a step, for `steps.csv` and curves of their own: a run's others count epochs.
    Record {
        /// Steps of the whole run until here, from 1.
        step: u64,
        /// The numbers by their names.
        values: Vec<(&'static str, f64)>,
    },
    /// A picture for tensorboard (and a PNG in the run folder): `filters/b0`.
    Image {
        /// Its name.
        tag: String,
        /// Epochs finished in the whole run.
        global_step: u64,
        /// The pixels.
        picture: Picture,
    },
    /// A number for tensorboard.
    Scalar {
        /// Its name: `bit_accuracy/stored`.
        tag: String,
        /// Its place on the x axis.
        global_step: u64,
        /// The number.
        value: f64,
    },
    /// A table or another result of several lines, said as it is.
    Table(String),
    /// A phase ended.
    PhaseFinished {
        /// Phase, from 0.
        index: usize,
        /// Seconds that it took.
        seconds: f64,
    },
    /// Something that the user should know and need not act on.
    Note(String),
    /// Something that the user should act on.
    Warning(String),
    /// The most memory that the process has held, bytes.
    PeakMemory(u64),
    /// A file was written.
    Saved(PathBuf),
    /// The run ended.
    RunFinished {
        /// Final accuracy on the test images, percent.
        test_acc: Option<f64>,
        /// Final loss on the test images.
        test_loss: Option<f64>,
        /// Seconds in all.
        seconds: f64,
        /// Stopped by the user before its end.
        interrupted: bool,
    },
}

/// Somebody who listens.
pub trait Subscriber {
    /// Takes one event. An error stops the run, with the file named.
    fn on(&mut self, event: &Event) -> Result<(), crate::report::ReportError>;
    /// Flushes and closes what is open; called once, also after an error.
    fn close(&mut self) -> Result<(), crate::report::ReportError> {
        Ok(())
    }
}
