//! `--set`: single keys of blocks and data sets, set by a path before shapes are resolved.
//!
//! | path | value |
//! |---|---|
//! | `b0.layer.t_invert` | any key of the layer by its name; `method`, or `softness` for a Hebbian block |
//! | `b0.operation` | operations (`flattenbatchnorm1d`), or `none` |
//! | `b0.activation`, `b0.pool` | `triangle_1.4`, `avg_4_2_1`, or `none` |
//! | `b0.dropout`, `b0.batch_norm`, `b0.arch` | `0.3` or `none`; `true` or `false`; `CNN` or `MLP` |
//! | `b0.block` | a whole block string |
//! | `dataset_unsup.nb_epoch`, `dataset_sup.batch_size` … | any key of the data set |

use super::config::{Arch, DatasetConfig};
use super::dataset;
use super::error::{PresetError, SettingError};
use super::grammar::parse_block;
use super::model::{BlockEntry, ModelSpec, json};
use super::settings;
use super::suggest::{did_you_mean, nearest};
use super::words::{self, parse_activation, parse_operations, parse_pool, parse_probability};

/// What an override changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A block, from 0.
    Block(usize),
    /// The data set of the Hebbian phases.
    DatasetUnsup,
    /// The data set of the supervised phases.
    DatasetSup,
}

/// One `--set PATH=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// What it changes.
    pub target: Target,
    /// Which key of that: `layer.t_invert`, `nb_epoch`.
    pub key: String,
    /// The value, as typed.
    pub value: String,
    text: String,
}

const FIELDS: [&str; 7] = ["operation", "activation", "pool", "dropout", "batch_norm", "arch", "block"];

impl Override {
    /// Reads `PATH=VALUE`. The path must name a key that exists; the value is read when it is applied.
    pub fn parse(text: &str) -> Result<Override, PresetError> {
        let wrong = |message: String| PresetError::Override { text: text.into(), message };
        let form = "\nhint: the form is PATH=VALUE, e.g. b0.layer.t_invert=0.7 or dataset_sup.nb_epoch=5";
        let (path, value) = text.split_once('=').ok_or_else(|| wrong(format!("missing `=`{form}")))?;
        let (path, value) = (path.trim(), value.trim());
        let (head, key) = path.split_once('.').ok_or_else(|| wrong(format!("`{path}` names no key{form}")))?;
        let target = match head {
            "dataset_unsup" => Target::DatasetUnsup,
            "dataset_sup" => Target::DatasetSup,
            _ => match head.strip_prefix('b').filter(|n| n.bytes().all(|b| b.is_ascii_digit())).map(str::parse) {
                Some(Ok(index)) => Target::Block(index),
                _ => {
                    let near = did_you_mean(&nearest(head, ["b0", "dataset_unsup", "dataset_sup"]));
                    let way = near.map(|n| format!("\nhint: {n}")).unwrap_or_else(|| form.into());
                    return Err(wrong(format!("`{head}` is neither a block (b0, b1 …) nor a data set{way}")));
                }
            },
        };
        let paths: Vec<String> = match target {
            Target::Block(_) => {
                let layer = settings::known_keys().map(|key| format!("layer.{key}"));
                FIELDS.iter().map(|f| (*f).to_owned()).chain(layer).collect()
            }
            _ => dataset::known_keys().map(str::to_owned).collect(),
        };
        // A key of the layer that cannot be set is known too; applying it says why it cannot.
        let fixed = key.strip_prefix("layer.").is_some_and(settings::is_fixed);
        if !fixed && !paths.iter().any(|p| p == key) {
            let refs: Vec<&str> = paths.iter().map(String::as_str).collect();
            // Compared by the last name: `layer.` would make all keys alike, and is often forgotten.
            let last = |path: &'_ str| path.rsplit('.').next().unwrap_or_default().to_owned();
            let lasts: Vec<String> = paths.iter().map(|p| last(p)).collect();
            let close = nearest(&last(key), lasts.iter().map(String::as_str));
            let near = close.iter().filter_map(|c| lasts.iter().position(|l| l == c)).map(|i| refs[i]);
            let full: Vec<String> = near.map(|n| format!("{head}.{n}")).collect();
            let full: Vec<&str> = full.iter().map(String::as_str).collect();
            let way = did_you_mean(&full).unwrap_or_else(|| format!("the keys are {}", refs.join(", ")));
            return Err(wrong(format!("unknown key `{key}` of `{head}`\nhint: {way}")));
        }
        Ok(Override { target, key: key.into(), value: value.into(), text: text.into() })
    }

    /// Changes the block that it is for; overrides of data sets change nothing.
    pub fn apply_to_model(&self, model: &mut ModelSpec) -> Result<(), PresetError> {
        let Target::Block(index) = self.target else {
            return Ok(());
        };
        let last = model.blocks.len().saturating_sub(1);
        let entry = model.blocks.get_mut(index).ok_or_else(|| {
            self.wrong(format!("there is no block {index}\nhint: {} has the blocks b0 to b{last}", model.name))
        })?;
        let changed = match self.key.strip_prefix("layer.") {
            Some(key) => entry.set_layer(key, &json(&self.value)),
            None => set_field(entry, &self.key, &self.value),
        };
        changed.map_err(|e| self.wrong(e.to_string()))
    }

    /// Changes a data set's configuration, whichever it is.
    pub fn apply_to_dataset(&self, config: &mut DatasetConfig) -> Result<(), PresetError> {
        dataset::set(config, &self.key, &json(&self.value)).map_err(|e| self.wrong(e.to_string()))
    }

    fn wrong(&self, message: String) -> PresetError {
        PresetError::Override { text: self.text.clone(), message }
    }
}

/// Applies those overrides that are for blocks, in their order.
pub fn apply_overrides(overrides: &[Override], model: &mut ModelSpec) -> Result<(), PresetError> {
    overrides.iter().try_for_each(|o| o.apply_to_model(model))
}

/// Sets a field of a block that is not its layer's.
fn set_field(entry: &mut BlockEntry, field: &str, value: &str) -> Result<(), SettingError> {
    let wrong =
        |expected: &str| SettingError::WrongValue { key: field.into(), value: value.into(), expected: expected.into() };
    let none = value.is_empty() || value.eq_ignore_ascii_case("none");
    match field {
        "operation" => {
            entry.operations = parse_operations(value).ok_or_else(|| wrong(words::EXPECTED_OPERATIONS))?;
        }
        "activation" if none || value.eq_ignore_ascii_case("linear") => entry.activation = None,
        "activation" => {
            entry.activation = Some(parse_activation(value).ok_or_else(|| wrong(words::EXPECTED_ACTIVATION))?);
        }
        "pool" if none => entry.pool = None,
        "pool" => entry.pool = Some(parse_pool(value).ok_or_else(|| wrong(words::EXPECTED_POOL))?),
        "dropout" if none => entry.dropout = None,
        "dropout" => {
            let expected = "a probability of at least 0 and below 1, or none";
            entry.dropout = Some(parse_probability(value).ok_or_else(|| wrong(expected))?);
        }
        "batch_norm" => {
            entry.batch_norm = match value.to_ascii_lowercase().as_str() {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err(wrong("true or false")),
            };
        }
        "arch" => entry.arch = Arch::from_name(value).ok_or_else(|| wrong("CNN or MLP"))?,
        _ => {
            entry.block = parse_block(value).map_err(|e| SettingError::Grammar { error: Box::new(e) })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::config::Method;
    use crate::preset::{Catalogue, Key, KeyValue, dataset_config, resolve};
    use std::sync::LazyLock;

    static MODEL: LazyLock<ModelSpec> =
        LazyLock::new(|| Catalogue::embedded().unwrap().model("4SoftHebbCnnCIFAR").unwrap());

    fn set(text: &str) -> Result<ModelSpec, PresetError> {
        let mut model = MODEL.clone();
        Override::parse(text)?.apply_to_model(&mut model)?;
        Ok(model)
    }

    #[test]
    fn every_kind_of_path_sets_its_key() {
        let block = |text: &str, i: usize| set(text).unwrap().blocks[i].to_string();
        let first = "SoftKrotov-c96-k5-p2-s1-d1-b0-t1-lr0.08-lp0.5-e0 batchnorm2d triangle_0.7 max_4_2_1";
        assert_eq!(block("dataset_sup.nb_epoch=5", 0), first);
        for (text, was, is) in [
            ("b0.layer.t_invert=0.7", "-t1-", "-t0.7-"),
            ("b0.layer.lr=1e-3", "-lr0.08-", "-lr0.001-"),
            (" b0.layer.add_bias = true ", "-b0-", "-b1-"),
            ("b0.layer.method=hard", "SoftKrotov", "Hard"),
            ("b0.layer.softness=hardkrotov", "SoftKrotov", "HardKrotov"),
            ("b0.activation=triangle_1.4", "triangle_0.7", "triangle_1.4"),
            ("b0.activation=none", "triangle_0.7", "linear"),
            ("b0.pool=avg_4_2_1", "max_4_2_1", "avg_4_2_1"),
            ("b0.pool=none", " max_4_2_1", ""),
            ("b0.dropout=0.3", "max_4_2_1", "max_4_2_1 dropout_0.3"),
            ("b0.operation=none", "batchnorm2d", "nonorm"),
            ("b0.operation=batchnorm2dmax", "batchnorm2d", "batchnorm2d max"),
            ("b0.batch_norm=true", "triangle_0.7", "triangle_0.7 batch_norm"),
            ("b0.layer.nb_train=5", "max_4_2_1", "max_4_2_1 nb_train=5"),
            ("b0.layer.padding_mode=zeros", "max_4_2_1", "max_4_2_1 padding_mode=zeros"),
        ] {
            assert_eq!(block(text, 0), first.replace(was, is), "{text}");
        }
        assert_eq!(block("b0.block=Hard-c8-k3", 0), "Hard-c8-k3 batchnorm2d triangle_0.7 max_4_2_1");
        assert_eq!(set("b3.dropout=none").unwrap().blocks[3].dropout, None);
    }

    #[test]
    fn overrides_come_before_shapes() {
        let catalogue = Catalogue::embedded().unwrap();
        let dataset = dataset_config(&catalogue, "CIFAR10_50", false, 0).unwrap();
        let network = resolve(&catalogue, &set("b0.layer.out_channels=48").unwrap(), &dataset).unwrap();
        assert_eq!((network.blocks[0].layer.out_channels, network.blocks[1].layer.in_channels), (48, 48));
        let model = set("b0.layer.method=Hard").unwrap();
        assert_eq!(model.blocks[0].block.method, Method::Hard);
        assert_eq!(model.blocks[0].block.get(Key::Lr), Some(KeyValue::Real(0.08)));
    }

    #[test]
    fn mistakes_are_named_with_the_nearest_key() {
        for (text, want) in [
            ("b0.layer.t_invert", "missing `=`"),
            ("b0=3", "`b0` names no key"),
            ("block0.pool=none", "`block0` is neither a block"),
            ("dataset_supp.nb_epoch=1", "did you mean `dataset_sup`?"),
            ("b0.layer.t_inverse=1", "did you mean `b0.layer.t_invert`?"),
            ("b0.t_invert=1", "did you mean `b0.layer.t_invert`?"),
            ("b0.activaton=relu", "did you mean `b0.activation`?"),
            ("b0.layer.zzz=1", "the keys are operation, activation"),
            ("b0.=1", "unknown key `` of `b0`"),
            ("dataset_sup.epochs=5", "unknown key `epochs` of `dataset_sup`"),
            ("dataset_sup.nb_epochs=5", "did you mean `dataset_sup.nb_epoch`?"),
            ("b4.pool=none", "there is no block 4\nhint: 4SoftHebbCnnCIFAR has the blocks b0 to b3"),
            ("b99999999999999999999.pool=none", "is neither a block"),
            ("b0.layer.t_invert=0", "expected a number above 0"),
            ("b0.layer.t_invert=-1", "expected a number above 0"),
            ("b0.layer.t_invert=hot", "wrong value `hot` of `t_invert`"),
            ("b0.layer.out_channels=1.5", "a whole number"),
            ("b0.layer.in_channels=3", "it follows from the data"),
            ("b0.layer.softness=BP", "hard, hardkrotov, soft or softkrotov"),
            ("b3.layer.softness=soft", "a BP block has none"),
            ("b0.layer.nb_train=0", "at least 1, or null"),
            ("b0.layer.padding_mode=mirror", "reflect, zeros"),
            ("b0.pool=max_4", "max or avg with kernel, stride and padding"),
            ("b0.dropout=1", "below 1"),
            ("b0.operation=batchnorm3d", "batchnorm1d, batchnorm2d"),
            ("b0.activation=triangel", "an activation (triangle"),
            ("b0.arch=RNN", "CNN or MLP"),
            ("b0.batch_norm=maybe", "true or false"),
            ("b0.block=Sotf-c9", "did you mean `Soft`?"),
        ] {
            let message = set(text).expect_err(text).to_string();
            assert!(message.starts_with(&format!("override `{text}`: ")), "{message}");
            assert!(message.contains(want), "{text}: {message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", tail in "(b0|b9|dataset_sup)\\.(layer\\.)?[a-z_]{0,9}=.*") {
            let _ = set(&text);
            let _ = set(&tail);
        }
    }
}
