//! Flags that several commands share.

use clap::{ArgAction, Args};

use crate::cli::options::FolderArgs;
use crate::cli::{Usage, images};
use crate::data::{self, DataDirs, Dataset};
use crate::hopfield::memory::Storing;
use crate::hopfield::patterns::{ImagePatterns, classes, of_images};
use crate::hopfield::{Activation, Dynamics, HopfieldError, Options, Rule, Sign, Trainer, Updates};

/// Noise levels at most.
const LEVELS: usize = 1000;

/// How neurons answer and patterns are stored.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub struct ModelArgs {
    /// sign (a field of exactly 0 keeps the neuron's state), tanh(u/T) or sigmoid(u/T).
    #[arg(long, value_enum, default_value = "sign")]
    activation: Activation,
    /// T of tanh and sigmoid.
    #[arg(long, value_name = "T", default_value_t = 1.0, allow_negative_numbers = true)]
    temperature: f64,
    /// θ, subtracted from every field; auto: the one at which most neurons of the stored images stay (capacity: 0).
    #[arg(long, value_name = "THETA", default_value = "auto", allow_negative_numbers = true)]
    threshold: Threshold,
    /// Subtract the mean over all patterns before storing (Hebbian rule).
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    subtract_mean: bool,
    /// No neuron is connected with itself (Hebbian and projection rules; always so with Storkey's).
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    zero_diagonal: bool,
    /// Divide the sum of outer products by the number of patterns (Hebbian rule).
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    normalize_by_patterns: bool,
    /// Inverse temperature of the modern network [default: 1/sqrt(N)].
    #[arg(long, value_name = "BETA", allow_negative_numbers = true)]
    beta: Option<f64>,
}

impl ModelArgs {
    /// As the library takes it.
    pub fn storing(&self, rule: Rule) -> Storing {
        Storing {
            rule,
            trainer: Trainer {
                subtract_mean: self.subtract_mean,
                zero_diagonal: self.zero_diagonal,
                normalize_by_patterns: self.normalize_by_patterns,
                sign: Sign::Hebbian,
            },
            beta: self.beta,
            dynamics: Dynamics {
                activation: self.activation,
                temperature: self.temperature,
                threshold: match self.threshold {
                    Threshold::Auto => 0.0,
                    Threshold::Value(threshold) => threshold,
                },
            },
        }
    }

    /// Whether θ is to be found from the patterns.
    pub fn auto_threshold(&self) -> bool {
        matches!(self.threshold, Threshold::Auto)
    }
}

/// θ as typed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Threshold {
    Auto,
    Value(f64),
}

impl std::str::FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Threshold, String> {
        if text == "auto" {
            return Ok(Threshold::Auto);
        }
        text.parse().map(Threshold::Value).map_err(|_| format!("`{text}` is neither `auto` nor a number"))
    }
}

/// How states are recalled.
#[derive(Debug, Args)]
#[command(next_help_heading = "Recall")]
pub struct SweepArgs {
    /// sync: all neurons at once; async: one after the other, in a fresh random order each sweep.
    #[arg(long, value_enum, default_value = "sync")]
    updates: Updates,
    /// Sweeps at most [default: 20; capacity: 50].
    #[arg(long, value_name = "N")]
    sweeps: Option<usize>,
    /// Change of energy below which a state has converged.
    #[arg(long, value_name = "E", default_value_t = 1e-10, allow_negative_numbers = true)]
    convergence_threshold: f64,
    /// Seed of noise, random patterns and orders.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

impl SweepArgs {
    /// As the library takes it.
    pub fn options(&self, sweeps: usize) -> (Updates, Options) {
        let (sweeps, convergence_threshold) = (self.sweeps.unwrap_or(sweeps), self.convergence_threshold);
        (self.updates, Options { sweeps, convergence_threshold, ..Options::default() })
    }
}

/// Which images are patterns.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub struct ImageArgs {
    /// Data set: FashionMini (inside the program), MNIST, FashionMNIST, CIFAR10, …
    #[arg(long, value_name = "NAME", default_value = "FashionMini")]
    pub dataset: String,
    /// Classes whose images are stored, by number or name.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0,1,2")]
    pub classes: Vec<String>,
    /// Images stored of each class: its first training images; the next as many are the other inputs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub per_class: usize,
    #[command(flatten)]
    folder: FolderArgs,
}

impl ImageArgs {
    /// Reads the data set (`command` is who asks) and makes patterns of its images, binarised at each image's mean.
    pub fn load(&self, activation: Activation, command: &str) -> anyhow::Result<(Dataset, ImagePatterns)> {
        if self.per_class == 0 || self.classes.is_empty() {
            return Err(HopfieldError::Empty { doing: "store" }.into());
        }
        let data_dir = self.folder.data_dir.as_deref();
        let instead = format!("softhebb hopfield {command} --dataset FashionMini");
        let load = || Ok(data::load(&self.dataset, "", &DataDirs::resolve(data_dir)?)?);
        let data = images::load(self.folder.download, data_dir, Some(&instead), load)?;
        let classes = classes(&self.classes, &data)?;
        let patterns = of_images(&data, &classes, self.per_class, activation)?;
        Ok((data, patterns))
    }
}

/// Shares from 0 to 1.
pub fn noise_levels(levels: &[f64]) -> anyhow::Result<()> {
    if levels.is_empty() || levels.len() > LEVELS {
        return Err(Usage(format!("--noise wants 1 to {LEVELS} levels")).into());
    }
    match levels.iter().find(|level| !(0.0..=1.0).contains(*level)) {
        Some(level) => Err(Usage(format!("--noise is {level}, but must be a share from 0 to 1")).into()),
        None => Ok(()),
    }
}

/// `0.02..0.3` in steps of 0.01, `0.02..0.3:0.005` in steps of 0.005, or a list `0.05,0.1`.
pub fn loads(text: &str) -> Result<Vec<f64>, String> {
    let number = |t: &str| t.trim().parse::<f64>().map_err(|_| format!("`{t}` is no number"));
    let Some((first, rest)) = text.split_once("..") else {
        return text.split(',').map(number).collect();
    };
    let (last, step) = rest.split_once(':').unwrap_or((rest, "0.01"));
    let (first, last, step) = (number(first)?, number(last)?, number(step)?);
    let count = ((last - first) / step + 1e-9).floor();
    if !(step > 0.0 && first.is_finite() && (0.0..1000.0).contains(&count)) {
        return Err(format!("`{text}` is no range of 1 to 1000 loads: FIRST..LAST or FIRST..LAST:STEP"));
    }
    // To nine digits: 0.07, not 0.07000000000000001.
    Ok((0..=count as usize).map(|i| ((first + i as f64 * step) * 1e9).round() / 1e9).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists() {
        assert_eq!(loads("0.02..0.05").unwrap(), [0.02, 0.03, 0.04, 0.05]);
        assert_eq!(loads("0.1..0.3:0.1").unwrap(), [0.1, 0.2, 0.3]);
        assert_eq!(loads("0.05, 0.1").unwrap(), [0.05, 0.1]);
        for bad in ["", "a", "0.3..0.1", "0.1..0.2:0", "0.1..0.2:-1", "0..1e9", "nan..1", "0.1..", "0..1:nan"] {
            assert!(loads(bad).is_err(), "{bad}");
        }
    }
}
