//! Augmentation of a batch on its device, from a seed: random crop and horizontal flip, or Gaussian noise.
//!
//! The generator's numbers are drawn on the CPU, so that every device augments alike.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::{Kind, Tensor};

/// Padding of the random crop, pixels.
const PAD: i64 = 4;

/// What happens to an image at each reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Augment {
    /// Padded by 4 pixels (reflected), cropped at random to its size, flipped with probability 1/2.
    CropFlip,
    /// Gaussian noise of this standard deviation added.
    Noise(f64),
}

impl Augment {
    /// What the published program does for a data set: noise for MNIST, crop and flip for the others.
    pub fn of(dataset: &str, noise_std: f64) -> Augment {
        if dataset == "MNIST" { Augment::Noise(noise_std) } else { Augment::CropFlip }
    }

    /// Augments `(B, C, H, W)`.
    pub fn apply(&self, x: &Tensor, seed: u64) -> Tensor {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        match *self {
            Augment::Noise(std) => {
                let noise: Vec<f32> = (0..x.numel()).map(|_| StandardNormal.sample(&mut rng)).collect();
                x + Tensor::from_slice(&noise).view(x.size().as_slice()).to_device(x.device()) * std
            }
            Augment::CropFlip => crop_flip(x, &mut rng),
        }
    }
}

/// Each image's own crop and flip, as one gather along the columns and one along the rows.
fn crop_flip(x: &Tensor, rng: &mut ChaCha8Rng) -> Tensor {
    let size = x.size();
    let (b, c, h, w) = (size[0], size[1], size[2], size[3]);
    let padded = x.reflection_pad2d([PAD; 4]);
    let (mut rows, mut columns) = (Vec::with_capacity((b * h) as usize), Vec::with_capacity((b * w) as usize));
    for _ in 0..b {
        let (top, left) = (rng.random_range(0..=2 * PAD), rng.random_range(0..=2 * PAD));
        rows.extend(top..top + h);
        if rng.random::<bool>() {
            columns.extend((left..left + w).rev());
        } else {
            columns.extend(left..left + w);
        }
    }
    let index = |values: &[i64]| Tensor::from_slice(values).to_kind(Kind::Int64).to_device(x.device());
    let rows = index(&rows).view([b, 1, h, 1]).expand([b, c, h, w + 2 * PAD], false);
    let columns = index(&columns).view([b, 1, 1, w]).expand([b, c, h, w], false);
    padded.gather(2, &rows, false).gather(3, &columns, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn a_crop_is_a_window_of_the_padded_image() {
        let x = Tensor::rand([20, 3, 8, 8], (Kind::Float, Device::Cpu));
        let y = Augment::CropFlip.apply(&x, 1);
        assert_eq!(y.size(), x.size());
        let padded = x.reflection_pad2d([PAD; 4]);
        for i in 0..20 {
            let found = (0..=2 * PAD).any(|top| {
                (0..=2 * PAD).any(|left| {
                    let window = padded.get(i).narrow(1, top, 8).narrow(2, left, 8);
                    window == y.get(i) || window.flip([2]) == y.get(i)
                })
            });
            assert!(found, "image {i}");
        }
        assert_eq!(Augment::CropFlip.apply(&x, 1), y);
        assert_ne!(Augment::CropFlip.apply(&x, 2), y);
    }

    #[test]
    fn noise_has_its_spread() {
        let x = Tensor::zeros([50, 1, 28, 28], (Kind::Float, Device::Cpu));
        let y = Augment::of("MNIST", 0.3).apply(&x, 1);
        assert!((y.std(true).double_value(&[]) - 0.3).abs() < 0.01);
    }
}
