//! One layer: where its values come from, its initial range, and what does not fit.

use super::*;
use crate::preset::{Catalogue, parse_block};

fn layer_of(line: &str, in_channels: i64) -> Result<LayerConfig, BlockProblem> {
    let catalogue = Catalogue::embedded().unwrap();
    let entry = BlockEntry::parse(line, true, false).unwrap_or_else(|e| panic!("{line}: {e}"));
    layer_config(catalogue.layer_defaults(entry.arch), &entry, in_channels, None)
}

#[test]
fn values_come_from_the_defaults_then_the_string_then_single_keys() {
    let layer = layer_of("Soft-c8-k3-lr0.1 lr=0.2 speed=3 nb_train=4 padding_mode=zeros", 3).unwrap();
    assert_eq!((layer.lr, layer.speed, layer.nb_train), (0.2, 3.0, Some(4)));
    assert_eq!(layer.padding_mode, PaddingMode::Zeros);
    // The convolution's defaults, not the MLP's.
    assert_eq!((layer.t_invert, layer.radius, layer.lr_div, layer.power_lr), (96.0, 25.0, 96.0, 0.75));
    assert_eq!((layer.stride, layer.padding, layer.dilation, layer.groups), (1, 0, 1, 1));
    let mlp = layer_of("Soft-c8", 30).unwrap();
    assert_eq!((mlp.t_invert, mlp.radius, mlp.lr, mlp.speed), (10.0, 10.0, 0.05, 0.4));
    assert_eq!((mlp.kernel_size, mlp.in_channels, mlp.out_channels), (1, 30, 8));
}

#[test]
fn keys_without_effect_are_recorded() {
    let layer = layer_of("Soft-c8-k3-m0.3 beta=2", 3).unwrap();
    assert_eq!(layer.recorded["mask_thsd"], 0.3);
    assert_eq!(layer.recorded["beta"], 2);
    let mut keys: Vec<&str> = layer.recorded.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let want =
        ["beta", "mask_thsd", "normalize_inp", "power", "soft_activation_fn", "weight_decay", "weight_init_offset"];
    assert_eq!(keys, want);
}

#[test]
fn initial_ranges_give_the_expected_radius() {
    // σ = radius·(1/(n·m))^(1/P) by hand: 25/√75, 25/√(2·9), (25³/(27·2·√(2/π)))^(1/3), radius·(P+1)/n …
    let pi = std::f64::consts::PI;
    for (line, in_channels, want) in [
        ("Soft-c8-k5", 3, 25.0 / 75_f64.sqrt()),
        ("Soft-c8-k3-g2", 4, 25.0 / 18_f64.sqrt()),
        ("Soft-c8-k3-lb3", 3, (15_625.0 / (27.0 * 2.0 * (2.0 / pi).sqrt())).cbrt()),
        ("Soft-c8-k1-lb4-r2", 5, (16.0_f64 / (5.0 * 3.0)).sqrt().sqrt()),
        ("Soft-c8-k1-lb1-r2", 5, 2.0 / 5.0 / (2.0 / pi).sqrt()),
        ("Soft-c8-r35", 784, 35.0 * (3.0 / 784_f64).sqrt()),
        ("Soft-c8-k5 nonorm", 3, 25.0 * (3.0 / 75_f64).sqrt()),
        ("Soft-c8-k5 weight_init=positive", 3, 25.0 * (3.0 / 75_f64).sqrt()),
        ("Soft-c8-k5 weight_init_range=0.5", 3, 0.5),
    ] {
        let layer = layer_of(line, in_channels).unwrap();
        let relative = (layer.weight_init_range / want - 1.0).abs();
        assert!(relative < 1e-12, "{line}: {} {want}", layer.weight_init_range);
    }
}

#[test]
fn labels_train_a_hebbian_layer_that_asks_for_them() {
    assert!(layer_of("SupervisedSoftKrotov-c10", 5).unwrap().supervised);
    assert!(layer_of("Soft-c10 metric_mode=supervised", 5).unwrap().supervised);
    assert!(!layer_of("SupervisedSoftKrotov-c10 metric_mode=unsupervised", 5).unwrap().supervised);
    assert!(!layer_of("BP-c10 metric_mode=supervised", 5).unwrap().supervised);
    assert!(!layer_of("Soft-c10", 5).unwrap().supervised);
}

#[test]
fn what_does_not_fit_is_named() {
    for (line, in_channels, want) in [
        ("Soft-k3", 3, "key `c` (out_channels) is missing"),
        ("Soft-c8-p1", 3, "key `k` (kernel_size) is missing"),
        ("Soft-c8-k3 arch_MLP", 3, "key `k` (kernel_size) is for convolutions"),
        ("Soft-c8-e1", 3, "key `e` (pre_triangle) is for convolutions"),
        ("Soft-c8-m0", 3, "key `m` (mask_thsd) is for convolutions"),
        ("Soft-c8 padding_mode=zeros", 3, "key `padding_mode` is for convolutions"),
        ("Soft-c8-k3-g2", 3, "3 input channels do not fall into 2 groups"),
        ("Soft-c9-k3 groups=2", 4, "9 output channels do not fall into 2 groups"),
        ("SupervisedSoftKrotov-c8-k3", 3, "exists as MLP only"),
        ("HardKrotov-c2-k3", 3, "ranking_param is 3, but only 2 units compete"),
        ("HardKrotov-c8-k3-g4", 4, "only 2 units compete"),
        ("Soft-c8-k3 nb_train=9", 3, "nb_train is 9, but the layer has 8 units"),
        ("Soft-c8-k3-r1e200", 3, "is not finite"),
        ("Soft-c10000000-k100000", 3, "more than"),
    ] {
        let message = layer_of(line, in_channels).unwrap_err().to_string();
        assert!(message.contains(want), "{line}: {message}");
    }
    // The runner-up of HardKrotov can be the winner's neighbour where only two compete.
    assert!(layer_of("HardKrotov-c2-k3 ranking_param=2", 3).is_ok());
}

#[test]
fn wrong_defaults_are_named() {
    let entry = BlockEntry::new(parse_block("Soft-c8").unwrap(), None);
    let catalogue = Catalogue::embedded().unwrap();
    let mut defaults = catalogue.layer_defaults(Arch::Mlp).clone();
    defaults.insert("lr".into(), "fast".into());
    let message = layer_config(&defaults, &entry, 3, None).unwrap_err().to_string();
    assert_eq!(message, "layer default `lr` is \"fast\"; expected a number of at least 0");
    defaults.shift_remove("lr");
    let message = layer_config(&defaults, &entry, 3, None).unwrap_err().to_string();
    assert!(message.starts_with("layer default `lr` is missing"), "{message}");
}
