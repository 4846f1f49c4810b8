//! The resolved configuration of a network and of a data set: every key has its value, every shape is known.
//!
//! These types are what a run writes into `config.json` and what `--resume` reads back, so they serialise in full.
//! Shapes are `[channels, height, width]`.

use serde::{Deserialize, Serialize};

/// Architecture of a block: fully connected or convolutional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Arch {
    /// Fully connected: the layer sees `(B, features)`.
    #[serde(rename = "MLP")]
    Mlp,
    /// Convolutional: the layer sees `(B, C, H, W)`.
    #[serde(rename = "CNN")]
    Cnn,
}

/// How a layer learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Method {
    /// Backpropagation (Adam, cross entropy).
    #[serde(rename = "BP")]
    Bp,
    /// Hard winner-take-all.
    Hard,
    /// Hard winner-take-all with an anti-Hebbian runner-up (Krotov & Hopfield 2019).
    HardKrotov,
    /// SoftHebb: softmax competition.
    Soft,
    /// SoftHebb with anti-Hebbian losers (Journé et al. 2023).
    SoftKrotov,
    /// A SoftHebb classifier trained with labels in place of the competition.
    SupervisedSoftKrotov,
}

impl Method {
    /// Whether the layer is trained by a local rule, not by backpropagation.
    pub fn is_hebbian(self) -> bool {
        self != Method::Bp
    }
}

/// Padding of a convolution's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaddingMode {
    /// Mirrored without repeating the edge (libtorch's `reflect`).
    Reflect,
    /// Zeros.
    Zeros,
    /// The edge repeated.
    Replicate,
    /// Wrapped around.
    Circular,
}

/// Distribution of the initial weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightInit {
    /// `Normal(0, range)`.
    Normal,
    /// `Uniform[0, range)`.
    Positive,
}

/// Schedule of a learning rate that is not adaptive (`v0`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LrDecay {
    /// Falls linearly to zero over the phase.
    Linear,
    /// Falls exponentially with `speed` to `lr / lr_div`.
    Exp,
    /// Stays.
    Constant,
}

/// One step applied to a block's input, in this order: batch norm, flatten, 1-d batch norm, max, normnorm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Batch norm over `(B, C, H, W)`, without affine parameters.
    BatchNorm2d,
    /// `(B, C, H, W)` to `(B, C·H·W)`.
    Flatten,
    /// Batch norm over `(B, features)`, without affine parameters.
    BatchNorm1d,
    /// Each image divided by its largest value.
    Max,
    /// `10·x/‖x‖₂` over dimension 1.
    NormNorm,
}

/// Activation function and its parameter (a parameter that is left out is 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// Which function.
    pub function: ActivationFn,
    /// Its parameter: power, inverse temperature or slope. Ignored by relu and hard.
    pub param: f64,
}

/// Activation functions of §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActivationFn {
    /// `relu(u − mean over channels)^p`.
    Triangle,
    /// `relu(u)`.
    Relu,
    /// `relu(u)^p`.
    Repu,
    /// `softmax(t·u)` over channels.
    Softmax,
    /// `exp(t·u)`.
    Exp,
    /// `tanh(b·u)`.
    Tanh,
    /// `sigmoid(b·u)`.
    Sigmoid,
    /// One-hot of the largest channel.
    Hard,
}

/// Pooling after the activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// `max` or `avg` (average pools count the padding).
    pub kind: PoolKind,
    /// Window size, pixels.
    pub kernel: i64,
    /// Step, pixels.
    pub stride: i64,
    /// Padding, pixels.
    pub padding: i64,
}

/// Kind of pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolKind {
    /// Largest value of the window.
    Max,
    /// Mean of the window.
    Avg,
}

/// Every hyperparameter of one layer, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerConfig {
    /// How the layer learns.
    pub method: Method,
    /// Input channels (CNN) or features (MLP).
    pub in_channels: i64,
    /// Neurons.
    pub out_channels: i64,
    /// Side of the kernel, pixels (1 for MLP).
    pub kernel_size: i64,
    /// Step of the kernel, pixels.
    pub stride: i64,
    /// Padding, pixels.
    pub padding: i64,
    /// Dilation, pixels.
    pub dilation: i64,
    /// Groups of channels that do not see each other.
    pub groups: i64,
    /// How the input is padded.
    pub padding_mode: PaddingMode,
    /// Hebbian learning rate.
    pub lr: f64,
    /// Adam's learning rate (BP).
    pub lr_sup: f64,
    /// Whether the rate follows the distance of each unit's norm from 1 (`v1`).
    pub adaptive: bool,
    /// Power of that distance.
    pub power_lr: f64,
    /// Schedule when not adaptive.
    pub lr_decay: LrDecay,
    /// `exp` decay ends at `lr / lr_div`.
    pub lr_div: f64,
    /// Speed of the `exp` decay.
    pub speed: f64,
    /// P of the Lebesgue norm.
    pub lebesgue_p: i64,
    /// Inverse temperature of the softmax.
    pub t_invert: f64,
    /// Strength of the anti-Hebbian runner-up (HardKrotov).
    pub delta: f64,
    /// Rank of the anti-Hebbian unit (HardKrotov), 1 = the winner.
    pub ranking_param: i64,
    /// Whether the layer has a bias.
    pub add_bias: bool,
    /// Expected initial radius of a unit.
    pub radius: f64,
    /// Triangle before the competition (`e1`).
    pub pre_triangle: bool,
    /// Only the first so many units learn (all if absent).
    pub nb_train: Option<i64>,
    /// Distribution of the initial weights.
    pub weight_init: WeightInit,
    /// Its range; nominal for BP.
    pub weight_init_range: f64,
    /// Trained with labels although Hebbian (`metric_mode: supervised`).
    pub supervised: bool,
    /// Keys that the published program reads without effect (mask_thsd, lr_bias, beta, power, normalize_inp,
    /// plasticity, weight_decay, …), kept as they were given or defaulted.
    pub recorded: serde_json::Map<String, serde_json::Value>,
}

/// One block: operations → dropout → layer → activation → batch norm → pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockConfig {
    /// The block string in canonical form.
    pub block: String,
    /// Fully connected or convolutional.
    pub arch: Arch,
    /// Steps on the input, in their order; their index names them in a checkpoint.
    pub operations: Vec<Operation>,
    /// Probability of dropping an input, if any.
    pub dropout: Option<f64>,
    /// The layer.
    pub layer: LayerConfig,
    /// Activation, if any.
    pub activation: Option<Activation>,
    /// Batch norm after the activation.
    pub batch_norm: bool,
    /// Pooling, if any.
    pub pool: Option<Pool>,
    /// Shape of the block's input (before its operations).
    pub in_shape: [i64; 3],
    /// Shape after the layer, before the pool.
    pub layer_shape: [i64; 3],
    /// Shape of the block's output (an MLP block has height and width 1).
    pub out_shape: [i64; 3],
}

/// A network with all its shapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// The preset's name, or `custom`.
    pub name: String,
    /// Shape of an image.
    pub in_shape: [i64; 3],
    /// Number of classes.
    pub classes: i64,
    /// The blocks, first to last.
    pub blocks: Vec<BlockConfig>,
}

/// Which classes are trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TrainingClass {
    /// These labels only.
    Some(Vec<i64>),
    /// `"all"`.
    All(String),
}

/// A data set and how to train on it; one row of `datasets.csv` plus what the command line adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetConfig {
    /// Name of the configuration, as typed: `CIFAR10_1`.
    pub config: String,
    /// Name of the data set: `CIFAR10`.
    pub name: String,
    /// Which split trains (`train`, `unlabeled`, `train+unlabeled`, `val`, `test`).
    pub split: String,
    /// Channels of an image.
    pub channels: i64,
    /// Width of an image, pixels.
    pub width: i64,
    /// Height of an image, pixels.
    pub height: i64,
    /// Size variant of an archive (ImageNette: 160 …), if any.
    pub px: Option<i64>,
    /// Number of classes.
    pub out_channels: i64,
    /// Training images used (after `validation` took its share).
    pub training_sample: i64,
    /// Test images.
    pub testing_sample: i64,
    /// Held-out training images when `validation` is set, else 0.
    pub val_sample: i64,
    /// Epochs.
    pub nb_epoch: i64,
    /// Images a step.
    pub batch_size: i64,
    /// Metrics every so many epochs (and at the first and the last).
    pub print_freq: i64,
    /// Random crop, flip or noise.
    pub augmentation: bool,
    /// Standard deviation of MNIST's noise.
    pub noise_std: f64,
    /// ZCA whitening.
    pub zca_whitened: bool,
    /// Classes trained on.
    pub training_class: TrainingClass,
    /// 20 % of the shuffled training images are the test set.
    pub validation: bool,
    /// Seed of shuffling and initial weights.
    pub seed: u64,
}
