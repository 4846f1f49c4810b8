//! The flags of all constants of a network and its training; what is not typed is the preset's.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::snn::{Mode, Plan, Preset, Readout};

/// The constants; one that is not given is the preset's.
#[derive(Debug, Default, Args)]
pub struct ConstantArgs {
    /// Constants and data of the notebook, or of the network that was searched for.
    #[arg(long, value_enum, default_value = "notebook")]
    preset: Preset,
    /// Data set: FashionMini (inside the program), MNIST, FashionMNIST, … [notebook: FashionMini].
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Hidden units [notebook: 256].
    #[arg(long, value_name = "N")]
    hidden: Option<usize>,
    /// Hidden units that may fire in a step; of equal potentials the lowest index wins [notebook: 32].
    #[arg(long, value_name = "K")]
    k_hidden: Option<usize>,
    /// Output units that may fire in a step [notebook: 1].
    #[arg(long, value_name = "K")]
    k_output: Option<usize>,
    /// Steps an image [notebook: 20].
    #[arg(long, value_name = "T")]
    steps: Option<usize>,
    /// Length of a step, seconds [notebook: 0.005].
    #[arg(long, value_name = "S")]
    dt: Option<f64>,
    /// Rate of an input at full intensity; at most 1/dt [notebook: 30].
    #[arg(long, value_name = "HZ")]
    rate_hz: Option<f64>,
    /// Time constant of hidden potentials, seconds [notebook: 0.02].
    #[arg(long, value_name = "S")]
    tau_h: Option<f64>,
    /// Time constant of output potentials, seconds [notebook: 0.02].
    #[arg(long, value_name = "S")]
    tau_o: Option<f64>,
    /// What a spike takes from a hidden potential [notebook: 1].
    #[arg(long, value_name = "V")]
    vth_h: Option<f64>,
    /// What a spike takes from an output potential [notebook: 1].
    #[arg(long, value_name = "V")]
    vth_o: Option<f64>,
    /// Learning rate of Oja's rule [notebook: 0.01].
    #[arg(long, value_name = "RATE")]
    eta1: Option<f64>,
    /// Learning rate of the weights to the output [notebook: 0.02].
    #[arg(long, value_name = "RATE")]
    eta2: Option<f64>,
    /// Learning rate of depression at the output [notebook: 0.01].
    #[arg(long, value_name = "RATE")]
    eta2_neg: Option<f64>,
    /// Rate of the teacher's spikes; at most 1/dt [notebook: 80].
    #[arg(long, value_name = "HZ")]
    teacher_rate_hz: Option<f64>,
    /// Decay of the weights to the hidden layer, a step [notebook: 5e-5].
    #[arg(long, value_name = "SHARE")]
    decay1: Option<f64>,
    /// Decay of the weights to the output, a step [notebook: 5e-5].
    #[arg(long, value_name = "SHARE")]
    decay2: Option<f64>,
    /// Standard deviation of the initial weights [notebook: 0.01].
    #[arg(long, value_name = "STD")]
    init_std: Option<f64>,
    /// How the weights to the output learn [notebook: notebook].
    #[arg(long, value_enum)]
    readout: Option<Readout>,
    /// Scale every image to so many input spikes a step on average; 0: as it is [notebook: 0].
    #[arg(long, value_name = "N")]
    input_spikes: Option<f64>,
    /// Homeostasis: how much a threshold rises by a spike; 0: thresholds stay 0 [notebook: 0].
    #[arg(long, value_name = "V")]
    theta: Option<f64>,
    /// What eta1 falls to until the end [notebook: it stays].
    #[arg(long, value_name = "RATE")]
    eta1_end: Option<f64>,
    /// What eta2 falls to until the end [notebook: it stays].
    #[arg(long, value_name = "RATE")]
    eta2_end: Option<f64>,
    /// What theta falls to until the end [notebook: it stays].
    #[arg(long, value_name = "V")]
    theta_end: Option<f64>,
    /// Passes [notebook: 20].
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Images a batch, after which weights are clipped to -1…1 [notebook: 64].
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Batches an epoch, drawn anew each epoch; 0: all images [notebook: 100].
    #[arg(long, value_name = "N")]
    train_batches: Option<usize>,
    /// Batches of test images; 0: all images [notebook: 50].
    #[arg(long, value_name = "N")]
    test_batches: Option<usize>,
    /// Hold out 20 % of the training images and test on them [notebook: its own 10,000].
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    validation: Option<bool>,
    /// In which order images change the weights [notebook: online].
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Seed of weights, order, spikes and teacher [notebook: 3].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl ConstantArgs {
    /// Puts what was typed into a plan.
    pub fn apply(&self, plan: &mut Plan) {
        fn set<T: Clone>(to: &mut T, typed: &Option<T>) {
            if let Some(value) = typed {
                to.clone_from(value);
            }
        }
        let c = &mut plan.constants;
        set(&mut c.hidden, &self.hidden);
        set(&mut c.k_hidden, &self.k_hidden);
        set(&mut c.k_output, &self.k_output);
        set(&mut c.steps, &self.steps);
        set(&mut c.dt, &self.dt);
        set(&mut c.rate_hz, &self.rate_hz);
        set(&mut c.tau_h, &self.tau_h);
        set(&mut c.tau_o, &self.tau_o);
        set(&mut c.vth_h, &self.vth_h);
        set(&mut c.vth_o, &self.vth_o);
        set(&mut c.eta1, &self.eta1);
        set(&mut c.eta2, &self.eta2);
        set(&mut c.eta2_neg, &self.eta2_neg);
        set(&mut c.teacher_rate_hz, &self.teacher_rate_hz);
        set(&mut c.decay1, &self.decay1);
        set(&mut c.decay2, &self.decay2);
        set(&mut c.init_std, &self.init_std);
        set(&mut c.readout, &self.readout);
        set(&mut c.input_spikes, &self.input_spikes);
        set(&mut c.theta, &self.theta);
        plan.ends.eta1 = self.eta1_end.or(plan.ends.eta1);
        plan.ends.eta2 = self.eta2_end.or(plan.ends.eta2);
        plan.ends.theta = self.theta_end.or(plan.ends.theta);
        set(&mut plan.dataset, &self.dataset);
        set(&mut plan.epochs, &self.epochs);
        set(&mut plan.batch_size, &self.batch_size);
        set(&mut plan.train_batches, &self.train_batches);
        set(&mut plan.test_batches, &self.test_batches);
        set(&mut plan.validation, &self.validation);
        set(&mut plan.mode, &self.mode);
        set(&mut plan.seed, &self.seed);
        set(&mut plan.threads, &self.threads);
        plan.data_dir = self.data_dir.clone().or(plan.data_dir.take());
    }

    /// The plan of the preset with what was typed.
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::of(self.preset);
        self.apply(&mut plan);
        plan
    }
}
