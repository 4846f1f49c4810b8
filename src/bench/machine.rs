//! What the machine can do: products of matrices and copies of memory.

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::Times;
use crate::layer::Network;
use crate::preset::config::{Arch, NetworkConfig};

/// Side of the large square product.
const SIDE: i64 = 3072;
/// Numbers copied (512 MiB read, 512 MiB written).
const COPIED: i64 = 128 << 20;

/// A product of two matrices.
#[derive(Debug, Clone, Serialize)]
pub struct Product {
    /// Whose product: `b2 forward`.
    pub name: String,
    /// `(N, K)·(K, M)`.
    pub shape: [i64; 3],
    /// Its times.
    pub times: Times,
    /// 10⁹ operations a second.
    pub gflops: f64,
}

/// What the machine can do.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// 10⁹ operations a second of the large square product: what shares are shares of.
    pub sgemm_gflops: f64,
    /// The products measured: the large one, then each Hebbian layer's two.
    pub products: Vec<Product>,
    /// Memory read and written by a large copy, 10⁹ bytes a second.
    pub bandwidth_gb: f64,
}

impl Machine {
    /// Measures the large product, each Hebbian layer's own two products at this batch size, and a large copy.
    pub fn measure(config: &NetworkConfig, batch: i64, on: Device, repeats: usize) -> Machine {
        let mut products = vec![sgemm(on, repeats)];
        for (i, block) in config.blocks.iter().enumerate().filter(|(_, b)| b.layer.method.is_hebbian()) {
            let (n, k, m) = shape(block, batch);
            products.push(product(&format!("b{i} forward"), [n, k, m], on, repeats));
            products.push(product(&format!("b{i} update"), [m, n, k], on, repeats));
        }
        let from = Tensor::ones([COPIED], (Kind::Float, on));
        let mut to = Tensor::zeros([COPIED], (Kind::Float, on));
        let copy = Times::of(repeats.min(5), on, || to.copy_(&from));
        Machine {
            sgemm_gflops: products[0].gflops,
            products,
            bandwidth_gb: 2.0 * 4.0 * COPIED as f64 / copy.median / 1e9,
        }
    }
}

/// Rows, inputs and units of a block's product for one group.
pub(super) fn shape(block: &crate::preset::config::BlockConfig, batch: i64) -> (i64, i64, i64) {
    let layer = &block.layer;
    let positions = if block.arch == Arch::Cnn { block.layer_shape[1] * block.layer_shape[2] } else { 1 };
    let k = layer.in_channels / layer.groups * layer.kernel_size * layer.kernel_size;
    (batch * positions, k, layer.out_channels / layer.groups)
}

/// The large square product, alone: what shares are shares of.
pub fn sgemm(on: Device, repeats: usize) -> Product {
    product("large square", [SIDE, SIDE, SIDE], on, repeats)
}

fn product(name: &str, [n, k, m]: [i64; 3], on: Device, repeats: usize) -> Product {
    let (a, b) = (Tensor::ones([n, k], (Kind::Float, on)), Tensor::ones([k, m], (Kind::Float, on)));
    let times = Times::of(repeats, on, || {
        let _ = a.matmul(&b);
    });
    Product { name: name.to_string(), shape: [n, k, m], times, gflops: times.gflops(2.0 * (n * k * m) as f64) }
}

/// Random 8-bit images for a network, and labels.
pub(super) fn images(network: &Network, n: i64) -> (Tensor, Tensor) {
    let [c, h, w] = network.config().in_shape;
    let on = network.device();
    tch::manual_seed(0);
    let images = Tensor::randint(256, [n, c, h, w], (Kind::Uint8, on));
    let labels = Tensor::randint(network.config().classes, [n], (Kind::Int64, on));
    (images, labels)
}
