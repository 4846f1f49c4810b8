//! The constants of a network: the notebook's, what was added to them, and what they must be.

use serde::{Deserialize, Serialize};

use super::SnnError;

/// How the weights to the output learn. `y` is the teacher's spike, `s` the natural ones, `h` the hidden ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Readout {
    /// The notebook's: Δ = eta2·h·max(s, y) − eta2_neg·h·(s without the target), columns of unit norm.
    #[default]
    Notebook,
    /// Counts of classes: Δ = eta2·h·(y − W2), which tends to P(class | the unit fires).
    Counts,
    /// Errors: Δ = eta2·h·(y − s), the perceptron's rule in spikes.
    Errors,
}

/// Everything that is constant in a network of D inputs, H hidden units and C classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constants {
    /// Hidden units, H.
    pub hidden: usize,
    /// Hidden units that may fire in a step.
    pub k_hidden: usize,
    /// Output units that may fire in a step.
    pub k_output: usize,
    /// Steps an image.
    pub steps: usize,
    /// Length of a step, seconds.
    pub dt: f64,
    /// Rate of an input at full intensity, Hz.
    pub rate_hz: f64,
    /// Time constant of the hidden potentials, seconds.
    pub tau_h: f64,
    /// Time constant of the output potentials, seconds.
    pub tau_o: f64,
    /// What a spike takes from a hidden potential.
    pub vth_h: f64,
    /// What a spike takes from an output potential.
    pub vth_o: f64,
    /// Learning rate of the weights to the hidden layer.
    pub eta1: f64,
    /// Learning rate of the weights to the output.
    pub eta2: f64,
    /// Learning rate of depression at the output.
    pub eta2_neg: f64,
    /// Rate of the teacher's spikes, Hz.
    pub teacher_rate_hz: f64,
    /// Decay of the weights to the hidden layer, a step.
    pub decay1: f64,
    /// Decay of the weights to the output, a step.
    pub decay2: f64,
    /// Standard deviation of the initial weights.
    pub init_std: f64,
    /// How the weights to the output learn.
    pub readout: Readout,
    /// Input spikes a step, on average, that every image is scaled to; 0: images as they are.
    pub input_spikes: f64,
    /// Homeostasis: after each step a hidden unit's threshold rises by theta·(its spike − k/H); 0: thresholds stay 0.
    pub theta: f64,
}

impl Default for Constants {
    /// The notebook's.
    fn default() -> Self {
        Constants {
            hidden: 256,
            k_hidden: 32,
            k_output: 1,
            steps: 20,
            dt: 0.005,
            rate_hz: 30.0,
            tau_h: 0.02,
            tau_o: 0.02,
            vth_h: 1.0,
            vth_o: 1.0,
            eta1: 0.01,
            eta2: 0.02,
            eta2_neg: 0.01,
            teacher_rate_hz: 80.0,
            decay1: 5e-5,
            decay2: 5e-5,
            init_std: 0.01,
            readout: Readout::Notebook,
            input_spikes: 0.0,
            theta: 0.0,
        }
    }
}

/// Largest layer: more would not fit a machine, or the indices.
const LARGEST: usize = 1 << 20;

impl Constants {
    /// Probability of a spike a step of an input at full intensity.
    pub fn p_input(&self) -> f64 {
        self.rate_hz * self.dt
    }

    /// Probability of a teacher's spike a step.
    pub fn p_teacher(&self) -> f64 {
        self.teacher_rate_hz * self.dt
    }

    /// What is left of a hidden potential after a step.
    pub fn alpha_h(&self) -> f32 {
        (-self.dt / self.tau_h).exp() as f32
    }

    /// What is left of an output potential after a step.
    pub fn alpha_o(&self) -> f32 {
        (-self.dt / self.tau_o).exp() as f32
    }

    /// Checks them all.
    ///
    /// # Errors
    /// The first that is wrong, by its flag, with what it must be.
    pub fn check(&self, classes: usize) -> Result<(), SnnError> {
        let whole = |name, value: usize, low: usize, high: usize, what: String| {
            let rule = || if value < low { format!("must be at least {low}") } else { what };
            if (low..=high).contains(&value) { Ok(()) } else { Err(wrong(name, value, rule())) }
        };
        let too_many = |layer: &str, units: usize| {
            format!("the {layer} layer has {units} units: no more can fire in a step; take at most {units}")
        };
        whole("--hidden", self.hidden, 1, LARGEST, format!("must be at most {LARGEST}"))?;
        whole("--k-hidden", self.k_hidden, 1, self.hidden, too_many("hidden", self.hidden))?;
        whole("--k-output", self.k_output, 1, classes, too_many("output", classes))?;
        whole("--steps", self.steps, 1, 1 << 16, "must be at most 65536".into())?;
        for (name, value) in [("--dt", self.dt), ("--tau-h", self.tau_h), ("--tau-o", self.tau_o)] {
            number(name, value, value > 0.0, "must be a time above 0, in seconds")?;
        }
        for (name, value) in [("--rate-hz", self.rate_hz), ("--teacher-rate-hz", self.teacher_rate_hz)] {
            number(name, value, value >= 0.0, "must be a rate of 0 or more, in Hz")?;
            let p = value * self.dt;
            // A rate of exactly 1/dt may round to a little more.
            let rule = format!(
                "a step of {} s would fire with probability {p:.4}; take at most 1/dt = {:.4} Hz, or a shorter --dt",
                self.dt,
                1.0 / self.dt
            );
            number(name, value, p <= 1.0 + 1e-9, &rule)?;
        }
        for (name, value) in [
            ("--vth-h", self.vth_h),
            ("--vth-o", self.vth_o),
            ("--init-std", self.init_std),
            ("--input-spikes", self.input_spikes),
            ("--theta", self.theta),
        ] {
            number(name, value, value >= 0.0, "must be 0 or more")?;
        }
        for (name, value) in [("--eta1", self.eta1), ("--eta2", self.eta2), ("--eta2-neg", self.eta2_neg)] {
            number(name, value, (0.0..=1.0).contains(&value), "must be a learning rate from 0 to 1")?;
        }
        for (name, value) in [("--decay1", self.decay1), ("--decay2", self.decay2)] {
            number(name, value, (0.0..1.0).contains(&value), "must be a share from 0 to below 1")?;
        }
        Ok(())
    }
}

fn number(name: &'static str, value: f64, right: bool, rule: &str) -> Result<(), SnnError> {
    if !value.is_finite() {
        return Err(wrong(name, value, "must be a finite number"));
    }
    if right { Ok(()) } else { Err(wrong(name, value, rule)) }
}

fn wrong(name: &'static str, value: impl ToString, rule: impl Into<String>) -> SnnError {
    SnnError::Constant { name, value: value.to_string(), rule: rule.into() }
}
