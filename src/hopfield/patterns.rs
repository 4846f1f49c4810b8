//! Patterns: a checked set (P, N) of states, from rows, images or chance; and noise on them.

use rand::Rng;
use tch::{Device, Kind, Tensor};

use super::{Activation, HopfieldError};
use crate::data::Dataset;
use crate::device::{Stream, rng};
use crate::layer::wide::numbers;

/// At least one pattern, all of one length, every value finite and in the range of an activation.
#[derive(Debug)]
pub struct Patterns {
    values: Tensor,
    activation: Activation,
}

impl Clone for Patterns {
    fn clone(&self) -> Patterns {
        Patterns { values: self.values.shallow_clone(), activation: self.activation }
    }
}

impl Patterns {
    /// From rows of values.
    ///
    /// # Errors
    /// An empty set, rows of unequal length, a value that is not finite or not in the activation's range.
    pub fn from_rows(rows: &[Vec<f32>], activation: Activation) -> Result<Patterns, HopfieldError> {
        let n = rows.first().map_or(0, Vec::len);
        if n == 0 {
            return Err(HopfieldError::Empty { doing: "store" });
        }
        if let Some((index, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != n) {
            return Err(HopfieldError::Length { index, found: row.len(), expected: n });
        }
        let values = Tensor::from_slice(&rows.concat()).view([rows.len() as i64, n as i64]);
        Patterns::from_tensor(&values, activation)
    }

    /// From a tensor (P, N).
    ///
    /// # Errors
    /// As [`Patterns::from_rows`]; and a tensor that is no matrix.
    pub fn from_tensor(values: &Tensor, activation: Activation) -> Result<Patterns, HopfieldError> {
        let size = values.size();
        let [p, n] = size[..] else {
            let (found, wanted) = (format!("shape {size:?}"), "(patterns, neurons)".to_string());
            return Err(HopfieldError::Shape { what: "patterns", found, wanted });
        };
        if p == 0 || n == 0 {
            return Err(HopfieldError::Empty { doing: "store" });
        }
        let values = values.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
        for (i, &value) in numbers(&values).iter().enumerate() {
            let (index, neuron) = (i / n as usize, i % n as usize);
            if !value.is_finite() {
                return Err(HopfieldError::NotFinite { index, neuron, value });
            }
            if !activation.takes(value) {
                return Err(HopfieldError::Range { index, neuron, value, activation });
            }
        }
        Ok(Patterns { values, activation })
    }

    /// From a tensor (P, N) of any finite values, which count as states of tanh.
    ///
    /// # Errors
    /// An empty set, a tensor that is no matrix, a value that is not finite.
    pub fn any(values: &Tensor) -> Result<Patterns, HopfieldError> {
        let activation = Activation::Tanh;
        match Patterns::from_tensor(values, activation) {
            Err(HopfieldError::Range { .. }) => {
                let values = values.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
                let bad = numbers(&values).iter().enumerate().find(|(_, x)| !x.is_finite());
                let n = values.size()[1] as usize;
                match bad {
                    Some((i, &value)) => Err(HopfieldError::NotFinite { index: i / n, neuron: i % n, value }),
                    None => Ok(Patterns { values, activation }),
                }
            }
            other => other,
        }
    }

    /// Independent random patterns: each neuron active with probability ½.
    pub fn random(p: usize, n: usize, activation: Activation, seed: u64) -> Patterns {
        let mut rng = rng(seed, &["patterns".into()]);
        let levels = activation.levels();
        let values: Vec<f32> = (0..p.max(1) * n.max(1)).map(|_| levels[usize::from(rng.random::<bool>())]).collect();
        let values = Tensor::from_slice(&values).view([p.max(1) as i64, n.max(1) as i64]);
        Patterns { values, activation }
    }

    /// How many patterns.
    pub fn len(&self) -> usize {
        self.values.size()[0] as usize
    }

    /// Never: an empty set is an error when it is made.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Values of a pattern.
    pub fn neurons(&self) -> usize {
        self.values.size()[1] as usize
    }

    /// (P, N).
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Of which activation they are states.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// All values, pattern by pattern.
    pub fn numbers(&self) -> &[f32] {
        numbers(&self.values)
    }

    /// One pattern.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.numbers()[i * self.neurons()..(i + 1) * self.neurons()]
    }

    /// Some of the patterns, in this order, repeats allowed; all must exist.
    pub fn rows(&self, indices: &[usize]) -> Patterns {
        let indices: Vec<i64> = indices.iter().map(|i| *i as i64).collect();
        Patterns { values: self.values.index_select(0, &Tensor::from_slice(&indices)), activation: self.activation }
    }

    /// The patterns with noise: each value becomes the opposite one (low + high − value) with probability `level`. Row i draws
    /// from its own stream, named by the seed, `name` and i.
    pub fn noisy(&self, level: f64, seed: u64, name: &str) -> Patterns {
        let n = self.neurons();
        let sum: f32 = self.activation.levels().iter().sum();
        let mut values = self.numbers().to_vec();
        for (i, row) in values.chunks_exact_mut(n).enumerate() {
            let mut rng = rng(seed, &["noise".into(), Stream::Word(name), (i as u64).into()]);
            for x in row {
                if rng.random::<f64>() < level {
                    *x = sum - *x;
                }
            }
        }
        let values = Tensor::from_slice(&values).view([self.len() as i64, n as i64]);
        Patterns { values, activation: self.activation }
    }
}

/// An image as a pattern: active where a pixel is above the image's mean. Channels are averaged first.
pub fn binarise(image: &[u8], channels: usize, activation: Activation) -> Vec<f32> {
    let (channels, [low, high]) = (channels.max(1), activation.levels());
    let pixels = image.len() / channels;
    let grey: Vec<u32> =
        (0..pixels).map(|p| image.iter().skip(p).step_by(pixels).map(|x| u32::from(*x)).sum()).collect();
    let sum: u64 = grey.iter().map(|x| u64::from(*x)).sum();
    // x > sum/n in whole numbers: exact.
    grey.iter().map(|x| if u64::from(*x) * pixels as u64 > sum { high } else { low }).collect()
}

/// Patterns of images and whose images they are.
#[derive(Debug, Clone)]
pub struct ImagePatterns {
    /// What is stored, `per_class` images of each class in turn.
    pub stored: Patterns,
    /// As many other images of the same classes.
    pub others: Patterns,
    /// Class of each pattern: a name.
    pub labels: Vec<String>,
    /// Rows and columns of an image.
    pub shape: [usize; 2],
}

/// The classes that words name: numbers from 0, or names.
///
/// # Errors
/// An unknown class.
pub fn classes(words: &[String], data: &Dataset) -> Result<Vec<usize>, HopfieldError> {
    let find = |word: &String| {
        let number = word.parse::<usize>().ok().filter(|i| *i < data.classes.len());
        let name = || data.classes.iter().position(|name| name.eq_ignore_ascii_case(word));
        number.or_else(name).ok_or_else(|| {
            let known: Vec<String> = data.classes.iter().enumerate().map(|(i, name)| format!("{i} ({name})")).collect();
            HopfieldError::UnknownClass { class: word.clone(), dataset: data.name.clone(), known: known.join(", ") }
        })
    };
    words.iter().map(find).collect()
}

/// The first training images of each class as patterns: `per_class` to store, and the next as many as other inputs.
///
/// # Errors
/// A class without so many images, or none asked for.
pub fn of_images(
    data: &Dataset,
    classes: &[usize],
    per_class: usize,
    activation: Activation,
) -> Result<ImagePatterns, HopfieldError> {
    let images = &data.train;
    let (mut stored, mut others, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for &class in classes {
        let of_class = images.labels.iter().enumerate().filter(|(_, label)| **label == class as i64).map(|(i, _)| i);
        let found: Vec<usize> = of_class.take(2 * per_class).collect();
        let name = data.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
        if found.len() < 2 * per_class {
            return Err(HopfieldError::FewImages {
                class: format!("{class} ({name})"),
                dataset: data.name.clone(),
                found: found.len(),
                wanted: 2 * per_class,
            });
        }
        let pattern = |i: &usize| binarise(images.image(*i), images.channels, activation);
        stored.extend(found[..per_class].iter().map(pattern));
        others.extend(found[per_class..].iter().map(pattern));
        labels.extend(std::iter::repeat_n(name, per_class));
    }
    Ok(ImagePatterns {
        stored: Patterns::from_rows(&stored, activation)?,
        others: Patterns::from_rows(&others, activation)?,
        labels,
        shape: [images.height, images.width],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_split_at_their_mean() {
        assert_eq!(binarise(&[0, 10, 20, 10], 1, Activation::Sign), [-1.0, -1.0, 1.0, -1.0]);
        // Two channels of two pixels: sums 30 and 10.
        assert_eq!(binarise(&[10, 0, 20, 10], 2, Activation::Sigmoid), [1.0, 0.0]);
        assert_eq!(binarise(&[7; 3], 1, Activation::Tanh), [-1.0; 3], "no pixel is above the mean of equal ones");
    }

    #[test]
    fn noise_flips_its_share() {
        let patterns = Patterns::random(20, 1000, Activation::Sigmoid, 1);
        for level in [0.0, 0.1, 0.5, 1.0] {
            let noisy = patterns.noisy(level, 3, "a");
            let flipped = patterns.numbers().iter().zip(noisy.numbers()).filter(|(a, b)| a != b).count();
            assert!((flipped as f64 / 20_000.0 - level).abs() < 0.02, "{level}: {flipped}");
        }
        assert_eq!(patterns.noisy(0.2, 3, "a").numbers(), patterns.noisy(0.2, 3, "a").numbers());
        assert_ne!(patterns.noisy(0.2, 3, "a").numbers(), patterns.noisy(0.2, 4, "a").numbers());
    }
}
