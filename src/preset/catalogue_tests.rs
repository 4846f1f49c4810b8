//! The catalogue: the embedded one, one of the user's own, and what is wrong with a bad one.

use super::*;
use crate::preset::{TrainingClass, resolve_on};

fn embedded() -> Catalogue {
    Catalogue::embedded().unwrap_or_else(|e| panic!("{e}"))
}

/// A catalogue of one model and one data set, with `from` replaced by `to`.
fn small(from: &str, to: &str) -> Result<Catalogue, PresetError> {
    let text = r#"{
      "layers": {"MLP": {"lr": 0.05}, "CNN": {"lr": 0.009}},
      "custom": {"unsup": "D", "sup": "D_1"},
      "models": {"M": {"unsup": "D", "sup": "D_1", "blocks": ["Soft-c8", {"preset": "BP-c10"}]}},
      "aliases": {"N": "M"},
      "datasets": {"D": {
        "default": {"channels": 1, "width": 8, "height": 6, "out_channels": 10, "training_sample": 50,
                    "testing_sample": 10, "nb_epoch": 3, "batch_size": 5, "print_freq": 1},
        "1": {"nb_epoch": 1}}}
    }"#;
    assert!(text.contains(from), "{from}");
    Catalogue::parse(&text.replacen(from, to, 1), "mine.json")
}

#[test]
fn names_and_aliases_are_found() {
    let catalogue = embedded();
    assert_eq!(catalogue.model("4SoftHebbCnnCIFAR").unwrap().blocks.len(), 4);
    for (alias, name) in [
        ("2HardCnnCIFAR_speed_linearDecay", "2HardCnnCIFA_speed_linearDecay"),
        ("2HebbCnn", "2SoftHebbCnnCIFAR"),
        ("SoftKrotovCnnCIFAR", "4SoftHebbCnnCIFAR"),
    ] {
        let (a, b) = (catalogue.model(alias).unwrap(), catalogue.model(name).unwrap());
        assert_eq!((a.name.as_str(), &a.blocks), (alias, &b.blocks));
    }
    for name in ["2HardMLPMNIST", "5HardCnnSTL"] {
        assert!(catalogue.model(name).is_ok(), "{name}");
    }
}

#[test]
fn every_model_resolves_on_its_own_data_and_has_them() {
    let catalogue = embedded();
    for model in catalogue.models() {
        for name in [&model.dataset_unsup, &model.dataset_sup] {
            let d = catalogue.dataset(name).unwrap();
            let network = resolve_on(&catalogue, model, [d.channels, d.height, d.width], d.out_channels);
            assert!(network.is_ok(), "{} on {name}: {}", model.name, network.unwrap_err());
        }
    }
}

#[test]
fn every_line_prints_as_a_line_that_reads_back() {
    for model in embedded().models() {
        let lines: Vec<String> = model.blocks.iter().map(ToString::to_string).collect();
        let (unsup, sup) = (&model.dataset_unsup, &model.dataset_sup);
        assert_eq!(ModelSpec::parse(&model.name, &lines.join("; "), unsup, sup).unwrap(), *model);
    }
}

#[test]
fn data_sets_are_found_by_name_and_configuration() {
    let catalogue = embedded();
    for (name, epochs, batch) in
        [("CIFAR10", 50, 64), ("CIFAR10_default", 50, 64), ("MNIST_1-32", 1, 32), ("CIFAR10_1", 1, 10)]
    {
        let d = catalogue.dataset(name).unwrap();
        assert_eq!((d.config.as_str(), d.nb_epoch, d.batch_size), (name, epochs, batch));
        assert_eq!(d.name, name.split('_').next().unwrap());
    }
    assert_eq!(catalogue.dataset("CIFAR10_1c8").unwrap().training_class, TrainingClass::Some(vec![8]));
    assert_eq!(catalogue.dataset("FashionMini").unwrap().training_sample, 5000);
}

#[test]
fn unknown_names_come_with_the_nearest_and_the_way_to_the_list() {
    let catalogue = embedded();
    let model = |name: &str| catalogue.model(name).unwrap_err().to_string();
    let dataset = |name: &str| catalogue.dataset(name).unwrap_err().to_string();
    for (message, want) in [
        (model("4SoftHebCnnCIFAR"), "unknown preset `4SoftHebCnnCIFAR`\nhint: did you mean `4SoftHebbCnnCIFAR`"),
        (model("4softhebbcnncifar"), "did you mean `4SoftHebbCnnCIFAR`"),
        (model("zebra"), "unknown preset `zebra`\nhint: `softhebb show` lists all presets"),
        (model(""), "unknown preset ``\nhint: `softhebb show` lists all presets"),
        (dataset("CIFAR-10"), "unknown data set `CIFAR-10`\nhint: did you mean `CIFAR10`"),
        (dataset("Imagenette_1"), "did you mean `ImageNette`"),
        (dataset("CIFAR10_51"), "unknown configuration of CIFAR10 `51`\nhint: did you mean `CIFAR10_50`"),
        (dataset("CIFAR10_"), "`softhebb show CIFAR10` lists them all"),
    ] {
        assert!(message.contains(want), "{message}");
    }
}

#[test]
fn the_counterpart_on_another_set_has_its_name_or_its_length() {
    let catalogue = embedded();
    for (name, want) in [
        ("CIFAR10_1", "FashionMini_1"),
        ("CIFAR10_50", "FashionMini_50"),
        ("MNIST_1-32", "FashionMini_1-32"),
        ("CIFAR100", "FashionMini_default"),
        ("STL10_unlabel", "FashionMini_1"),
        ("STL10_100aug", "FashionMini_100aug"),
        ("STL10_500aug", "FashionMini_200aug"),
        ("ImageNette_200aug", "FashionMini_200aug"),
    ] {
        assert_eq!(catalogue.counterpart(name, "FashionMini").unwrap(), want, "{name}");
    }
    for entry in catalogue.datasets() {
        for (_, config) in &entry.configs {
            let name = catalogue.counterpart(&config.config, "FashionMini").unwrap();
            assert!(catalogue.dataset(&name).is_ok(), "{name}");
        }
    }
}

#[test]
fn a_file_of_ones_own_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.json");
    std::fs::write(&path, EMBEDDED.replace("4SoftHebbCnnCIFAR\"", "Mine\"")).unwrap();
    let catalogue = Catalogue::load(&path).unwrap();
    assert!(catalogue.model("Mine").is_ok());
    assert!(catalogue.model("4SoftHebbCnnCIFAR").is_err());
    let missing = folder.path().join("none.json");
    let message = Catalogue::load(&missing).unwrap_err().to_string();
    assert!(message.starts_with(&format!("cannot read {}: ", missing.display())), "{message}");
    std::fs::write(&path, "{\"layers\": 3}").unwrap();
    let message = Catalogue::load(&path).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}: ", path.display())), "{message}");
    assert!(message.contains("line 1 column"), "{message}");
}

#[test]
fn mistakes_name_the_file_and_the_entry() {
    assert!(small("{", "{").is_ok());
    for (from, to, want) in [
        ("Soft-c8", "Sotf-c8", "mine.json: models.M.blocks[0]: unknown method `Sotf`"),
        ("BP-c10", "BP-c", "mine.json: models.M.blocks[1]: missing value of key `c`"),
        ("{\"preset\": \"BP-c10\"}", "3", "mine.json: models.M.blocks[1]: a block is a text or an object"),
        ("[\"Soft-c8\", {\"preset\": \"BP-c10\"}]", "[]", "models.M.blocks[0]: a model needs at least one block"),
        (
            "\"sup\": \"D_1\", \"blocks\"",
            "\"sup\": \"D_2\", \"blocks\"",
            "mine.json: models.M: unknown configuration of D `2`",
        ),
        (
            "\"unsup\": \"D\", \"sup\": \"D_1\"}",
            "\"unsup\": \"E\", \"sup\": \"D_1\"}",
            "mine.json: custom: unknown data set `E`",
        ),
        ("\"N\": \"M\"", "\"N\": \"O\"", "mine.json: aliases.N: there is no model `O`"),
        ("\"N\": \"M\"", "\"M\": \"M\"", "mine.json: aliases.M: a model has this name already"),
        ("{\"nb_epoch\": 1}", "{\"nb_epoch\": 0}", "mine.json: datasets.D.1: wrong value `0` of `nb_epoch`"),
        ("{\"nb_epoch\": 1}", "{\"epochs\": 1}", "mine.json: datasets.D.1: unknown key `epochs`"),
        ("\"channels\": 1, ", "", "mine.json: datasets.D.default: missing field `channels`"),
        ("\"default\"", "\"usual\"", "mine.json: datasets.D.default: the configuration `default` is missing"),
        ("\"lr\": 0.05", "\"lrr\": 0.05", "mine.json: layers.MLP: unknown key `lrr`\nhint: did you mean `lr`"),
        ("\"lr\": 0.009", "\"lr\": -1", "mine.json: layers.CNN: wrong value `-1` of `lr`"),
        ("\"1\":", "\"default\":", "mine.json: `default` stands here twice at line"),
        ("\"models\":", "\"model\":", "mine.json: unknown field `model`"),
        ("\"blocks\":", "\"block\":", "mine.json: unknown field `block`"),
    ] {
        let message = small(from, to).expect_err(to).to_string();
        assert!(message.contains(want), "{to}: {message}");
    }
}
