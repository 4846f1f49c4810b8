//! One layer: its keys (defaults of its architecture, then the block string, then single keys) and its initial range.
//!
//! With P = lebesgue_p, R = radius^P and n inputs a unit (`(in/groups)·k²`, or `in` for an MLP), so that a unit's
//! expected L_P radius is `radius`:
//!
//! - the block normalises its input: W ~ Normal(0, σ), σ = (R/(n·m))^(1/P), m = (P−1)!!·(√(2/π) if P is odd else 1);
//! - otherwise: W ~ Uniform[0, w), w = ((P+1)·R/n)^(1/P).

use super::config::{Arch, LayerConfig, LrDecay, Method, Operation, PaddingMode, WeightInit};
use super::key::{Key, KeyValue};
use super::model::BlockEntry;
use super::problem::BlockProblem;
use super::settings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The most weights of a layer and the most inputs of a unit: 2^36 floats are 256 GiB.
const LARGEST: i64 = 1 << 36;

/// The layer of `entry` on `in_channels` channels (features of an MLP), with its initial range.
///
/// `defaults` are those of the block's architecture; `out_channels` replaces the block's own number of neurons.
pub fn layer_config(
    defaults: &Map<String, Value>,
    entry: &BlockEntry,
    in_channels: i64,
    out_channels: Option<i64>,
) -> Result<LayerConfig, BlockProblem> {
    let method = entry.block.method;
    if entry.arch == Arch::Mlp {
        refuse_convolution_keys(entry)?;
    } else if method == Method::SupervisedSoftKrotov {
        return Err(BlockProblem::SupervisedConvolution);
    }
    let mut keys = Keys(defaults.clone());
    keys.0.extend(entry.block.keys().map(|(key, value)| (key.name().to_owned(), value.to_json())));
    keys.0.extend(entry.layer.clone());
    if let Some(out) = out_channels {
        keys.0.insert(Key::OutChannels.name().into(), out.into());
    }
    let cnn = entry.arch == Arch::Cnn;
    let given = |name: &str| entry.layer.get(name).cloned();
    let mut layer = LayerConfig {
        method,
        in_channels,
        out_channels: keys.needed(Key::OutChannels, "96")?,
        kernel_size: if cnn { keys.needed(Key::KernelSize, "5")? } else { 1 },
        stride: if cnn { keys.whole(Key::Stride)? } else { 1 },
        padding: if cnn { keys.whole(Key::Padding)? } else { 0 },
        dilation: if cnn { keys.whole(Key::Dilation)? } else { 1 },
        groups: if cnn { keys.whole(Key::Groups)? } else { 1 },
        padding_mode: if cnn { keys.extra("padding_mode")? } else { PaddingMode::Reflect },
        lr: keys.real(Key::Lr)?,
        lr_sup: keys.real(Key::LrSup)?,
        adaptive: keys.switch(Key::Adaptive)?,
        power_lr: keys.real(Key::PowerLr)?,
        lr_decay: keys.extra::<LrDecay>("lr_decay")?,
        lr_div: keys.extra("lr_div")?,
        speed: keys.extra("speed")?,
        lebesgue_p: keys.whole(Key::LebesgueP)?,
        t_invert: keys.real(Key::TInvert)?,
        delta: keys.real(Key::Delta)?,
        ranking_param: keys.extra("ranking_param")?,
        add_bias: keys.switch(Key::AddBias)?,
        radius: keys.real(Key::Radius)?,
        pre_triangle: if cnn { keys.switch(Key::PreTriangle)? } else { false },
        nb_train: if keys.0.contains_key("nb_train") { keys.extra("nb_train")? } else { None },
        weight_init: WeightInit::Positive,
        weight_init_range: 0.0,
        supervised: match given("metric_mode") {
            Some(mode) => method.is_hebbian() && mode == "supervised",
            None => method == Method::SupervisedSoftKrotov,
        },
        recorded: Map::new(),
    };
    check(&layer)?;
    let normal = entry.operations.iter().any(|o| matches!(o, Operation::BatchNorm1d | Operation::BatchNorm2d));
    layer.weight_init = if normal { WeightInit::Normal } else { WeightInit::Positive };
    if let Some(init) = given("weight_init") {
        layer.weight_init = read("weight_init", &init)?;
    }
    layer.weight_init_range = match given("weight_init_range") {
        Some(range) => read("weight_init_range", &range)?,
        None => initial_range(&layer)?,
    };
    // What is left was read without effect; what says only what the block is anyway is not worth recording.
    for key in ["arch", "hebbian", "softness", "metric_mode", "seed", "resume", "weight_init", "weight_init_range"] {
        keys.0.remove(key);
    }
    layer.recorded = keys.0;
    Ok(layer)
}

fn refuse_convolution_keys(entry: &BlockEntry) -> Result<(), BlockProblem> {
    let in_string = entry.block.keys().map(|(key, _)| key).find(|key| key.is_for_convolutions());
    let beside = entry.layer.get_key_value("padding_mode").map(|(name, _)| format!("`{name}`"));
    match in_string.map(|key| format!("`{}` ({})", key.letters(), key.name())).or(beside) {
        Some(key) => Err(BlockProblem::NotConvolution { key }),
        None => Ok(()),
    }
}

/// Sizes that must fit each other.
fn check(layer: &LayerConfig) -> Result<(), BlockProblem> {
    for (which, channels) in [("input", layer.in_channels), ("output", layer.out_channels)] {
        if channels % layer.groups != 0 {
            return Err(BlockProblem::Groups { which, channels, groups: layer.groups });
        }
    }
    let inputs = inputs_of_a_unit(layer).ok_or(BlockProblem::TooLarge { what: "inputs a unit", limit: LARGEST })?;
    if inputs.checked_mul(layer.out_channels).is_none_or(|weights| weights > LARGEST) {
        return Err(BlockProblem::TooLarge { what: "weights", limit: LARGEST });
    }
    let units = layer.out_channels / layer.groups;
    if layer.method == Method::HardKrotov && layer.ranking_param > units {
        return Err(BlockProblem::Rank { rank: layer.ranking_param, units });
    }
    match layer.nb_train {
        Some(nb_train) if nb_train > layer.out_channels => {
            Err(BlockProblem::NbTrain { nb_train, units: layer.out_channels })
        }
        _ => Ok(()),
    }
}

/// `(in/groups)·k²`, if it is not beyond reason.
fn inputs_of_a_unit(layer: &LayerConfig) -> Option<i64> {
    let area = layer.kernel_size.checked_mul(layer.kernel_size)?;
    (layer.in_channels / layer.groups).checked_mul(area).filter(|n| *n <= LARGEST)
}

/// The spread of the initial weights: σ or w of the module's head.
fn initial_range(layer: &LayerConfig) -> Result<f64, BlockProblem> {
    let (p, power) = (layer.lebesgue_p, layer.lebesgue_p as f64);
    let n = inputs_of_a_unit(layer).unwrap_or(LARGEST) as f64;
    let r = layer.radius.powf(power);
    let range = match layer.weight_init {
        WeightInit::Normal => {
            let odd = if p % 2 == 1 { (2.0 / std::f64::consts::PI).sqrt() } else { 1.0 };
            (r / (n * double_factorial(p - 1) * odd)).powf(1.0 / power)
        }
        WeightInit::Positive => ((power + 1.0) * r / n).powf(1.0 / power),
    };
    if range.is_finite() && range > 0.0 { Ok(range) } else { Err(BlockProblem::Range { radius: layer.radius, p }) }
}

/// x!! = x·(x−2)·(x−4)…, 1 for x ≤ 1.
fn double_factorial(x: i64) -> f64 {
    (1..=x).rev().step_by(2).map(|i| i as f64).product()
}

/// The keys of a layer, from which values are taken one by one.
struct Keys(Map<String, Value>);

impl Keys {
    fn take(&mut self, key: Key) -> Result<KeyValue, BlockProblem> {
        let value = self.0.shift_remove(key.name());
        let parsed = value.as_ref().and_then(|v| key.parse_json(v).ok());
        parsed.ok_or_else(|| default_problem(key.name(), value.as_ref(), key.expected()))
    }

    /// A key that has no default.
    fn needed(&mut self, key: Key, example: &'static str) -> Result<i64, BlockProblem> {
        if !self.0.contains_key(key.name()) {
            return Err(BlockProblem::Missing { letters: key.letters(), name: key.name(), example });
        }
        self.whole(key)
    }

    fn whole(&mut self, key: Key) -> Result<i64, BlockProblem> {
        match self.take(key)? {
            KeyValue::Whole(v) => Ok(v),
            other => Err(default_problem(key.name(), Some(&other.to_json()), key.expected())),
        }
    }

    fn real(&mut self, key: Key) -> Result<f64, BlockProblem> {
        match self.take(key)? {
            KeyValue::Real(v) => Ok(v),
            other => Err(default_problem(key.name(), Some(&other.to_json()), key.expected())),
        }
    }

    fn switch(&mut self, key: Key) -> Result<bool, BlockProblem> {
        match self.take(key)? {
            KeyValue::Switch(v) => Ok(v),
            other => Err(default_problem(key.name(), Some(&other.to_json()), key.expected())),
        }
    }

    /// A key that block strings have no letters for.
    fn extra<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, BlockProblem> {
        let value = self.0.shift_remove(key);
        let value = match &value {
            None => return Err(default_problem(key, None, "a value".into())),
            Some(v) => settings::read_extra(key, v).map_err(|expected| default_problem(key, Some(v), expected))?,
        };
        read(key, &value)
    }
}

fn read<T: DeserializeOwned>(key: &str, value: &Value) -> Result<T, BlockProblem> {
    serde_json::from_value(value.clone()).map_err(|e| default_problem(key, Some(value), e.to_string()))
}

fn default_problem(key: &str, value: Option<&Value>, expected: String) -> BlockProblem {
    let what = value.map_or_else(|| "missing".to_owned(), Value::to_string);
    BlockProblem::Default { key: key.into(), what, expected }
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
