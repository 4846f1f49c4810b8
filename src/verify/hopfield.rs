//! A recorded Hopfield network: patterns stored with and without their mean, recalled by each activation, one unlearned.

use tch::{Kind, Tensor};

use super::{Recording, VerifyError};
use crate::hopfield::{Activation, Dynamics, HopfieldError, Network, Options, Patterns, Sign, Trainer, synchronous};

const ACTIVATIONS: [Activation; 3] = [Activation::Sign, Activation::Tanh, Activation::Sigmoid];

/// Recomputes the recording. The recorded energy is −½ sᵀWs, without the threshold's part.
pub(super) fn run(recording: &mut Recording) -> Result<(), VerifyError> {
    let values = recording.tensor("patterns")?.to_device(tch::Device::Cpu);
    // Any finite values can be stored.
    let patterns = checked(recording, Patterns::any(&values))?;
    let iterations: usize = recording.number("iterations")?;
    let (temperature, threshold) = (recording.number("temperature")?, recording.number("threshold")?);
    for mean in [0, 1] {
        let trainer = Trainer { subtract_mean: mean == 1, ..Trainer::default() };
        let weights = if recording.fast {
            let mut network = Network::new(patterns.neurons(), Dynamics::default());
            checked(recording, trainer.train(&mut network, &patterns))?;
            network.weights().shallow_clone()
        } else {
            plain_weights(patterns.values(), mean == 1)
        };
        recording.compare(&format!("w.subtract_mean{mean}"), &weights)?;
        let start = format!("noisy.{mean}");
        if !recording.has(&start) {
            continue;
        }
        for activation in ACTIVATIONS {
            let dynamics = Dynamics { activation, temperature, threshold };
            let network = checked(recording, Network::with_weights(&weights, dynamics))?;
            let starts = recording.tensor(&start)?.to_device(tch::Device::Cpu);
            let (states, energies) = recall(recording, &network, &starts, iterations)?;
            recording.compare(&format!("recall.{activation}.{mean}"), &states)?;
            recording.compare(&format!("energy.{activation}.{mean}"), &energies)?;
        }
        if mean == 0 && recording.has("w.forget0") {
            let dynamics = Dynamics::default();
            let mut network = checked(recording, Network::with_weights(&weights, dynamics))?;
            let unlearn = Trainer { subtract_mean: false, sign: Sign::AntiHebbian, ..Trainer::default() };
            checked(recording, unlearn.train(&mut network, &patterns.rows(&[0])))?;
            recording.compare("w.forget0", network.weights())?;
        }
    }
    Ok(())
}

/// The states after so many sweeps (B, N), and −½ sᵀWs after each (B, sweeps).
fn recall(
    recording: &Recording,
    network: &Network,
    starts: &Tensor,
    sweeps: usize,
) -> Result<(Tensor, Tensor), VerifyError> {
    let one = Options { sweeps: 1, convergence_threshold: 0.0, early_stop: false, energies: false };
    let (mut states, mut energies) = (starts.to_kind(Kind::Float), Vec::new());
    for _ in 0..sweeps {
        states = if recording.fast {
            checked(recording, synchronous::recall(network, &states, &one, &mut |_| true))?.states
        } else {
            plain_sweep(network, &states)
        };
        energies.push((states.matmul(&network.weights().tr()) * &states).sum_dim_intlist(1, false, Kind::Float) * -0.5);
    }
    if recording.fast && sweeps > 0 {
        // All sweeps in one call, as the commands recall, give the same states.
        let all = Options { sweeps, early_stop: true, energies: false, ..one };
        states = checked(recording, synchronous::recall(network, starts, &all, &mut |_| true))?.states;
    }
    Ok((states, Tensor::stack(&energies, 1)))
}

/// A sweep by the formula.
fn plain_sweep(network: &Network, states: &Tensor) -> Tensor {
    let Dynamics { activation, temperature, threshold } = network.dynamics;
    let fields = states.matmul(&network.weights().tr()) - threshold;
    match activation {
        Activation::Sign => states.where_self(&fields.eq(0.0), &fields.sign()),
        Activation::Tanh => (fields / temperature).tanh(),
        Activation::Sigmoid => (fields / temperature).sigmoid(),
    }
}

/// W by the formula, one outer product after the other.
fn plain_weights(patterns: &Tensor, subtract_mean: bool) -> Tensor {
    let x = if subtract_mean { patterns - patterns.mean(Kind::Float) } else { patterns.shallow_clone() };
    let (p, n) = (x.size()[0], x.size()[1]);
    let mut weights = Tensor::zeros([n, n], (Kind::Float, x.device()));
    for i in 0..p {
        weights += x.get(i).outer(&x.get(i));
    }
    let weights = weights / p as f64;
    let diagonal = Tensor::eye(n, (Kind::Float, x.device()));
    &weights * (1.0 - diagonal)
}

fn checked<T>(recording: &Recording, result: Result<T, HopfieldError>) -> Result<T, VerifyError> {
    result.map_err(|e| recording.lacks(e.to_string()))
}
