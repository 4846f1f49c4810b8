//! A run's plan: everything that was typed, resolved and checked; what `config.json` holds.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Constants, Readout, SnnError};

/// Of which kind a plan's file is.
pub const VERSION: u32 = 1;

/// Constants by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// The notebook as it is.
    #[default]
    Notebook,
    /// The same kind of network with homeostasis, normalised input and a readout of counts.
    Tuned,
}

/// In which order images change the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One image after the other, each with the weights that the one before left: the notebook's rule, exactly.
    #[default]
    Online,
}

/// A schedule's ends: a rate falls from its constant to this, by the same factor each batch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ends {
    /// Of eta1; absent: it stays.
    pub eta1: Option<f64>,
    /// Of eta2; absent: it stays.
    pub eta2: Option<f64>,
    /// Of theta; absent: it stays.
    pub theta: Option<f64>,
}

/// Everything that a run needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// Where the constants came from.
    pub preset: Preset,
    /// Data set.
    pub dataset: String,
    /// The constants.
    pub constants: Constants,
    /// Where the rates end.
    pub ends: Ends,
    /// Passes.
    pub epochs: u64,
    /// Images a batch: after each the weights are clipped.
    pub batch_size: usize,
    /// Batches an epoch, of images drawn anew each epoch; 0: all images.
    pub train_batches: usize,
    /// Batches of test images, from the first; 0: all of them.
    pub test_batches: usize,
    /// Whether to hold out a fifth of the training images and test on them.
    pub validation: bool,
    /// Seed of weights, order, spikes and teacher.
    pub seed: u64,
    /// In which order images change the weights.
    pub mode: Mode,
    /// Threads; 0: as many as there are cores.
    pub threads: usize,
    /// Folder of the data sets, if it was given.
    pub data_dir: Option<PathBuf>,
}

impl Plan {
    /// The plan of a preset.
    pub fn of(preset: Preset) -> Plan {
        let notebook = Plan {
            version: VERSION,
            preset,
            dataset: "FashionMini".into(),
            constants: Constants::default(),
            ends: Ends::default(),
            epochs: 20,
            batch_size: 64,
            train_batches: 100,
            test_batches: 50,
            validation: false,
            seed: 3,
            mode: Mode::Online,
            threads: 0,
            data_dir: None,
        };
        match preset {
            Preset::Notebook => notebook,
            Preset::Tuned => Plan {
                constants: tuned(),
                ends: Ends { eta1: Some(0.002), eta2: Some(0.005), theta: Some(0.003) },
                epochs: 3,
                train_batches: 0,
                test_batches: 0,
                ..notebook
            },
        }
    }

    /// Checks the plan for images of this many classes.
    ///
    /// # Errors
    /// The first constant that is wrong, by its flag.
    pub fn check(&self, classes: usize) -> Result<(), SnnError> {
        self.constants.check(classes)?;
        let wrong = |name, value: String, rule: &str| SnnError::Constant { name, value, rule: rule.into() };
        for (name, value) in [("--epochs", self.epochs), ("--batch-size", self.batch_size as u64)] {
            if value == 0 {
                return Err(wrong(name, value.to_string(), "must be at least 1"));
            }
        }
        let (c, e) = (&self.constants, &self.ends);
        for (name, start, end, high) in [
            ("--eta1-end", c.eta1, e.eta1, 1.0),
            ("--eta2-end", c.eta2, e.eta2, 1.0),
            ("--theta-end", c.theta, e.theta, f64::MAX),
        ] {
            let Some(end) = end else { continue };
            // A rate that is 0 does not change, wherever it is to end.
            if !(end > 0.0 && end <= high) && start != 0.0 {
                return Err(wrong(name, end.to_string(), "must be above 0 and a rate as its start is"));
            }
        }
        Ok(())
    }

    /// eta1, eta2 and theta when this share of the training is done, 0…1.
    pub fn rates(&self, done: f64) -> [f64; 3] {
        let (c, e) = (&self.constants, &self.ends);
        [(c.eta1, e.eta1), (c.eta2, e.eta2), (c.theta, e.theta)].map(|(start, end)| match end {
            Some(end) if start > 0.0 => start * (end / start).powf(done),
            _ => start,
        })
    }
}

/// What the search for a better network of the same kind ended with.
///
/// One unit wins a step, thresholds keep all units in use, every image has the same number of input spikes, and the
/// weights to the output count classes; the output potential adds up what it gets and forgets nothing.
fn tuned() -> Constants {
    Constants {
        hidden: 3200,
        k_hidden: 1,
        steps: 10,
        tau_h: 0.1,
        tau_o: 10.0,
        vth_o: 0.0,
        eta1: 0.06,
        eta2: 0.02,
        teacher_rate_hz: 200.0,
        decay1: 0.0,
        decay2: 0.0,
        readout: Readout::Counts,
        input_spikes: 80.0,
        theta: 0.3,
        ..Constants::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_right() {
        for preset in [Preset::Notebook, Preset::Tuned] {
            Plan::of(preset).check(10).unwrap();
        }
        let c = Plan::of(Preset::Notebook).constants;
        // The notebook's cells.
        assert_eq!((c.hidden, c.k_hidden, c.k_output, c.steps), (256, 32, 1, 20));
        assert_eq!((c.dt, c.rate_hz, c.teacher_rate_hz), (0.005, 30.0, 80.0));
        assert_eq!((c.eta1, c.eta2, c.eta2_neg, c.decay1, c.decay2), (0.01, 0.02, 0.01, 5e-5, 5e-5));
        assert!((c.p_input() - 0.15).abs() < 1e-12 && (c.p_teacher() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn rates_fall_geometrically() {
        let mut plan = Plan::of(Preset::Notebook);
        assert_eq!(plan.rates(0.7), [0.01, 0.02, 0.0]);
        plan.ends = Ends { eta1: Some(0.0001), eta2: None, theta: Some(0.1) };
        for (done, eta1) in [(0.0, 0.01), (0.5, 0.001), (1.0, 0.0001)] {
            let [got, eta2, theta] = plan.rates(done);
            assert!((got / eta1 - 1.0).abs() < 1e-9 && eta2 == 0.02 && theta == 0.0);
        }
    }
}
