//! The catalogue against the published tables: every model, data set, default, shape and initial range.
//!
//! The tables lie beside the repository, in `../shared/reference`. Without them these tests say so and pass.

use serde_json::Value;
use softhebb::preset::words::{parse_activation, parse_operations, parse_pool};
use softhebb::preset::{
    Arch, BlockEntry, Catalogue, DatasetConfig, Method, ModelSpec, NetworkConfig, TrainingClass, WeightInit,
    layer_config, parse_block, resolve, resolve_on,
};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// The rows of a table by column name.
fn rows(name: &str) -> Option<Vec<HashMap<String, String>>> {
    let path = shared().join("reference").join(name);
    if !path.exists() {
        println!("{} is not here: nothing compared", path.display());
        return None;
    }
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let rows: Vec<HashMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert!(!rows.is_empty());
    Some(rows)
}

fn shared() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared")
}

fn catalogue() -> Catalogue {
    Catalogue::embedded().unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn every_published_model_is_in_the_catalogue() {
    let Some(rows) = rows("models.csv") else { return };
    let catalogue = catalogue();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        let (name, i) = (row["model"].as_str(), row["block"].parse::<usize>().unwrap());
        *counts.entry(name).or_default() += 1;
        let block = &catalogue.model(name).unwrap().blocks[i];
        let place = format!("{name}, block {i}");
        assert_eq!(block.arch.to_string(), row["arch"], "{place}");
        assert_eq!(block.block, parse_block(&row["layer"]).unwrap(), "{place}");
        assert_eq!(Some(&block.operations), parse_operations(&row["operation"]).as_ref(), "{place}");
        assert_eq!(block.activation, parse_activation(&row["activation"]), "{place}");
        assert_eq!(block.pool, parse_pool(&row["pool"]), "{place}");
        assert_eq!(block.dropout, row["dropout"].parse().ok(), "{place}");
        assert!(!block.batch_norm, "{place}");
        let single: Value = serde_json::from_str(&row["override"]).unwrap_or(serde_json::json!({}));
        assert_eq!(Value::from(block.layer.clone()), single, "{place}");
    }
    for (name, count) in counts {
        assert_eq!(catalogue.model(name).unwrap().blocks.len(), count, "{name}");
    }
}

#[test]
fn every_published_default_is_in_the_catalogue() {
    let Some(rows) = rows("layer_defaults.csv") else { return };
    let catalogue = catalogue();
    for (arch, column) in [(Arch::Mlp, "MLP"), (Arch::Cnn, "CNN")] {
        let defaults = catalogue.layer_defaults(arch);
        let filled = rows.iter().filter(|row| !row[column].is_empty());
        let want: BTreeMap<&str, Value> =
            filled.map(|row| (row["key"].as_str(), serde_json::from_str(&row[column]).unwrap())).collect();
        let have: BTreeMap<&str, Value> = defaults.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        assert_eq!(have, want, "{column}");
    }
}

#[test]
fn every_published_data_set_is_in_the_catalogue() {
    let Some(rows) = rows("datasets.csv") else { return };
    let catalogue = catalogue();
    for row in &rows {
        let name = match row["config"].as_str() {
            "default" => row["dataset"].clone(),
            config => format!("{}_{config}", row["dataset"]),
        };
        let number = |key: &str| row[key].parse::<i64>().unwrap();
        let want = DatasetConfig {
            config: name.clone(),
            name: row["name"].clone(),
            // Where no split is named, the training images train.
            split: if row["split"].is_empty() { "train".into() } else { row["split"].clone() },
            channels: number("channels"),
            width: number("width"),
            height: number("height"),
            px: row["px"].parse().ok(),
            out_channels: number("out_channels"),
            training_sample: number("training_sample"),
            testing_sample: number("testing_sample"),
            val_sample: 0,
            nb_epoch: number("nb_epoch"),
            batch_size: number("batch_size"),
            print_freq: number("print_freq"),
            augmentation: row["augmentation"] == "true",
            noise_std: row["noise_std"].parse().unwrap(),
            zca_whitened: row["zca_whitened"] == "true",
            training_class: match row["training_class"].as_str() {
                "all" => TrainingClass::All("all".into()),
                labels => TrainingClass::Some(serde_json::from_str(labels).unwrap()),
            },
            validation: false,
            seed: 0,
        };
        assert_eq!(catalogue.dataset(&name).unwrap(), want, "{name}");
    }
}

#[test]
fn every_published_shape_and_initial_range_is_ours() {
    let Some(rows) = rows("resolved_shapes.csv") else { return };
    let catalogue = catalogue();
    let mut networks: HashMap<(String, String), NetworkConfig> = HashMap::new();
    let mut refused = 0;
    for row in &rows {
        let (name, set) = (&row["model"], &row["dataset"]);
        let (model, dataset) = (catalogue.model(name).unwrap(), catalogue.dataset(set).unwrap());
        if row["weight_init"] == "error" {
            let message = resolve(&catalogue, &model, &dataset).unwrap_err().to_string();
            assert!(message.starts_with("block 4 (`"), "{name} on {set}: {message}");
            assert!(message.contains("too small") || message.contains("too large"), "{message}");
            assert!(message.contains("1×1"), "{message}");
            refused += 1;
            continue;
        }
        let network = networks.entry((name.clone(), set.clone())).or_insert_with(|| {
            resolve(&catalogue, &model, &dataset).unwrap_or_else(|e| panic!("{name} on {set}: {e}"))
        });
        let i: usize = row["block"].parse().unwrap();
        let layer = &network.blocks[i].layer;
        let place = format!("{name} on {set}, block {i}");
        assert_eq!(layer.in_channels.to_string(), row["in_channels"], "{place}");
        assert_eq!(layer.out_channels.to_string(), row["out_channels"], "{place}");
        let init = if layer.weight_init == WeightInit::Normal { "normal" } else { "positive" };
        assert_eq!(init, row["weight_init"], "{place}");
        let range: f64 = row["weight_init_range"].parse().unwrap();
        assert!((layer.weight_init_range / range - 1.0).abs() < 1e-12, "{place}: {} {range}", layer.weight_init_range);
    }
    assert_eq!(refused, 3);
    assert_eq!(networks.len(), 41 * 4 - 3);
}

#[test]
fn a_canonical_block_string_is_the_same_layer() {
    let Some(rows) = rows("models.csv") else { return };
    let catalogue = catalogue();
    for row in &rows {
        let arch = Arch::from_name(&row["arch"]).unwrap();
        let as_published = parse_block(&row["layer"]).unwrap();
        let canonical = parse_block(&as_published.to_string()).unwrap();
        let layer = |block| {
            let entry = BlockEntry::new(block, Some(arch));
            // So many channels that every number of groups divides them.
            layer_config(catalogue.layer_defaults(arch), &entry, 768 * 9, None).unwrap()
        };
        assert_eq!(layer(as_published), layer(canonical), "{}", row["layer"]);
    }
}

/// The recorded runs' own block lists give the ranges that were recorded with them.
#[test]
fn the_blocks_of_recorded_networks_resolve_to_their_recorded_ranges() {
    let folder = shared().join("golden");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("{} is not here: nothing compared", folder.display());
        return;
    };
    let catalogue = catalogue();
    let mut compared = 0;
    for path in files.map(|f| f.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("net-") {
            continue;
        }
        let metadata = metadata(&std::fs::read(&path).unwrap());
        let json = |key: &str| serde_json::from_str::<Value>(metadata.get(key)?.as_str()?).ok();
        let model = ModelSpec::from_json(&name, &json("blocks").unwrap()).unwrap();
        let dataset = json("dataset").unwrap();
        let size = |key: &str| dataset[key].as_i64().unwrap();
        let image = [size("channels"), size("height"), size("width")];
        let network = resolve_on(&catalogue, &model, image, size("out_channels")).unwrap();
        let Some(ranges) = json("weight_init_range") else { continue };
        for (i, block) in network.blocks.iter().enumerate() {
            let want = ranges[format!("b{i}")].as_f64().unwrap();
            let have = block.layer.weight_init_range;
            assert!((have / want - 1.0).abs() < 1e-12, "{name}, block {i}: {have} {want}");
            compared += 1;
        }
        assert!(network.blocks.iter().any(|b| b.layer.method == Method::Bp));
    }
    assert!(compared > 10);
}

/// The metadata in the head of a safetensors file: eight bytes of length, then JSON.
fn metadata(bytes: &[u8]) -> Value {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let head: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    head["__metadata__"].clone()
}
