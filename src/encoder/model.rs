//! The encoder: layers of a fixed random convolution and learned lateral weights between positions.
//!
//! A layer maps x (B, C', H, W) to (B, C, h, w) with N = h·w positions:
//!
//! ```text
//! a     = relu(conv 3×3, stride 2, padding 1)
//! a    /= ‖a‖ + 1e-6                  over the positions of each channel (variant v2)
//! H_ij  = mean over channels of Σ_batch a_i·a_j
//! δ     = rate·H;   L += δ;   L clamped to [−clamp, clamp]
//! l     = a·L
//! out   = a + (l − mean over positions of l)        (v1: a + l)
//! ```
//!
//! The output of a step uses the L of that step. The published code keeps a (C, N, N) tensor and a full outer product a
//! channel: 85 million weights in a first layer of 16 channels and 48×48 positions. But δ is a mean over channels, so it
//! is the same for each of them, and each channel's matrix starts at zero and is clamped alike: they are one and the same
//! N×N matrix for ever. One is kept here, which is exact and not an approximation: with the activities as rows,
//! A (B·C, N), H is the one product AᵀA/C and l the one product A·L ([`super::lateral`] also uses that L is symmetric). The norm that is logged is that of C copies,
//! √C·‖L‖. [`super::published`] is the (C, N, N) form, the oracle of the tests.
//!
//! The convolutions never learn.

use rand_distr::{Distribution, Uniform};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::EncoderError;
use super::lateral::Lateral;
use crate::device;

/// Added to a channel's norm.
const EPSILON: f64 = 1e-6;

/// Which of the published encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The first prototype: no normalisation, no mean subtracted; one layer and 64×64 images unless said otherwise.
    V1,
    /// The deep encoder.
    #[default]
    V2,
}

/// How lateral weights learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Which encoder.
    pub variant: Variant,
    /// Learning rate.
    pub rate: f64,
    /// Bound of a lateral weight.
    pub clamp: f64,
}

/// What is logged of a step, of the last layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepLog {
    /// Mean squared output.
    pub energy: f64,
    /// Mean |δ|, before clamping.
    pub delta: f64,
    /// Frobenius norm of the laterals of all channels.
    pub norm: f64,
}

impl StepLog {
    /// The published line; steps count from 0.
    pub fn line(&self, step: u64) -> String {
        let StepLog { energy, delta, norm } = self;
        format!("[LOG] Step {step}: energy={energy:.4}, delta={delta:.6}, norm={norm:.4}")
    }
}

/// A convolution that does not learn: `weight` (C, C', 3, 3), `bias` (C).
#[derive(Debug)]
pub struct Convolution {
    /// Weights.
    pub weight: Tensor,
    /// Bias.
    pub bias: Tensor,
}

impl Convolution {
    /// Uniform in ±1/√(9·C'), libtorch's default for weights and bias, from our own seeded generator.
    pub fn new(inputs: i64, outputs: i64, rng: &mut impl rand::Rng) -> Convolution {
        let bound = 1.0 / (9.0 * inputs.max(1) as f32).sqrt();
        let uniform = Uniform::new(-bound, bound).ok();
        let mut fill = |shape: &[i64]| {
            let n: i64 = shape.iter().product();
            let draw = |_| uniform.map_or(0.0, |u| u.sample(rng)); // a bound of a number above 0 has a distribution
            Tensor::from_slice(&(0..n).map(draw).collect::<Vec<f32>>()).view(shape)
        };
        Convolution { weight: fill(&[outputs, inputs, 3, 3]), bias: fill(&[outputs]) }
    }

    /// relu(conv x), normalised over positions in variant v2: (B, C', H, W) → (B, C, h, w).
    pub fn activity(&self, x: &Tensor, variant: Variant) -> Tensor {
        let mut a = x.conv2d(&self.weight, Some(&self.bias), 2, 1, 1, 1).relu_();
        match variant {
            Variant::V1 => a,
            Variant::V2 => {
                let norm = a.norm_scalaropt_dim(2.0, [2i64, 3].as_slice(), true) + EPSILON;
                a.g_div_(&norm)
            }
        }
    }

    /// Channels.
    pub fn channels(&self) -> i64 {
        self.weight.size()[0]
    }
}

/// A convolution and the lateral weights of its positions.
#[derive(Debug)]
pub struct Layer {
    /// The convolution.
    pub convolution: Convolution,
    /// Lateral weights (N, N), the same for each channel.
    pub lateral: Lateral,
}

impl Layer {
    /// Learns from activities as rows, A (B·C, N).
    fn learn(&mut self, rows: &Tensor, rule: &Rule) {
        self.lateral.learn(rows, rule.rate / self.convolution.channels() as f64, rule.clamp);
    }

    /// The output of activities as rows.
    fn output(&self, rows: &Tensor, variant: Variant) -> Tensor {
        let mut l = self.lateral.of(rows);
        if variant == Variant::V2 {
            let mean = l.mean_dim([1i64].as_slice(), true, Kind::Float);
            let _ = l.g_sub_(&mean);
        }
        l.g_add_(rows)
    }

    /// Mean |δ| of a step. Activities are not negative, so Σ_ij H_ij is the sum over rows of (Σ_i a_i)², over C.
    fn delta(&self, rows: &Tensor, rule: &Rule) -> f64 {
        let sums = rows.sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
        let n = self.lateral.positions() as f64;
        rule.rate.abs() * sums.square().sum(Kind::Double).double_value(&[])
            / (self.convolution.channels() as f64 * n * n)
    }

    /// Norm of C copies of the lateral weights.
    pub fn norm(&self) -> f64 {
        (self.convolution.channels() as f64).sqrt() * self.lateral.norm()
    }
}

/// Positions along a side after one layer: stride 2, padding 1, kernel 3.
pub fn halved(side: i64) -> i64 {
    (side - 1) / 2 + 1
}

/// The stack.
#[derive(Debug)]
pub struct Encoder {
    /// Layers, first to last.
    pub layers: Vec<Layer>,
    /// How they learn.
    pub rule: Rule,
    /// Channels, rows and columns of an image.
    pub input: [i64; 3],
}

impl Encoder {
    /// A new encoder: random convolutions of a seed, laterals of zero.
    ///
    /// # Errors
    /// When there is no layer, or a layer has no channel.
    pub fn new(input: [i64; 3], channels: &[i64], rule: Rule, seed: u64) -> Result<Encoder, EncoderError> {
        let mut before = input[0];
        let mut convolutions = Vec::new();
        for (i, &c) in channels.iter().enumerate() {
            let mut rng = device::rng(seed, &["encoder".into(), (i as u64).into()]);
            convolutions.push(Convolution::new(before, c.max(0), &mut rng));
            before = c;
        }
        Encoder::from_convolutions(input, convolutions, rule)
    }

    /// An encoder of these convolutions, laterals of zero.
    ///
    /// # Errors
    /// When the convolutions do not fit one another.
    pub fn from_convolutions(
        input: [i64; 3],
        convolutions: Vec<Convolution>,
        rule: Rule,
    ) -> Result<Encoder, EncoderError> {
        let shape = |what, found: String, wanted: String| EncoderError::Shape { what, found, wanted };
        if convolutions.is_empty() || input.iter().any(|n| *n < 1) {
            return Err(shape("layers and images", format!("{} layers", convolutions.len()), "at least one".into()));
        }
        let [mut channels, mut h, mut w] = input;
        let mut layers = Vec::new();
        for convolution in convolutions {
            let (weight, bias) = (convolution.weight.size(), convolution.bias.size());
            let outputs = weight.first().copied().unwrap_or(0);
            if weight != [outputs, channels, 3, 3] || bias != [outputs] || outputs < 1 {
                let found = format!("{weight:?} and {bias:?}");
                return Err(shape("weights and bias of a layer", found, format!("(C, {channels}, 3, 3) and (C)")));
            }
            (channels, h, w) = (outputs, halved(h), halved(w));
            let lateral = Lateral::zeros(h * w, convolution.weight.device());
            layers.push(Layer { convolution, lateral });
        }
        Ok(Encoder { layers, rule, input })
    }

    /// The same encoder on a device.
    #[must_use]
    pub fn to_device(mut self, device: Device) -> Encoder {
        let layer = |l: Layer| {
            let Convolution { weight, bias } = l.convolution;
            let convolution = Convolution { weight: weight.to_device(device), bias: bias.to_device(device) };
            Layer { convolution, lateral: l.lateral.to_device(device) }
        };
        self.layers = self.layers.into_iter().map(layer).collect();
        self
    }

    /// Learns from a batch (B, C, H, W) and returns the last layer's output, flat (B, D), as this step computed it,
    /// and what is logged.
    pub fn step(&mut self, x: &Tensor) -> (Tensor, StepLog) {
        let (count, rule) = (self.layers.len(), self.rule);
        let mut x = x.shallow_clone();
        let mut delta = 0.0;
        for (i, layer) in self.layers.iter_mut().enumerate() {
            let a = layer.convolution.activity(&x, rule.variant);
            let rows = a.flatten(2, 3).flatten(0, 1);
            layer.learn(&rows, &rule);
            if i + 1 == count {
                delta = layer.delta(&rows, &rule);
            }
            x = layer.output(&rows, rule.variant).view_as(&a);
        }
        let features = x.flatten(1, -1);
        let energy = features.square().mean(Kind::Float).double_value(&[]);
        let norm = self.layers.last().map_or(0.0, Layer::norm);
        (features, StepLog { energy, delta, norm })
    }

    /// The last layer's output (B, D) of a batch (B, C, H, W); nothing learns.
    pub fn features(&self, x: &Tensor) -> Tensor {
        let mut x = x.shallow_clone();
        for layer in &self.layers {
            let a = layer.convolution.activity(&x, self.rule.variant);
            let rows = a.flatten(2, 3).flatten(0, 1);
            x = layer.output(&rows, self.rule.variant).view_as(&a);
        }
        x.flatten(1, -1)
    }

    /// Rows and columns of each layer's positions.
    pub fn positions(&self) -> Vec<[i64; 2]> {
        let [_, mut h, mut w] = self.input;
        let next = |_: &Layer| {
            (h, w) = (halved(h), halved(w));
            [h, w]
        };
        self.layers.iter().map(next).collect()
    }

    /// Numbers in an image's output.
    pub fn dimensions(&self) -> i64 {
        let positions = self.layers.last().map_or(0, |l| l.lateral.positions());
        positions * self.layers.last().map_or(0, |l| l.convolution.channels())
    }

    /// Floating-point operations of a training step of a batch (a multiply-add is two): convolutions, the half of H that its
    /// symmetry leaves, and l.
    pub fn flop(&self, batch: i64) -> f64 {
        let mut inputs = self.input[0];
        let each = self.layers.iter().map(|layer| {
            let (n, c) = (layer.lateral.positions() as f64, layer.convolution.channels());
            let flop = 2.0 * 9.0 * (inputs * c) as f64 * n + (1.0 + 2.0) * c as f64 * n * n;
            inputs = c;
            flop
        });
        each.sum::<f64>() * batch as f64
    }

    /// Lateral weights that are kept, and those of the published form.
    pub fn laterals(&self) -> (i64, i64) {
        let n2 = |l: &Layer| l.lateral.positions().pow(2);
        let published = self.layers.iter().map(|l| n2(l) * l.convolution.channels()).sum();
        (self.layers.iter().map(n2).sum(), published)
    }
}
