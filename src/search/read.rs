//! Reads the file of a search space. A mistake names the file, the line and the key.
//!
//! ```toml
//! metric = "test_acc"
//! seeds = [0, 1, 2]
//!
//! [base]
//! preset = "2SoftHebbCnnCIFAR"
//!
//! [space]
//! "b0.layer.radius" = { geometric = { base = 1.25, from = -10, to = 16 } }
//! t_invert = { keys = ["b0.layer.t_invert", "b1.layer.t_invert"], grid = [0.5, 1.0] }
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::axis::{Axis, Values};
use super::error::SearchError;
use super::metric::Metric;
use super::place::{Key, Place, in_order};
use super::space::{Base, How, MOST_TRIALS, Space};
use crate::preset::Override;
use crate::preset::suggest::{did_you_mean, nearest};

/// The spaces that the program brings along.
pub(super) const SHIPPED: [(&str, &str); 8] = [
    ("seed", include_str!("../../configs/seed.toml")),
    ("one_seed", include_str!("../../configs/one_seed.toml")),
    ("regimes", include_str!("../../configs/regimes.toml")),
    ("radius", include_str!("../../configs/radius.toml")),
    ("1", include_str!("../../configs/1.toml")),
    ("2", include_str!("../../configs/2.toml")),
    ("3a", include_str!("../../configs/3a.toml")),
    ("3b", include_str!("../../configs/3b.toml")),
];

/// Finds a space: a path, `configs/NAME.toml` below this folder, or one that the program brings along. Returns what
/// messages call it, and its text.
///
/// # Errors
/// When there is none of this name, or it cannot be read.
pub fn find(name: &str) -> Result<(String, String), SearchError> {
    let beside = PathBuf::from("configs").join(format!("{name}.toml"));
    let is_path = name.ends_with(".toml") || name.contains('/');
    for path in [Path::new(name), &beside] {
        if path.is_file() && (is_path || path == beside) {
            let text = std::fs::read_to_string(path).map_err(crate::files::FileError::read(path))?;
            return Ok((path.display().to_string(), text));
        }
    }
    if let Some((name, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return Ok((format!("configs/{name}.toml"), (*text).to_string()));
    }
    let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    let near = did_you_mean(&nearest(name, names.iter().copied()));
    let hint = near.unwrap_or_else(|| format!("there are {}; a path to a file works too", names.join(", ")));
    Err(SearchError::Usage(format!(
        "there is no search space `{name}`: no such file, nor {}\nhint: {hint}",
        beside.display()
    )))
}

/// Reads a space from its text; `file` is what messages call it.
///
/// # Errors
/// Names the file, the line and the key.
pub fn parse(file: &str, text: &str) -> Result<Space, SearchError> {
    let place = Place { file, text };
    let document = DeTable::parse(text).map_err(|e| {
        let message = e.message().to_string();
        place.fail(e.span().unwrap_or(0..0), None, message)
    })?;
    let mut space = Space {
        base: Base::default(),
        axes: Vec::new(),
        seeds: vec![0],
        num_samples: 1,
        sampler_seed: 0,
        metric: Metric::default(),
        run: How::default(),
    };
    for (key, value) in in_order(document.get_ref()) {
        let name = key.get_ref().as_ref();
        match name {
            "metric" => space.metric = place.value(key, value, METRICS)?,
            "seeds" => {
                space.seeds = place.value(key, value, "a list of whole numbers, such as [0, 1, 2]")?;
                if space.seeds.is_empty() {
                    return Err(place.at(key, "no seed: nothing would run\nhint: seeds = [0]".to_string()));
                }
                if space.seeds.iter().collect::<BTreeSet<_>>().len() < space.seeds.len() {
                    return Err(place.at(key, "the same seed twice".to_string()));
                }
            }
            "num_samples" => {
                space.num_samples = place.value(key, value, "a whole number of at least 1")?;
                if space.num_samples == 0 {
                    return Err(place.at(key, "0 samples: nothing would run".to_string()));
                }
            }
            "sampler_seed" => space.sampler_seed = place.value(key, value, "a whole number")?,
            "base" => base(&place, place.table(key, value)?, &mut space.base)?,
            "run" => how(&place, place.table(key, value)?, &mut space.run)?,
            "space" => {
                for (key, value) in in_order(place.table(key, value)?) {
                    let axis = axis(&place, key, value)?;
                    let taken = |k: &&String| space.axes.iter().any(|other| other.keys.contains(k));
                    if let Some(twice) = axis.keys.iter().find(taken) {
                        return Err(place.at(key, format!("`{twice}` is searched twice")));
                    }
                    space.axes.push(axis);
                }
            }
            _ => {
                let known = ["metric", "seeds", "num_samples", "sampler_seed", "base", "run", "space"];
                return Err(place.unknown(key, &known));
            }
        }
    }
    match space.count() {
        Some(count) if count <= MOST_TRIALS => Ok(space),
        _ => {
            let line = space.axes.first().map_or(1, |axis| axis.line);
            let message = format!(
                "the space has more than {MOST_TRIALS} trials\nhint: a coarser grid, or draws: choice = […] and num_samples"
            );
            Err(SearchError::Space { file: file.to_string(), line, key: None, message })
        }
    }
}

const METRICS: &str = "train_loss, train_acc, test_loss, test_acc, convergence or R1";

fn base(place: &Place, table: &DeTable, base: &mut Base) -> Result<(), SearchError> {
    const KNOWN: [&str; 12] = [
        "blocks_from",
        "preset",
        "model",
        "dataset",
        "dataset_unsup",
        "dataset_sup",
        "training_mode",
        "training_blocks",
        "validation",
        "validation_unsup",
        "validation_sup",
        "set",
    ];
    for (key, value) in in_order(table) {
        let text = || place.value(key, value, "a text").map(Some);
        let switch = || place.value(key, value, "true or false");
        match key.get_ref().as_ref() {
            "preset" => base.preset = text()?,
            "model" => base.model = text()?,
            "dataset" => base.dataset = text()?,
            "dataset_unsup" => base.dataset_unsup = text()?,
            "dataset_sup" => base.dataset_sup = text()?,
            "training_mode" => {
                base.training_mode = Some(place.value(key, value, "successive, consecutive or simultaneous")?);
            }
            "training_blocks" => base.training_blocks = Some(place.value(key, value, "a list of block numbers")?),
            "validation" => {
                base.validation_unsup = switch()?;
                base.validation_sup = base.validation_unsup;
            }
            "validation_unsup" => base.validation_unsup = switch()?,
            "validation_sup" => base.validation_sup = switch()?,
            "blocks_from" => base.blocks_from = Some(place.value(key, value, "the folder of a run")?),
            "set" => {
                for (key, value) in in_order(place.table(key, value)?) {
                    let text = format!("{}={}", key.get_ref(), super::axis::plain(&place.json(key, value)?));
                    Override::parse(&text).map_err(|e| place.at(key, bare(&e.to_string())))?;
                    base.set.push(text);
                }
            }
            _ => return Err(place.unknown(key, &KNOWN)),
        }
    }
    Ok(())
}

fn how(place: &Place, table: &DeTable, how: &mut How) -> Result<(), SearchError> {
    const KNOWN: [&str; 11] = [
        "device",
        "precision",
        "features_on_disk",
        "no_cache",
        "save_model",
        "keep",
        "reuse_layers",
        "layers_dir",
        "model_name",
        "data_dir",
        "presets",
    ];
    for (key, value) in in_order(table) {
        let switch = || place.value(key, value, "true or false");
        match key.get_ref().as_ref() {
            "device" => how.device = place.value(key, value, "auto, cpu, cuda or cuda:N")?,
            "precision" => how.precision = place.value(key, value, "float32, bf16 or tf32")?,
            "features_on_disk" => how.features_on_disk = switch()?,
            "no_cache" => how.no_cache = switch()?,
            "save_model" => how.save_model = switch()?,
            "keep" => how.keep = place.value(key, value, "last or best")?,
            "reuse_layers" => how.reuse_layers = switch()?,
            "layers_dir" => how.layers_dir = place.value(key, value, "a folder")?,
            "model_name" => how.model_name = Some(place.value(key, value, "a text")?),
            "data_dir" => how.data_dir = Some(place.value(key, value, "a folder")?),
            "presets" => how.presets = Some(place.value(key, value, "a file")?),
            _ => return Err(place.unknown(key, &KNOWN)),
        }
    }
    Ok(())
}

fn axis(place: &Place, key: &Key, value: &Spanned<DeValue>) -> Result<Axis, SearchError> {
    const KINDS: [&str; 7] = ["grid", "geometric", "choice", "uniform", "log_uniform", "int_uniform", "normal"];
    let form = "hint: e.g. { grid = [0.5, 1.0] } or { geometric = { base = 1.25, from = -10, to = 16 } }";
    let Some(table) = value.get_ref().as_table() else {
        return Err(place.at(key, format!("no values are named\n{form}")));
    };
    let name = key.get_ref().to_string();
    let (mut keys, mut if_present, mut values) = (vec![name.clone()], false, None);
    for (inner, value) in in_order(table) {
        let list = |what: &str| -> Result<Vec<Value>, SearchError> {
            let list: Vec<Value> = place.value(inner, value, &format!("a list of {what}"))?;
            let distinct: BTreeSet<String> = list.iter().map(ToString::to_string).collect();
            match list.len() {
                0 => Err(place.at(inner, "the list is empty".to_string())),
                n if distinct.len() < n => Err(place.at(inner, "the same value twice".to_string())),
                _ => Ok(list),
            }
        };
        let range = || -> Result<(f64, f64), SearchError> {
            let (lo, hi): (f64, f64) = place.value(inner, value, "two numbers, [lowest, highest]")?;
            if lo < hi { Ok((lo, hi)) } else { Err(place.at(inner, format!("{lo} is not below {hi}"))) }
        };
        let kind = match inner.get_ref().as_ref() {
            "keys" => {
                keys = place.value(inner, value, "a list of keys")?;
                if keys.is_empty() {
                    return Err(place.at(inner, "the list is empty".to_string()));
                }
                continue;
            }
            "if_present" => {
                if_present = place.value(inner, value, "true or false")?;
                continue;
            }
            "grid" => Values::Grid(list("values")?),
            "choice" => Values::Choice(list("values")?),
            "geometric" => {
                let parts = place.numbers(inner, value, &["base", "from", "to"])?;
                let whole = |x: f64| x.fract() == 0.0 && x.abs() < 10_000.0;
                let (base, from, to) = (parts[0], parts[1], parts[2]);
                if !(base > 0.0 && base.is_finite()) {
                    return Err(place.at(inner, "base must be above 0".to_string()));
                }
                if !whole(from) || !whole(to) || from > to {
                    return Err(place.at(inner, "from and to are whole exponents, from the smaller one".to_string()));
                }
                Values::Geometric { base, from: from as i32, to: to as i32 }
            }
            "uniform" => range().map(|(lo, hi)| Values::Uniform(lo, hi))?,
            "log_uniform" => match range()? {
                (lo, hi) if lo > 0.0 => Values::LogUniform(lo, hi),
                _ => return Err(place.at(inner, "both numbers must be above 0".to_string())),
            },
            "int_uniform" => {
                let (lo, hi): (i64, i64) = place.value(inner, value, "two whole numbers, [lowest, highest]")?;
                if lo >= hi {
                    return Err(place.at(inner, format!("{lo} is not below {hi}")));
                }
                Values::IntUniform(lo, hi)
            }
            "normal" => {
                let parts = place.numbers(inner, value, &["mean", "std"])?;
                if parts[1] <= 0.0 {
                    return Err(place.at(inner, "std must be above 0".to_string()));
                }
                Values::Normal { mean: parts[0], std: parts[1] }
            }
            _ => {
                let known: Vec<&str> = KINDS.iter().copied().chain(["keys", "if_present"]).collect();
                return Err(place.unknown(inner, &known));
            }
        };
        if values.replace(kind).is_some() {
            return Err(place.at(inner, "an axis has one kind of values".to_string()));
        }
    }
    let Some(values) = values else {
        return Err(place.at(key, format!("no values are named: one of {} is needed\n{form}", KINDS.join(", "))));
    };
    for each in &keys {
        // The value is read later, against the network; here it is the key that counts.
        Override::parse(&format!("{each}=0")).map_err(|e| {
            let tie = "\nhint: an axis of several keys has `keys = [\"b0.layer.t_invert\", …]`";
            let message = bare(&e.to_string());
            place
                .at(key, if message.contains("names no key") { format!("`{each}` is not a key{tie}") } else { message })
        })?;
    }
    Ok(Axis { name, keys, if_present, values, line: place.line(key.span().start) })
}

/// A message of an override without the name of the override, which the place gives.
fn bare(message: &str) -> String {
    message.strip_prefix("override `").and_then(|m| m.split_once("`: ")).map_or(message, |(_, m)| m).to_string()
}
