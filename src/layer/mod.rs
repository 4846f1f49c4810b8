//! Layers, blocks and networks on libtorch tensors: the mathematics of SoftHebb, with no file, data set or screen.
//!
//! A plasticity rule is three pieces that compose:
//!
//! | piece | from | to | file |
//! |---|---|---|---|
//! | competition | pre-activations u | activities y | [`competition`] |
//! | update | x, y, u, W | Δ | [`plasticity`] |
//! | rate | ‖w‖, steps | η | [`rate`] |
//!
//! Convolution and fully connected share all three: a convolution is a fully connected layer on the patches of its
//! input ([`patches`]), so both learn from rows `(N, K)`, where N counts images and positions and K the inputs of a unit.
//!
//! Shapes are checked when a network is resolved ([`crate::preset`]). What can still fail here (memory, the device) comes
//! out of libtorch as a panic, which [`crate::device::guard`] turns into an error at the edge of a training step.

pub mod activation;
pub mod backprop;
pub mod block;
pub mod classifier;
pub mod competition;
pub mod dropout;
pub mod finish;
pub mod fused;
pub mod hebbian;
pub mod init;
pub mod network;
pub mod norm;
pub mod patches;
pub mod plasticity;
pub mod pool;
pub mod rate;
pub mod wide;

pub use block::Block;
pub use hebbian::Hebbian;
pub use network::Network;

/// Whether a block learns from what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Batch norms use the batch and update their running statistics, dropout drops, Hebbian layers prepare an update.
    Train {
        /// Seed of this step's dropout.
        seed: u64,
    },
    /// Nothing changes.
    Eval,
}

impl Mode {
    /// Whether the block learns.
    pub fn trains(self) -> bool {
        self != Mode::Eval
    }
}
