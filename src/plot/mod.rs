//! Pictures of a trained network: what its units look for, and how it sees the classes.
//!
//! - [`receptive`]: how much of the image a unit sees, computed from the blocks.
//! - [`ascent`]: the inputs that excite units most (projected gradient ascent).
//! - [`excite`]: the patches of real images that do.
//! - [`before_after`]: the first layer's filters before and after learning.
//! - [`drawn`]: what was drawn, for a program that draws it in another form.

pub mod ascent;
pub mod before_after;
pub mod crop;
pub mod drawn;
pub mod excite;
pub mod receptive;

use tch::{Device, Kind, Tensor};

use crate::layer::{Mode, Network};

/// Pre-activations of block `b`'s layer for images `(B, C, H, W)`, in eval mode; gradients flow if the images have them.
pub fn preactivations(network: &mut Network, x: &Tensor, b: usize) -> Tensor {
    let mut x = x.shallow_clone();
    for block in &mut network.blocks[..b] {
        x = block.forward(&x, Mode::Eval);
    }
    network.blocks[b].preactivate(&x, Mode::Eval)
}

/// Units of weights `(O, C, k, k)` or `(O, K)` by the standard deviation within a filter, averaged over its channels, smallest first.
pub fn least_varied(weights: &Tensor) -> Vec<i64> {
    let planes = if weights.dim() > 2 { weights.flatten(2, -1) } else { weights.unsqueeze(1) };
    let variation =
        planes.std_dim(Some([2i64].as_slice()), false, false).mean_dim([1i64].as_slice(), false, Kind::Float);
    Vec::try_from(variation.argsort(0, false).to_device(Device::Cpu)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_that_vary_least_come_first() {
        // Two channels of two weights: spreads of (1, 0), (5, 5) and (0, 0).
        let w = Tensor::from_slice(&[0f32, 2.0, 7.0, 7.0, -5.0, 5.0, 0.0, 10.0, 3.0, 3.0, -9.0, -9.0]);
        assert_eq!(least_varied(&w.view([3, 2, 1, 2])), [2, 0, 1]);
        assert_eq!(least_varied(&w.view([3, 4])), [0, 1, 2], "of a fully connected layer: over all its weights");
    }
}
