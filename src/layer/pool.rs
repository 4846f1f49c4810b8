//! Pooling `(B, C, H, W)` to `(B, C, H', W')` with `H' = floor((H + 2p − k)/s + 1)`.

use tch::Tensor;

use crate::preset::config::{Pool, PoolKind};

/// Applies a pool; average pools count the padding.
pub fn apply(pool: &Pool, x: &Tensor) -> Tensor {
    let (k, s, p) = ([pool.kernel; 2], [pool.stride; 2], [pool.padding; 2]);
    match pool.kind {
        PoolKind::Max => x.max_pool2d(k, s, p, [1, 1], false),
        PoolKind::Avg => x.avg_pool2d(k, s, p, false, true, None),
    }
}
