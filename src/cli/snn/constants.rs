//! The flags of all constants of a network and its training; what is not typed is the preset's.

use clap::{ArgAction, Args};

use crate::cli::options::{FolderArgs, ThreadArgs};
use crate::snn::{Mode, Plan, Preset, Readout};

/// The constants; one that is not given is the preset's.
#[derive(Debug, Default, Args)]
pub struct ConstantArgs {
    /// Constants and data of the notebook, or of the network that was searched for.
    #[arg(long, value_enum, default_value = "notebook", help_heading = "Network")]
    preset: Preset,
    /// Data set: FashionMini (inside the program), MNIST, FashionMNIST, … [notebook: FashionMini].
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    dataset: Option<String>,
    /// Hidden units [notebook: 256].
    #[arg(long, value_name = "N", help_heading = "Network")]
    hidden: Option<usize>,
    /// Hidden units that may fire in a step; of equal potentials the lowest index wins [notebook: 32].
    #[arg(long, value_name = "K", help_heading = "Network")]
    k_hidden: Option<usize>,
    /// Output units that may fire in a step [notebook: 1].
    #[arg(long, value_name = "K", help_heading = "Network")]
    k_output: Option<usize>,
    /// Steps an image [notebook: 20].
    #[arg(long, value_name = "T", help_heading = "Network")]
    steps: Option<usize>,
    /// Length of a step, seconds [notebook: 0.005].
    #[arg(long, value_name = "S", help_heading = "Network")]
    dt: Option<f64>,
    /// Rate of an input at full intensity; at most 1/dt [notebook: 30].
    #[arg(long, value_name = "HZ", help_heading = "Network")]
    rate_hz: Option<f64>,
    /// Time constant of hidden potentials, seconds [notebook: 0.02].
    #[arg(long, value_name = "S", help_heading = "Network")]
    tau_h: Option<f64>,
    /// Time constant of output potentials, seconds [notebook: 0.02].
    #[arg(long, value_name = "S", help_heading = "Network")]
    tau_o: Option<f64>,
    /// What a spike takes from a hidden potential [notebook: 1].
    #[arg(long, value_name = "V", help_heading = "Network")]
    vth_h: Option<f64>,
    /// What a spike takes from an output potential [notebook: 1].
    #[arg(long, value_name = "V", help_heading = "Network")]
    vth_o: Option<f64>,
    /// Learning rate of Oja's rule [notebook: 0.01].
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    eta1: Option<f64>,
    /// Learning rate of the weights to the output [notebook: 0.02].
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    eta2: Option<f64>,
    /// Learning rate of depression at the output [notebook: 0.01].
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    eta2_neg: Option<f64>,
    /// Rate of the teacher's spikes; at most 1/dt [notebook: 80].
    #[arg(long, value_name = "HZ", help_heading = "Training")]
    teacher_rate_hz: Option<f64>,
    /// Decay of the weights to the hidden layer, a step [notebook: 5e-5].
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    decay1: Option<f64>,
    /// Decay of the weights to the output, a step [notebook: 5e-5].
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    decay2: Option<f64>,
    /// Standard deviation of the initial weights [notebook: 0.01].
    #[arg(long, value_name = "STD", help_heading = "Network")]
    init_std: Option<f64>,
    /// How the weights to the output learn [notebook: notebook].
    #[arg(long, value_enum, help_heading = "Training")]
    readout: Option<Readout>,
    /// Scale every image to so many input spikes a step on average; 0: as it is [notebook: 0].
    #[arg(long, value_name = "N", help_heading = "Data")]
    input_spikes: Option<f64>,
    /// Homeostasis: how much a threshold rises by a spike; 0: thresholds stay 0 [notebook: 0].
    #[arg(long, value_name = "V", help_heading = "Training")]
    theta: Option<f64>,
    /// What eta1 falls to until the end [notebook: it stays].
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    eta1_end: Option<f64>,
    /// What eta2 falls to until the end [notebook: it stays].
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    eta2_end: Option<f64>,
    /// What theta falls to until the end [notebook: it stays].
    #[arg(long, value_name = "V", help_heading = "Training")]
    theta_end: Option<f64>,
    /// Passes [notebook: 20].
    #[arg(long, value_name = "N", help_heading = "Training")]
    epochs: Option<u64>,
    /// Images a batch, after which weights are clipped to -1…1 [notebook: 64].
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch_size: Option<usize>,
    /// Batches an epoch, drawn anew each epoch; 0: all images [notebook: 100].
    #[arg(long, value_name = "N", help_heading = "Training")]
    train_batches: Option<usize>,
    /// Batches of test images; 0: all images [notebook: 50].
    #[arg(long, value_name = "N", help_heading = "Data")]
    test_batches: Option<usize>,
    /// Hold out 20 % of the training images and test on them [notebook: its own 10,000].
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set, help_heading = "Data")]
    validation: Option<bool>,
    /// In which order images change the weights [notebook: online].
    #[arg(long, value_enum, help_heading = "Training")]
    mode: Option<Mode>,
    /// Seed of weights, order, spikes and teacher [notebook: 3].
    #[arg(long, value_name = "N", help_heading = "Training")]
    seed: Option<u64>,
    #[command(flatten)]
    pub folder: FolderArgs,
    #[command(flatten)]
    threads: ThreadArgs,
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
        set(&mut plan.threads, &self.threads.threads);
        plan.data_dir = self.folder.data_dir.clone().or(plan.data_dir.take());
    }

    /// The plan of the preset with what was typed.
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::of(self.preset);
        self.apply(&mut plan);
        plan
    }
}
