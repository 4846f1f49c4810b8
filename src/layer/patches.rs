//! A convolution as a fully connected layer on patches: padding, and the patches of an image as rows.
//!
//! Images are `(B, C, H, W)` held channels-last (the C values of a position lie together), so that a patch is `k`
//! runs of `k·C` neighbouring numbers and copying it out costs little beside the two products that read it.

use tch::Tensor;

use crate::preset::config::{LayerConfig, PaddingMode};

/// The same image, channels-last in memory.
pub fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// Pads the two spatial sides by `config.padding`.
pub fn pad(x: &Tensor, config: &LayerConfig) -> Tensor {
    let p = config.padding;
    if p == 0 {
        return x.shallow_clone();
    }
    let sides = [p; 4];
    match config.padding_mode {
        PaddingMode::Reflect => x.reflection_pad2d(sides),
        PaddingMode::Replicate => x.replication_pad2d(sides),
        PaddingMode::Zeros => x.zero_pad2d(p, p, p, p),
        PaddingMode::Circular => x.pad(sides, "circular", None),
    }
}

/// The patches of a padded image `(B, C, H, W)` as rows `(G, N, K)`: N = B·H'·W' positions in reading order,
/// K = k·k·C/G inputs in the order row, column, channel. Also H' and W'.
pub fn rows(x: &Tensor, config: &LayerConfig) -> (Tensor, [i64; 2]) {
    let (b, c, h, w) = x.size4().unwrap_or_else(|e| panic!("a convolution's input has 4 dimensions: {e}"));
    let (k, s, d, g) = (config.kernel_size, config.stride, config.dilation, config.groups);
    let out = |n: i64| (n - d * (k - 1) - 1) / s + 1;
    let (oh, ow) = (out(h), out(w));
    let x = x.permute([0, 2, 3, 1]).contiguous(); // no copy where the image is channels-last already
    let (row, column, group) = (w * c, c, c / g);
    let view =
        x.as_strided([g, b, oh, ow, k, k, group], [group, h * row, s * row, s * column, d * row, d * column, 1], None);
    (view.reshape([g, b * oh * ow, k * k * group]), [oh, ow])
}
