//! Hopfield networks and associative memory: `softhebb hopfield`.
//!
//! Patterns are stored in the weights between N neurons; from a damaged one the network finds the whole. The weights' update is
//! Hebbian, the states follow u = Ws − θ through an activation, and with symmetric weights each step goes down in
//! E = −½ sᵀWs + θ·Σs.
//!
//! | file | subject |
//! |---|---|
//! | [`patterns`] | checked sets of patterns, images to patterns, noise |
//! | [`activation`] | sign, tanh, sigmoid |
//! | [`network`] | weights, energy, overlap, capacity, another size |
//! | [`rules`] | Hebbian and anti-Hebbian trainer, projection, Storkey |
//! | [`recall`] | what a recall is asked for and gives |
//! | [`synchronous`], [`asynchronous`] | the two ways of updating, whole batches at a time |
//! | [`modern`] | the modern continuous network |
//! | [`memory`] | a rule and what it stored, ready to recall |
//! | [`attractors`] | stored, reversed, mixed, spurious, oscillating |
//! | [`capacity`] | error of recall against load |
//! | [`pictures`] | grids, curves, weights |
//! | [`mod@file`] | networks as safetensors |
//! | [`mod@bench`] | speed against the machine's own product, and against plain forms |
//!
//! ```
//! use softhebb::hopfield::{Activation, Dynamics, Network, Options, Patterns, Trainer, synchronous};
//!
//! let patterns = Patterns::random(5, 200, Activation::Sign, 0);
//! let mut network = Network::new(200, Dynamics::default());
//! Trainer::default().train(&mut network, &patterns)?;
//! let starts = patterns.noisy(0.1, 1, "example");
//! let recalled = synchronous::recall(&network, starts.values(), &Options::default(), &mut |_| true)?;
//! assert_eq!(recalled.states, *patterns.values());
//! # Ok::<(), softhebb::hopfield::HopfieldError>(())
//! ```

pub mod activation;
pub mod asynchronous;
pub mod attractors;
pub mod bench;
pub mod capacity;
mod error;
pub mod file;
pub mod memory;
pub mod modern;
pub mod network;
pub mod patterns;
pub mod pictures;
pub mod recall;
pub mod rules;
pub mod synchronous;

pub use activation::Activation;
pub use error::HopfieldError;
pub use memory::Memory;
pub use modern::Modern;
pub use network::{Dynamics, Network};
pub use patterns::Patterns;
pub use recall::{Options, Recalled, Status, Sweep, Updates};
pub use rules::{Rule, Sign, Trainer};
