//! Inputs that excite units most: projected gradient ascent (Journé et al. 2023, Figure 2 and appendix B.8-B.11).
//!
//! From noise, `δ ← P(δ + s·g/‖g‖)` with g the gradient of the unit's pre-activation in the middle of its map through the
//! whole network, and P the projection onto the ball ‖δ‖₂ ≤ R. The input is the mean image plus δ, so that δ = 0 is the
//! middle of what the network saw. All units of a batch climb at once: image i climbs for unit i. Only the unit's
//! receptive field has a gradient; the rest of the image stays the mean.

use rand_distr::{Distribution, StandardNormal};
use tch::{Device, Kind, Tensor};

use super::receptive::field;
use super::{crop, preactivations};
use crate::device;
use crate::layer::Network;

/// Units that climb together.
const TOGETHER: usize = 64;

/// How to climb.
#[derive(Debug, Clone, Copy)]
pub struct Climb {
    /// Steps.
    pub steps: usize,
    /// Root mean square of δ on the surface of the ball, in the values of pixels.
    pub contrast: f64,
    /// Seed of the noise.
    pub seed: u64,
}

/// Where the field of the middle position lies in the image: rows and columns, each start and length.
pub fn window(network: &Network, b: usize) -> [[i64; 2]; 2] {
    let config = network.config();
    let ([_, height, width], [_, rows, columns]) = (config.in_shape, config.blocks[b].layer_shape);
    let Some(field) = field(config, b) else { return [[0, height], [0, width]] };
    [(rows, height), (columns, width)].map(|(positions, side)| {
        let start = field.start(positions / 2);
        let (first, last) = (start.clamp(0, side - 1), (start + field.size).clamp(1, side));
        [first, (last - first).max(1)]
    })
}

/// The mean image that the first block saw `(1, C, 1, 1)`: its batch norm's, or middle grey.
fn mean(network: &Network) -> Tensor {
    let c = network.config().in_shape[0];
    let state = network.blocks[0].state();
    let found = state.iter().find(|(name, t)| name.ends_with("running_mean") && t.numel() as i64 == c);
    let grey = || Tensor::full([c], 0.5, (Kind::Float, network.device()));
    found.map_or_else(grey, |(_, t)| t.copy()).view([1, c, 1, 1])
}

/// The patches `(units, C, h, w)` that excite these units of block `b`, and how much each excites its unit at the end and at the
/// beginning. `each` is told how many units are done.
pub fn climb(
    network: &mut Network,
    b: usize,
    units: &[i64],
    how: Climb,
    each: &mut dyn FnMut(usize),
) -> (Tensor, Vec<[f64; 2]>) {
    let [[top, h], [left, w]] = window(network, b);
    let c = network.config().in_shape[0];
    let radius = how.contrast * ((c * h * w) as f64).sqrt();
    let base = mean(network);
    let cut = field(network.config(), b).is_none_or(|f| [h, w] != [f.size; 2]);
    let mut small = crop::network(network, b, cut);
    let (network, top, left) = match &mut small {
        Some(small) => (small, 0, 0),
        None => (network, top, left),
    };
    let (mut patches, mut gains) = (Vec::new(), Vec::new());
    for (done, chunk) in units.chunks(TOGETHER).enumerate() {
        let n = chunk.len() as i64;
        let mut rng = device::rng(how.seed, &["ascent".into(), (b as u64).into(), (done as u64).into()]);
        let noise: Vec<f32> = (0..n * c * h * w).map(|_| StandardNormal.sample(&mut rng)).collect();
        let noise = Tensor::from_slice(&noise).view([n, c, h, w]).to_device(network.device());
        // A tenth of the ball: the noise breaks symmetries and is forgotten.
        let mut delta = project(&(&noise / norms(&noise) * radius * 0.1), radius);
        let index = Tensor::from_slice(chunk).to_device(network.device());
        let mut first = Vec::new();
        for step in 0..how.steps {
            let leaf = delta.detach().set_requires_grad(true);
            let response = respond(network, b, &index, &base, &leaf, [top, left]);
            if step == 0 {
                first = values(&response);
            }
            let sum = response.sum(Kind::Float);
            let gradient = Tensor::run_backward(&[sum], &[leaf], false, false).remove(0);
            delta = tch::no_grad(|| {
                // From a quarter of the ball down to nothing: the last steps settle.
                let length = radius * 0.25 * (1.0 - step as f64 / how.steps as f64);
                let along = &gradient / norms(&gradient).clamp_min(1e-12);
                project(&(delta.detach() + along * length), radius)
            });
        }
        let last = tch::no_grad(|| values(&respond(network, b, &index, &base, &delta, [top, left])));
        gains.extend(last.iter().zip(&first).map(|(end, start)| [*end, *start]));
        patches.push(delta);
        each((done * TOGETHER + chunk.len()).min(units.len()));
    }
    (Tensor::cat(&patches, 0).to_device(Device::Cpu), gains)
}

fn values(t: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(t.detach().to_kind(Kind::Double).to_device(Device::Cpu)).unwrap_or_default()
}

/// ‖·‖₂ of each image, `(N, 1, 1, 1)`.
fn norms(x: &Tensor) -> Tensor {
    x.flatten(1, -1).norm_scalaropt_dim(2.0, [1i64].as_slice(), true).view([-1, 1, 1, 1])
}

/// Onto the ball.
fn project(x: &Tensor, radius: f64) -> Tensor {
    let norm = norms(x);
    x * (norm.clamp_min(1e-12).reciprocal() * radius).clamp_max(1.0)
}

/// Pre-activation of unit i for image i, in the middle of its map `(N)`.
fn respond(network: &mut Network, b: usize, units: &Tensor, base: &Tensor, delta: &Tensor, at: [i64; 2]) -> Tensor {
    let [c, height, width] = network.config().in_shape;
    let (n, h, w) = (delta.size()[0], delta.size()[2], delta.size()[3]);
    let [top, left] = at;
    let placed = delta.constant_pad_nd([left, width - left - w, top, height - top - h]);
    let x = base.expand([n, c, height, width], false) + placed;
    let u = preactivations(network, &x, b);
    let u = match u.dim() {
        4 => u.narrow(2, u.size()[2] / 2, 1).narrow(3, u.size()[3] / 2, 1).flatten(1, -1),
        _ => u,
    };
    u.gather(1, &units.view([n, 1]), false).view([n])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Catalogue, Override, Target, dataset_config_with, resolve};

    fn network(model: &str) -> Network {
        let catalogue = Catalogue::embedded().unwrap();
        let set = [Override::parse("dataset_sup.nb_epoch=1").unwrap()];
        let data = dataset_config_with(&catalogue, "FashionMini_1", false, 0, Target::DatasetSup, &set).unwrap();
        let model = catalogue.custom_model(model).unwrap();
        Network::new(&resolve(&catalogue, &model, &data).unwrap(), 0, Device::Cpu)
    }

    #[test]
    fn a_linear_units_best_input_is_its_own_weights() {
        let mut network = network("Soft-c6-k5-p2 triangle max_2_2_0; BP-c10");
        let how = Climb { steps: 60, contrast: 0.2, seed: 1 };
        let (patches, gains) = climb(&mut network, 0, &[0, 3, 5], how, &mut |_| {});
        assert_eq!(patches.size(), [3, 1, 5, 5]);
        let weights = network.state().remove("blocks.0.layer.weight").unwrap();
        for (i, unit) in [0, 3, 5].into_iter().enumerate() {
            let (p, w) = (patches.get(i as i64).flatten(0, -1), weights.get(unit).flatten(0, -1));
            let cosine = p.dot(&w).double_value(&[]) / (p.norm() * w.norm()).double_value(&[]);
            assert!(cosine > 0.999, "{cosine}");
            assert!((p.norm().double_value(&[]) - 0.2 * 5.0).abs() < 1e-4, "on the surface of the ball");
        }
        assert!(gains.iter().all(|[end, start]| end > start));
    }

    /// The network on the field alone answers as the whole one does, for any padding, stride and norm.
    #[test]
    fn the_cropped_network_responds_as_the_whole_one() {
        for (text, deepest) in [
            (
                "Soft-c6-k5-p2 batchnorm2d triangle_0.7 max_4_2_1; SoftKrotov-c8-k3-p1 batchnorm2d triangle avg_2_2_0; BP-c9-k2-p0 relu; BP-c10",
                2,
            ),
            ("Hard-c5-k3-p1-s2 normnorm relu; Soft-c7-k3-p1-d2 softmax_1 max_2_2_0; BP-c10", 1),
        ] {
            let mut whole = network(text);
            for b in 0..=deepest {
                let [[top, h], [left, w]] = window(&whole, b);
                assert_eq!([h, w], [field(whole.config(), b).unwrap().size; 2]);
                let mut small = crop::network(&whole, b, false).expect("it can be cropped");
                let delta = Tensor::randn([3, 1, h, w], (Kind::Float, Device::Cpu));
                let (units, base) = (Tensor::from_slice(&[0i64, 2, 4]), mean(&whole));
                let expected = tch::no_grad(|| respond(&mut whole, b, &units, &base, &delta, [top, left]));
                let found = tch::no_grad(|| respond(&mut small, b, &units, &base, &delta, [0, 0]));
                let error = (&found - &expected).abs().max().double_value(&[]);
                assert!(error < 1e-4 * expected.abs().max().double_value(&[]), "{text}, block {b}: {error}");
            }
        }
        assert!(
            crop::network(&network("Soft-c6-k5-p2 max; BP-c10"), 0, false).is_none(),
            "a norm over the whole image"
        );
        assert!(crop::network(&network("BP-c20 flatten; BP-c10"), 0, false).is_none());
    }

    #[test]
    fn a_deep_unit_is_excited_more_than_by_noise_and_only_its_field_counts() {
        let mut network = network(
            "Soft-c6-k5-p2 batchnorm2d triangle_0.7 max_4_2_1; Soft-c8-k3-p1 batchnorm2d triangle max_2_2_0; BP-c10",
        );
        let how = Climb { steps: 30, contrast: 0.2, seed: 1 };
        let (patches, gains) = climb(&mut network, 1, &[0, 1, 2, 7], how, &mut |_| {});
        assert_eq!(patches.size(), [4, 1, 12, 12]);
        assert!(patches.isfinite().all().int64_value(&[]) == 1);
        assert!(gains.iter().all(|[end, start]| end > start), "{gains:?}");
    }
}
