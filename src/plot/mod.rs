//! Pictures of a trained network: what its units look for, and how it sees the classes.
//!
//! - [`receptive`]: how much of the image a unit sees, computed from the blocks.
//! - [`ascent`]: the inputs that excite units most (projected gradient ascent).
//! - [`excite`]: the patches of real images that do.
//! - [`umap`]: a layer's outputs in two dimensions.
//! - [`before_after`]: the first layer's filters before and after learning.
//! - [`draw`]: tiles and scatters with their words.

pub mod ascent;
pub mod before_after;
pub mod crop;
pub mod draw;
pub mod drawn;
pub mod excite;
pub mod receptive;
pub mod umap;

use tch::Tensor;

use crate::layer::{Mode, Network};

/// Pre-activations of block `b`'s layer for images `(B, C, H, W)`, in eval mode; gradients flow if the images have them.
pub fn preactivations(network: &mut Network, x: &Tensor, b: usize) -> Tensor {
    let mut x = x.shallow_clone();
    for block in &mut network.blocks[..b] {
        x = block.forward(&x, Mode::Eval);
    }
    network.blocks[b].preactivate(&x, Mode::Eval)
}
