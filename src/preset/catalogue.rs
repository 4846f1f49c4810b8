//! The catalogue: `preset.json`, which is inside the program and can be replaced by a file of the user's own.
//!
//! ```json
//! {"layers":   {"MLP": {"lr": 0.05, …}, "CNN": {…}},
//!  "custom":   {"unsup": "FashionMini_1", "sup": "FashionMini_50"},
//!  "demo":     "NAME",
//!  "models":   {"NAME": {"unsup": "CIFAR10_1", "sup": "CIFAR10_50", "blocks": ["a block a line", …]}},
//!  "aliases":  {"OTHER_NAME": "NAME"},
//!  "datasets": {"CIFAR10": {"default": {"channels": 3, …}, "50": {"nb_epoch": 50}}}}
//! ```
//!
//! `layers` holds the default of every key of a layer; `custom` the data sets of models typed with `--model`;
//! `demo` names the model of a `softhebb run` that names none. A block
//! is a line in the language of [`super::model`] or an object as in [`super::published`]. A data set's configurations
//! hold what differs from its `default`.

use super::config::{Arch, DatasetConfig};
use super::dataset;
use super::error::PresetError;
use super::model::{BlockEntry, ModelSpec};
use super::settings;
use super::suggest::nearest;
use crate::files;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

/// The catalogue inside the program.
const EMBEDDED: &str = include_str!("../../preset.json");

/// Models, layer defaults and data sets.
#[derive(Debug, Clone)]
pub struct Catalogue {
    layers: [Map<String, Value>; 2],
    custom: Pair,
    demo: Option<String>,
    models: Vec<ModelSpec>,
    aliases: Vec<(String, String)>,
    datasets: Vec<DatasetEntry>,
}

/// A data set and its configurations, the `default` one first.
#[derive(Debug, Clone)]
pub struct DatasetEntry {
    /// Name: `CIFAR10`.
    pub name: String,
    /// Configurations by their short names (`default`, `1-50`).
    pub configs: Vec<(String, DatasetConfig)>,
}

/// Default data sets.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    unsup: String,
    sup: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalogue {
    layers: RawLayers,
    custom: Pair,
    demo: Option<String>,
    models: Ordered<RawModel>,
    #[serde(default)]
    aliases: Ordered<String>,
    datasets: Ordered<Ordered<Map<String, Value>>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLayers {
    #[serde(rename = "MLP")]
    mlp: Ordered<Value>,
    #[serde(rename = "CNN")]
    cnn: Ordered<Value>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    unsup: String,
    sup: String,
    blocks: Vec<Value>,
}

impl Catalogue {
    /// The catalogue inside the program. That it reads without error is tested.
    pub fn embedded() -> Result<Catalogue, PresetError> {
        Catalogue::parse(EMBEDDED, "preset.json")
    }

    /// The catalogue in a file; errors name the file and the entry.
    pub fn load(path: &Path) -> Result<Catalogue, PresetError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| PresetError::Read { path: path.to_path_buf(), cause: e.to_string() })?;
        Catalogue::parse(&text, &path.display().to_string())
    }

    /// The catalogue in a text that came from `origin`.
    pub fn parse(text: &str, origin: &str) -> Result<Catalogue, PresetError> {
        let wrong = |entry: String, message: String| PresetError::Catalogue { origin: origin.into(), entry, message };
        let raw: RawCatalogue = serde_json::from_str(text).map_err(|e| wrong(String::new(), no_catalogue(&e)))?;
        // Names of models and data sets become names of folders.
        let models = raw.models.0.iter().map(|(name, _)| ("models", name));
        let aliases = raw.aliases.0.iter().map(|(name, _)| ("aliases", name));
        let sets = raw.datasets.0.iter().flat_map(|(name, configs)| {
            std::iter::once(name).chain(configs.0.iter().map(|(config, _)| config)).map(|name| ("datasets", name))
        });
        for (part, name) in models.chain(aliases).chain(sets) {
            files::name(name).map_err(|e| wrong(format!("{part}.{name:?}"), e.to_string()))?;
        }
        let layers = [("layers.MLP", raw.layers.mlp), ("layers.CNN", raw.layers.cnn)].map(|(entry, keys)| {
            let checked = keys.0.iter().try_for_each(|(key, value)| settings::check_default(key, value));
            checked.map_err(|e| wrong(entry.into(), e.to_string())).map(|()| keys.0.into_iter().collect::<Map<_, _>>())
        });
        let [mlp, cnn] = layers;
        let mut catalogue = Catalogue {
            layers: [mlp?, cnn?],
            custom: raw.custom,
            demo: raw.demo,
            models: Vec::new(),
            aliases: raw.aliases.0,
            datasets: Vec::new(),
        };
        for (name, configs) in raw.datasets.0 {
            let entry = dataset_entry(&name, configs.0)
                .map_err(|(config, message)| wrong(format!("datasets.{name}.{config}"), message))?;
            catalogue.datasets.push(entry);
        }
        for (name, raw) in raw.models.0 {
            let blocks = blocks(&raw.blocks).map_err(|(i, e)| wrong(format!("models.{name}.blocks[{i}]"), e))?;
            for dataset in [&raw.unsup, &raw.sup] {
                catalogue.dataset(dataset).map_err(|e| wrong(format!("models.{name}"), e.to_string()))?;
            }
            let model = ModelSpec { name, dataset_unsup: raw.unsup, dataset_sup: raw.sup, blocks };
            catalogue.models.push(model);
        }
        for dataset in [&catalogue.custom.unsup, &catalogue.custom.sup] {
            catalogue.dataset(dataset).map_err(|e| wrong("custom".into(), e.to_string()))?;
        }
        if let Some(demo) = &catalogue.demo {
            catalogue.model(demo).map_err(|e| wrong("demo".into(), e.to_string()))?;
        }
        for (alias, name) in &catalogue.aliases {
            let entry = format!("aliases.{alias}");
            if catalogue.models.iter().any(|m| m.name == *alias) {
                return Err(wrong(entry, "a model has this name already".into()));
            }
            if !catalogue.models.iter().any(|m| m.name == *name) {
                return Err(wrong(entry, format!("there is no model `{name}`")));
            }
        }
        Ok(catalogue)
    }

    /// The model of this name or alias.
    pub fn model(&self, name: &str) -> Result<ModelSpec, PresetError> {
        let target = self.aliases.iter().find(|(alias, _)| alias == name).map_or(name, |(_, target)| target);
        match self.models.iter().find(|m| m.name == target) {
            Some(model) => Ok(ModelSpec { name: name.into(), ..model.clone() }),
            None => {
                let names = self.models.iter().map(|m| m.name.as_str());
                let names: Vec<&str> = names.chain(self.aliases.iter().map(|(a, _)| a.as_str())).collect();
                let near = nearest(name, names);
                Err(unknown("preset", name, &near, "`softhebb show` lists all presets"))
            }
        }
    }

    /// The name of the model that `softhebb run` trains where none is named, if the catalogue has one.
    pub fn demo(&self) -> Option<&str> {
        self.demo.as_deref()
    }

    /// A model typed in the language of [`super::model`]; its name is `custom`.
    pub fn custom_model(&self, text: &str) -> Result<ModelSpec, PresetError> {
        ModelSpec::parse("custom", text, &self.custom.unsup, &self.custom.sup)
    }

    /// The configuration of this name (`CIFAR10`, `MNIST_1-32`), before [`dataset::finish`].
    pub fn dataset(&self, name: &str) -> Result<DatasetConfig, PresetError> {
        let (set, config) = name.split_once('_').unwrap_or((name, "default"));
        let Some(entry) = self.datasets.iter().find(|d| d.name == set) else {
            let near = nearest(set, self.datasets.iter().map(|d| d.name.as_str()));
            return Err(unknown("data set", set, &near, "`softhebb show` lists all data sets"));
        };
        match entry.configs.iter().find(|(known, _)| known == config) {
            Some((_, found)) => Ok(DatasetConfig { config: name.into(), ..found.clone() }),
            None => {
                let full: Vec<String> = entry.configs.iter().map(|(known, _)| format!("{set}_{known}")).collect();
                // Compared without the name of the set, which would drown the difference.
                let near = nearest(config, entry.configs.iter().map(|(known, _)| known.as_str()));
                let near = near.into_iter().map(|n| format!("{set}_{n}")).filter(|n| full.contains(n));
                let near: Vec<String> = near.collect();
                let near: Vec<&str> = near.iter().map(String::as_str).collect();
                let what = format!("configuration of {set}");
                Err(unknown(&what, config, &near, &format!("`softhebb show {set}` lists them all")))
            }
        }
    }

    /// The configuration of `other` that stands for `name`: the one of the same short name, else the one with the
    /// nearest number of epochs, augmented if that is.
    pub fn counterpart(&self, name: &str, other: &str) -> Result<String, PresetError> {
        let wanted = self.dataset(name)?;
        self.dataset(other)?;
        let (_, short) = name.split_once('_').unwrap_or((name, "default"));
        let configs = self.datasets.iter().find(|d| d.name == other).map_or(&[][..], |d| &d.configs);
        let distance = |c: &DatasetConfig| {
            let ratio = (c.nb_epoch as f64 / wanted.nb_epoch as f64).ln().abs();
            (c.augmentation != wanted.augmentation, c.zca_whitened != wanted.zca_whitened, ratio)
        };
        let best = configs.iter().min_by(|(a_name, a), (b_name, b)| {
            let same = (a_name != short).cmp(&(b_name != short));
            same.then(distance(a).partial_cmp(&distance(b)).unwrap_or(std::cmp::Ordering::Equal))
        });
        Ok(best.map_or_else(|| other.into(), |(config, _)| format!("{other}_{config}")))
    }

    /// Changes every configuration of a data set: what it holds is known only now.
    pub fn describe(&mut self, name: &str, change: impl Fn(&mut DatasetConfig)) {
        let entry = self.datasets.iter_mut().find(|d| d.name == name);
        entry.into_iter().flat_map(|d| &mut d.configs).for_each(|(_, config)| change(config));
    }

    /// Every model, in the order of the file.
    pub fn models(&self) -> &[ModelSpec] {
        &self.models
    }

    /// Other names of models: (alias, name).
    pub fn aliases(&self) -> &[(String, String)] {
        &self.aliases
    }

    /// Every data set, in the order of the file.
    pub fn datasets(&self) -> &[DatasetEntry] {
        &self.datasets
    }

    /// The default of every key of a layer.
    pub fn layer_defaults(&self, arch: Arch) -> &Map<String, Value> {
        match arch {
            Arch::Mlp => &self.layers[0],
            Arch::Cnn => &self.layers[1],
        }
    }
}

/// What is wrong with a text that does not read as a catalogue, with its place.
fn no_catalogue(error: &serde_json::Error) -> String {
    if error.is_data() {
        return error.to_string();
    }
    let hint = "it is JSON, with layers, custom, models and datasets; without --presets the program's own are used";
    format!("this is not a preset file: {error}\nhint: {hint}")
}

fn blocks(values: &[Value]) -> Result<Vec<BlockEntry>, (usize, String)> {
    let mut blocks: Vec<BlockEntry> = Vec::new();
    for (i, value) in values.iter().enumerate() {
        let on_images = blocks.last().is_none_or(|b| b.arch == Arch::Cnn);
        let entry = match value {
            Value::String(line) => BlockEntry::parse(line, on_images, i + 1 == values.len()).map_err(|e| e.to_string()),
            other => BlockEntry::from_json(other),
        };
        blocks.push(entry.map_err(|message| (i, message))?);
    }
    if blocks.is_empty() { Err((0, "a model needs at least one block".into())) } else { Ok(blocks) }
}

fn dataset_entry(name: &str, raw: Vec<(String, Map<String, Value>)>) -> Result<DatasetEntry, (String, String)> {
    let Some((_, default)) = raw.iter().find(|(config, _)| config == "default").cloned() else {
        return Err(("default".into(), "the configuration `default` is missing".into()));
    };
    let mut configs = Vec::with_capacity(raw.len());
    for (config, own) in raw {
        let mut keys = default.clone();
        keys.extend(own);
        let read = dataset::from_keys(name, &config, keys).map_err(|e| (config.clone(), e))?;
        configs.push((config, read));
    }
    Ok(DatasetEntry { name: name.into(), configs })
}

fn unknown(what: &str, name: &str, near: &[&str], list: &str) -> PresetError {
    let near = near.iter().map(|n| (*n).to_owned()).collect();
    PresetError::Unknown { what: what.into(), name: name.into(), near, list: list.into() }
}

/// A JSON object in the order in which it was written, in which no key stands twice.
struct Ordered<T>(Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Ordered<T> {
        Ordered(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ordered<T>, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut pairs: Vec<(String, T)> = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if pairs.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom(format!("`{key}` stands here twice")));
                    }
                    pairs.push((key, map.next_value()?));
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
