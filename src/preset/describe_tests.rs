//! The tables that people read.

use super::*;
use crate::preset::{dataset_config, resolve};

fn table(model: &str, dataset: &str) -> String {
    let catalogue = Catalogue::embedded().unwrap();
    let model = catalogue.model(model).or_else(|_| catalogue.custom_model(model)).unwrap();
    let dataset = dataset_config(&catalogue, dataset, false, 0).unwrap();
    network_table(&resolve(&catalogue, &model, &dataset).unwrap(), &dataset)
}

#[test]
fn the_table_of_the_main_preset() {
    // By hand. Parameters: 96·3·5² = 7,200; 384·96·3² = 331,776; 1536·384·3² = 5,308,416; 24576·10 + 10 = 245,770.
    // FLOP: 2·7,200·32² = 14,745,600; 2·331,776·16² = 169,869,312; 2·5,308,416·8² = 679,477,248; 2·245,760 = 491,520.
    let want = "\
4SoftHebbCnnCIFAR on CIFAR10_50 (3×32×32, 10 classes)

    block                                                  output     params     FLOP  init
b0  SoftKrotov-c96-k5-p2-s1-d1-b0-t1-lr0.08-lp0.5-e0       96×16×16     7200   14.7 M  σ 2.887
      batchnorm2d → convolution → triangle_0.7 → max_4_2_1
b1  SoftKrotov-c384-k3-p1-s1-d1-b0-t0.65-lr0.005-lp0.5-e0  384×8×8   331.8 k  169.9 M  σ 0.8505
      batchnorm2d → convolution → triangle_1.4 → max_4_2_1
b2  SoftKrotov-c1536-k3-p1-s1-d1-b0-t0.25-lr0.01-lp0.5-e0  1536×4×4    5.3 M  679.5 M  σ 0.4253
      batchnorm2d → convolution → triangle → avg_2_2_0
b3  BP-c10                                                 10        245.8 k  491.5 k  default
      flatten → dropout_0.5 → fully connected
    total                                                              5.9 M  864.6 M

5,893,162 parameters; 864,583,680 FLOP an image.
FLOP: 2 for each multiply-add of the layers; norms, activations, pools and learning are not counted.
init: weights are drawn from N(0, σ) or U[0, w); BP layers take libtorch's default.
";
    assert_eq!(table("4SoftHebbCnnCIFAR", "CIFAR10_50"), want);
}

#[test]
fn costs_follow_groups_strides_and_biases() {
    let catalogue = Catalogue::embedded().unwrap();
    for (model, want) in [
        ("Soft-c8-k3-g2-s2; BP", (8 * 2 * 9, 2 * 8 * 2 * 9 * 3 * 4)),
        ("Soft-c8-k3-b1; BP", (8 * 4 * 9 + 8, 2 * 8 * 4 * 9 * 5 * 8)),
        ("BP-c8-k3; BP", (8 * 4 * 9, 2 * 8 * 4 * 9 * 5 * 8)),
        ("Soft-c8; BP", (8 * 4 * 70, 2 * 8 * 4 * 70)),
        ("BP-c8; BP", (8 * 4 * 70 + 8, 2 * 8 * 4 * 70)),
    ] {
        let model = catalogue.custom_model(model).unwrap();
        let network = crate::preset::resolve_on(&catalogue, &model, [4, 7, 10], 10).unwrap();
        let Cost { parameters, flop } = cost(&network.blocks[0]);
        assert_eq!((parameters, flop), want, "{}", network.blocks[0].block);
    }
}

#[test]
fn no_line_is_longer_than_a_hundred_characters() {
    let catalogue = Catalogue::embedded().unwrap();
    let mut texts = vec![catalogue_text(&catalogue)];
    texts.extend(catalogue.models().iter().map(|m| table(&m.name, &m.dataset_sup)));
    texts.extend(catalogue.datasets().iter().map(dataset_table));
    texts.push(table(
        "SoftKrotov-c10000000-k1-p0-s1-d1-b0-r12.345678-a0.123456-t0.123456789-lr0.0123456789-lp0.5-v1-e0",
        "STL10",
    ));
    for text in texts {
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
        for line in text.lines() {
            assert!(line.chars().count() <= 100 && line == line.trim_end(), "{line}\n{text}");
        }
    }
}

#[test]
fn lists_name_everything() {
    let catalogue = Catalogue::embedded().unwrap();
    let text = catalogue_text(&catalogue);
    for model in catalogue.models() {
        assert!(text.contains(&format!("    {} ", model.name)), "{}", model.name);
    }
    for entry in catalogue.datasets() {
        assert!(text.contains(&format!("\n  {} (", entry.name)));
        let table = dataset_table(entry);
        for (_, config) in &entry.configs {
            assert!(table.contains(&format!("\n{} ", config.config)), "{}", config.config);
        }
    }
    assert!(text.contains("SoftKrotov 96-384-1536, BP 10"), "{text}");
}

#[test]
fn numbers_are_readable() {
    for (n, want) in [
        (0, "0"),
        (7200, "7200"),
        (14_745, "14.7 k"),
        (999_949, "999.9 k"),
        (999_950, "1.0 M"),
        (5_308_416, "5.3 M"),
        (679_477_248, "679.5 M"),
        (u64::MAX, "18.4 E"),
    ] {
        assert_eq!(quantity(n), want);
    }
    assert_eq!([grouped(0), grouped(999), grouped(5_308_416)], ["0", "999", "5,308,416"]);
    for (value, want) in
        [(2.886751, "2.887"), (0.110485, "0.1105"), (35.0, "35.00"), (123456.7, "123457"), (1e-7, "1.000e-7")]
    {
        assert_eq!(significant(value), want);
    }
    assert_eq!(wrap("aa-bb-cc", 5, '-'), ["aa-", "bb-cc"]);
    assert_eq!(wrap("aaaaaa", 4, '-'), ["aaaa", "aa"]);
}

#[test]
fn json_holds_the_network_and_its_costs() {
    let catalogue = Catalogue::embedded().unwrap();
    let dataset = dataset_config(&catalogue, "CIFAR10_50", false, 0).unwrap();
    let network = resolve(&catalogue, &catalogue.model("4SoftHebbCnnCIFAR").unwrap(), &dataset).unwrap();
    let value = network_json(&network, &dataset);
    assert_eq!(value["cost"]["total"], json!({"parameters": 5_893_162, "flop": 864_583_680}));
    assert_eq!(serde_json::from_value::<NetworkConfig>(value["network"].clone()).unwrap(), network);
    assert_eq!(serde_json::from_value::<DatasetConfig>(value["dataset"].clone()).unwrap(), dataset);
}
