//! Augmentation of a batch on its device, from a seed: random crop and horizontal flip, random resized crop and flip, or
//! Gaussian noise.
//!
//! The generator's numbers are drawn on the CPU, so that every device augments alike.
//!
//! A random resized crop (Szegedy et al. 2015, with the constants of torchvision) covers 8 to 100 % of the picture's area with a
//! ratio of sides of 3/4 to 4/3 in the picture's own pixels, and is scaled to the size of the batch's images. It is cut from the picture as it is
//! held, already scaled to that size: a small crop of a picture that was much larger has less detail than one cut from the
//! original.

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
    /// A part of random size and shape, scaled to the whole, flipped with probability 1/2.
    ResizedCrop,
    /// Gaussian noise of this standard deviation added.
    Noise(f64),
}

impl Augment {
    /// What the published program does for a data set: noise for MNIST, a resized crop for pictures, crop and flip for the
    /// others.
    pub fn of(dataset: &str, noise_std: f64) -> Augment {
        match dataset {
            "MNIST" => Augment::Noise(noise_std),
            _ if super::pictures::is_pictures(dataset) => Augment::ResizedCrop,
            _ => Augment::CropFlip,
        }
    }

    /// Augments `(B, C, H, W)`. `aspects` are the images' width over height before they were scaled to `(H, W)`; those that
    /// are missing are taken to be `W/H`.
    pub fn apply(&self, x: &Tensor, aspects: &[f32], seed: u64) -> Tensor {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        match *self {
            Augment::ResizedCrop => resized_crop(x, aspects, &mut rng),
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

/// Share of the area that a resized crop covers.
const AREA: [f64; 2] = [0.08, 1.0];
/// Its width over its height, in the picture's own pixels.
const RATIO: [f64; 2] = [3.0 / 4.0, 4.0 / 3.0];
/// Draws before the middle is taken.
const TRIES: usize = 10;

/// A part of a picture in shares of its sides: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window([f64; 4]);

/// Draws a window of a picture whose width is `aspect` times its height.
fn window(aspect: f64, rng: &mut ChaCha8Rng) -> Window {
    for _ in 0..TRIES {
        let area = rng.random_range(AREA[0]..=AREA[1]);
        let ratio = rng.random_range(RATIO[0].ln()..=RATIO[1].ln()).exp();
        let (width, height) = ((area * ratio / aspect).sqrt(), (area * aspect / ratio).sqrt());
        if width <= 1.0 && height <= 1.0 {
            let (left, top) = (rng.random_range(0.0..=1.0 - width), rng.random_range(0.0..=1.0 - height));
            return Window([left, top, width, height]);
        }
    }
    // The middle, as much of it as the ratio allows.
    let ratio = aspect.clamp(RATIO[0], RATIO[1]);
    let (width, height) = ((ratio / aspect).min(1.0), (aspect / ratio).min(1.0));
    Window([(1.0 - width) / 2.0, (1.0 - height) / 2.0, width, height])
}

/// Each image's own window, scaled to the whole by one bilinear sampling of the batch.
fn resized_crop(x: &Tensor, aspects: &[f32], rng: &mut ChaCha8Rng) -> Tensor {
    let size = x.size();
    let (b, h, w) = (size[0], size[2], size[3]);
    let mut theta = Vec::with_capacity(b as usize * 6);
    for i in 0..b as usize {
        let aspect = aspects.get(i).map_or(w as f64 / h as f64, |a| f64::from(*a));
        let Window([left, top, width, height]) = window(aspect, rng);
        let flip = if rng.random::<bool>() { -1.0 } else { 1.0 };
        // Sampling positions are in [−1, 1]: the window's half widths, and its centre.
        theta.extend([width * flip, 0.0, 2.0 * left + width - 1.0, 0.0, height, 2.0 * top + height - 1.0]);
    }
    let theta = Tensor::from_slice(&theta).view([b, 2, 3]).to_kind(x.kind()).to_device(x.device());
    let grid = Tensor::affine_grid_generator(&theta, &size, false);
    const BILINEAR: i64 = 0;
    const BORDER: i64 = 1;
    x.grid_sampler_2d(&grid, BILINEAR, BORDER, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn a_crop_is_a_window_of_the_padded_image() {
        let x = Tensor::rand([20, 3, 8, 8], (Kind::Float, Device::Cpu));
        let y = Augment::CropFlip.apply(&x, &[], 1);
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
        assert_eq!(Augment::CropFlip.apply(&x, &[], 1), y);
        assert_ne!(Augment::CropFlip.apply(&x, &[], 2), y);
    }

    #[test]
    fn noise_has_its_spread() {
        let x = Tensor::zeros([50, 1, 28, 28], (Kind::Float, Device::Cpu));
        let y = Augment::of("MNIST", 0.3).apply(&x, &[], 1);
        assert!((y.std(true).double_value(&[]) - 0.3).abs() < 0.01);
    }

    #[test]
    fn windows_keep_their_bounds() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut areas = Vec::new();
        for i in 0..4000 {
            let aspect = [1.0, 1.33, 0.6, 8.0][i % 4];
            let Window([left, top, width, height]) = window(aspect, &mut rng);
            assert!(left >= 0.0 && top >= 0.0 && left + width <= 1.0 + 1e-9 && top + height <= 1.0 + 1e-9);
            let ratio = width * aspect / height;
            assert!((RATIO[0] - 1e-9..=RATIO[1] + 1e-9).contains(&ratio), "{ratio}");
            if aspect == 1.0 {
                areas.push(width * height);
            }
        }
        assert!(areas.iter().all(|a| (0.08 - 1e-9..=1.0).contains(a)));
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        // Below the middle of the range: large windows that do not fit are drawn again.
        assert!((0.40..0.54).contains(&mean), "{mean}");
    }

    #[test]
    fn a_resized_crop_is_its_window_of_the_picture() {
        // Red grows with the column, green with the row: a crop shows where it was cut, and whether it was flipped.
        let n = 64;
        let ramp = (Tensor::arange(n, (Kind::Float, Device::Cpu)) + 0.5) / n as f64;
        let x = Tensor::stack(&[ramp.view([1, n]).expand([n, n], false), ramp.view([n, 1]).expand([n, n], false)], 0);
        let x = x.unsqueeze(0).expand([200, 2, n, n], false).contiguous();
        let y = Augment::ResizedCrop.apply(&x, &[1.0; 200], 3);
        assert_eq!(y.size(), x.size());
        let mut flipped = 0;
        for i in 0..200 {
            let at = |c: i64, row: i64, column: i64| y.double_value(&[i, c, row, column]);
            let (across, down) =
                ((at(0, 32, 63) - at(0, 32, 0)) * 64.0 / 63.0, (at(1, 63, 32) - at(1, 0, 32)) * 64.0 / 63.0);
            flipped += i32::from(across < 0.0);
            let area = across.abs() * down;
            assert!((0.075..=1.01).contains(&area), "{area}");
            assert!((0.72..=1.4).contains(&(across.abs() / down)), "{}", across / down);
        }
        assert!((70..=130).contains(&flipped), "{flipped}");
        assert_eq!(Augment::ResizedCrop.apply(&x, &[1.0; 200], 3), y);
    }
}
