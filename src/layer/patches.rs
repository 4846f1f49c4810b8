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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Hebbian, Mode};
    use crate::preset::config::Arch;
    use crate::preset::{BlockEntry, Catalogue, layer_config, parse_block};
    use proptest::prelude::*;
    use tch::{Device, Kind};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Patches times weights are libtorch's own convolution, whatever the geometry and the padding.
        #[test]
        fn patches_times_weights_are_a_convolution(
            k in 1i64..5, s in 1i64..4, d in 1i64..4, g in 1i64..4, p in 0i64..4, h in 13i64..17, w in 13i64..17,
            mode in prop::sample::select(vec!["reflect", "zeros", "replicate", "circular"]),
        ) {
            let text = format!("Soft-c{}-k{k}-s{s}-d{d}-g{g}-p{p}-t1", 4 * g);
            let mut entry = BlockEntry::new(parse_block(&text).expect("a block string"), Some(Arch::Cnn));
            entry.set_layer("padding_mode", &mode.into()).expect("a padding mode");
            let catalogue = Catalogue::embedded().expect("the catalogue");
            let config = layer_config(catalogue.layer_defaults(Arch::Cnn), &entry, 2 * g, None).expect("a layer");
            let mut layer = Hebbian::new(&config, Arch::Cnn, &mut crate::device::rng(1, &[]), Device::Cpu);
            let x = Tensor::randn([3, 2 * g, h, w], (Kind::Float, Device::Cpu));
            let padded = match mode {
                "circular" => {
                    let rows = Tensor::cat(&[x.narrow(2, h - p, p), x.shallow_clone(), x.narrow(2, 0, p)], 2);
                    Tensor::cat(&[rows.narrow(3, w - p, p), rows.shallow_clone(), rows.narrow(3, 0, p)], 3)
                }
                "zeros" => x.constant_pad_nd([p, p, p, p]),
                "replicate" => x.pad([p; 4], "replicate", None),
                _ => x.pad([p; 4], "reflect", None),
            };
            let expected = padded.conv2d(&layer.weight(), None::<&Tensor>, [s, s], [0, 0], [d, d], g);
            let scale = expected.abs().max().double_value(&[]);
            for mode in [Mode::Train { seed: 0 }, Mode::Eval] {
                let u = layer.forward(&x, mode);
                prop_assert_eq!(u.size(), expected.size());
                let error = (u - &expected).abs().max().double_value(&[]);
                prop_assert!(error <= 1e-5 * scale, "{:?}: {} of {}", mode, error, scale);
            }
        }
    }
}
