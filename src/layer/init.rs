//! Initial weights, drawn on the CPU from our own seeded generator: the same on every device.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal, Uniform};
use tch::Tensor;

use crate::preset::config::{LayerConfig, WeightInit};

/// A tensor of the shape on the CPU, filled in order.
fn fill(shape: &[i64], mut draw: impl FnMut() -> f32) -> Tensor {
    let n: i64 = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|_| draw()).collect();
    Tensor::from_slice(&values).view(shape)
}

/// Weights of a Hebbian layer: `Normal(0, range)` or `Uniform[0, range)`.
pub fn hebbian(config: &LayerConfig, shape: &[i64], rng: &mut impl Rng) -> Tensor {
    let range = config.weight_init_range as f32;
    match config.weight_init {
        WeightInit::Normal => fill(shape, || {
            let z: f32 = StandardNormal.sample(rng);
            z * range
        }),
        WeightInit::Positive => fill(shape, || rng.random::<f32>() * range),
    }
}

/// Weights or bias of a backpropagation layer: `Uniform(−1/√n, 1/√n)` with n inputs a unit, libtorch's own default.
pub fn backprop(shape: &[i64], inputs: i64, rng: &mut impl Rng) -> Tensor {
    let bound = 1.0 / (inputs.max(1) as f32).sqrt();
    match Uniform::new(-bound, bound) {
        Ok(uniform) => fill(shape, || uniform.sample(rng)),
        Err(_) => Tensor::zeros(shape, (tch::Kind::Float, tch::Device::Cpu)), // unreachable: bound is positive and finite
    }
}
