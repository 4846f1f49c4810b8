//! Pooling `(B, C, H, W)` to `(B, C, H', W')` with `H' = floor((H + 2p − k)/s + 1)`.

use tch::{Device, Tensor};

use crate::preset::config::{Pool, PoolKind};

/// Applies a pool; average pools count the padding.
pub fn apply(pool: &Pool, x: &Tensor) -> Tensor {
    let (k, s, p) = ([pool.kernel; 2], [pool.stride; 2], [pool.padding; 2]);
    match pool.kind {
        PoolKind::Max => x.max_pool2d(k, s, p, [1, 1], false),
        // On the CPU, libtorch's gradient of an average pool is a scalar loop; that of a convolution is not.
        PoolKind::Avg if x.requires_grad() && x.device() == Device::Cpu => {
            let channels = x.size()[1];
            let mean = Tensor::full([channels, 1, k[0], k[1]], 1.0 / (k[0] * k[1]) as f64, (x.kind(), x.device()));
            x.conv2d(&mean, None::<&Tensor>, s, p, [1, 1], channels)
        }
        PoolKind::Avg => x.avg_pool2d(k, s, p, false, true, None),
    }
}
