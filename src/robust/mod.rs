//! How a trained network bears noise and attacks (after Moraitis et al. 2022).
//!
//! - Gaussian noise of standard deviation σ, the result cut to [0, 1].
//! - Projected gradient descent (Madry et al. 2018) in the L2 or the L∞ ball of radius ε around each image, and in [0, 1]: from a
//!   random point of the ball, `steps` steps of length 2.5·ε/steps up the gradient of the cross entropy through the whole
//!   network, the classifier included. The attacker knows everything.
//!
//! Accuracy is that of the images after the last step. A network whose gradient vanishes (a saturated softmax) can look
//! robust against its own gradient; [`attack`] therefore takes the network whose gradient is followed apart from the one that is
//! attacked.

use rand_distr::{Distribution, StandardNormal};
use tch::{Kind, Tensor};

use crate::device;
use crate::layer::{Mode, Network};

/// What is done to the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// Gaussian noise; the strength is its standard deviation.
    Noise,
    /// Projected gradient descent; the strength is the radius in the L2 norm.
    PgdL2,
    /// Projected gradient descent; the strength is the largest change of a pixel.
    PgdLinf,
    /// As [`Attack::PgdLinf`], along the gradient of another network.
    TransferLinf,
}

impl Attack {
    /// All of them.
    pub const ALL: [Attack; 4] = [Attack::Noise, Attack::PgdL2, Attack::PgdLinf, Attack::TransferLinf];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Attack::Noise => "Gaussian noise",
            Attack::PgdL2 => "PGD, L2",
            Attack::PgdLinf => "PGD, L∞",
            Attack::TransferLinf => "PGD, L∞, through the BP network",
        }
    }

    /// What the strength is called.
    pub fn strength(self) -> &'static str {
        match self {
            Attack::Noise => "standard deviation",
            Attack::PgdL2 => "radius (L2)",
            Attack::PgdLinf | Attack::TransferLinf => "radius (L∞)",
        }
    }
}

/// How to attack.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Kind.
    pub attack: Attack,
    /// How strongly; 0 leaves the images as they are.
    pub strength: f64,
    /// Steps of the descent.
    pub steps: usize,
    /// Seed of noise and of the random start.
    pub seed: u64,
}

/// Class scores `(B, classes)` in eval mode; gradients flow if the images have them.
fn logits(network: &mut Network, x: &Tensor) -> Tensor {
    network.blocks.iter_mut().fold(x.shallow_clone(), |x, block| block.forward(&x, Mode::Eval))
}

/// How many of the images `(B, C, H, W)` the network gives their label `(B)`.
pub fn correct(network: &mut Network, x: &Tensor, labels: &Tensor) -> i64 {
    tch::no_grad(|| logits(network, x).argmax(1, false).eq_tensor(labels).sum(Kind::Int64).int64_value(&[]))
}

/// The images `(B, C, H, W)` in [0, 1] after an attack along the gradient of `network`.
pub fn attack(network: &mut Network, x: &Tensor, labels: &Tensor, how: How) -> Tensor {
    if how.strength <= 0.0 {
        return x.shallow_clone();
    }
    let mut rng = device::rng(how.seed, &["robustness".into()]);
    let noise: Vec<f32> = (0..x.numel()).map(|_| StandardNormal.sample(&mut rng)).collect();
    let noise = Tensor::from_slice(&noise).view(x.size().as_slice()).to_device(x.device());
    let eps = how.strength;
    let l2 = match how.attack {
        Attack::Noise => return (x + noise * eps).clamp(0.0, 1.0),
        Attack::PgdL2 => true,
        Attack::PgdLinf | Attack::TransferLinf => false,
    };
    // A random point: on a sphere of half the radius, or signs of half the size.
    let start = if l2 { &noise / norms(&noise).clamp_min(1e-12) * (eps / 2.0) } else { noise.sign() * (eps / 2.0) };
    let mut adversarial = (x + start).clamp(0.0, 1.0);
    let length = 2.5 * eps / how.steps.max(1) as f64;
    for _ in 0..how.steps {
        let leaf = adversarial.detach().set_requires_grad(true);
        let loss = logits(network, &leaf).cross_entropy_loss(labels, None::<&Tensor>, tch::Reduction::Sum, -100, 0.0);
        let gradient = Tensor::run_backward(&[loss], &[leaf], false, false).remove(0);
        adversarial = tch::no_grad(|| {
            let step = if l2 { &gradient / norms(&gradient).clamp_min(1e-12) } else { gradient.sign() };
            let moved = adversarial.detach() + step * length - x;
            let inside = if l2 {
                &moved * (norms(&moved).clamp_min(1e-12).reciprocal() * eps).clamp_max(1.0)
            } else {
                moved.clamp(-eps, eps)
            };
            (x + inside).clamp(0.0, 1.0)
        });
    }
    adversarial
}

/// ‖·‖₂ of each image, `(B, 1, 1, 1)`.
fn norms(x: &Tensor) -> Tensor {
    x.flatten(1, -1).norm_scalaropt_dim(2.0, [1i64].as_slice(), true).view([-1, 1, 1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Catalogue, dataset_config, resolve};
    use tch::Device;

    fn network(model: &str) -> Network {
        of_classes(model, 10)
    }

    fn of_classes(model: &str, classes: i64) -> Network {
        let catalogue = Catalogue::embedded().unwrap();
        let mut data = dataset_config(&catalogue, "FashionMini_1", false, 0).unwrap();
        data.out_channels = classes;
        Network::new(&resolve(&catalogue, &catalogue.custom_model(model).unwrap(), &data).unwrap(), 0, Device::Cpu)
    }

    fn images() -> (Tensor, Tensor) {
        let x =
            (Tensor::arange(8 * 784, (Kind::Float, Device::Cpu)) * 0.7).sin().abs().view([8, 1, 28, 28]) * 0.8 + 0.1;
        (x, Tensor::from_slice(&[0i64, 1, 2, 3, 4, 5, 6, 7]))
    }

    #[test]
    fn attacks_stay_in_their_ball_and_raise_the_loss() {
        let (x, labels) = images();
        for model in ["BP-c10 flatten", "Soft-c50-t1 flatten softmax_5; BP-c10", "BP-c20 flatten relu; BP-c10"] {
            let mut network = network(model);
            let loss = |n: &mut Network, x: &Tensor| logits(n, x).cross_entropy_for_logits(&labels).double_value(&[]);
            let before = loss(&mut network, &x);
            for (kind, strength) in [(Attack::PgdL2, 1.0), (Attack::PgdLinf, 0.05)] {
                let how = How { attack: kind, strength, steps: 10, seed: 0 };
                let y = attack(&mut network, &x, &labels, how);
                let change = &y - &x;
                let size = match kind {
                    Attack::PgdL2 => norms(&change).max().double_value(&[]),
                    _ => change.abs().max().double_value(&[]),
                };
                assert!(size <= strength + 1e-5, "{model}, {kind:?}: {size}");
                assert!(y.min().double_value(&[]) >= 0.0 && y.max().double_value(&[]) <= 1.0);
                assert!(loss(&mut network, &y) > before, "{model}, {kind:?}");
            }
        }
    }

    /// For a linear network the best attack is known: the corner of the L∞ ball along the sign of the gradient.
    #[test]
    fn a_linear_network_is_attacked_as_well_as_can_be() {
        let (x, labels) = images();
        let mut network = of_classes("BP-c2 flatten", 2);
        let labels = labels.remainder(2);
        // Far from the border of [0, 1], so that the whole ball is reached.
        let x = x * 0.5 + 0.25;
        let weight = network.state().remove("blocks.0.layer.weight").unwrap();
        let how = How { attack: Attack::PgdLinf, strength: 0.05, steps: 20, seed: 3 };
        let y = attack(&mut network, &x, &labels, how);
        let other = weight.index_select(0, &(labels.ones_like() - &labels)) - weight.index_select(0, &labels);
        let best = &x + other.sign().view([8, 1, 28, 28]) * 0.05;
        let error = (y - best).abs().max().double_value(&[]);
        assert!(error < 1e-4, "{error}");
    }

    #[test]
    fn noise_has_its_spread_and_nothing_is_nothing() {
        let (x, labels) = images();
        let mut network = network("BP-c10 flatten");
        let how = |strength| How { attack: Attack::Noise, strength, steps: 1, seed: 1 };
        let y = attack(&mut network, &(x.zeros_like() + 0.5), &labels, how(0.1));
        assert!(((y - 0.5).std(true).double_value(&[]) - 0.1).abs() < 0.01);
        assert_eq!(attack(&mut network, &x, &labels, how(0.0)), x);
    }
}
