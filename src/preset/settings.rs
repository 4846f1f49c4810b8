//! Setting one key of a layer by its name (`t_invert`, `nb_train`, `method` …), with its value checked.
//!
//! A key that block strings have letters for goes into the block string, so that it tells the truth; any other is kept
//! beside it.

use super::config::Method;
use super::error::SettingError;
use super::key::Key;
use super::model::BlockEntry;
use super::suggest::nearest;
use serde_json::Value;

/// What values a key takes that block strings have no letters for.
#[derive(Clone, Copy)]
enum Extra {
    Choice(&'static [&'static str]),
    Positive,
    /// At least 1; `null` too where the flag says so.
    Count(bool),
    /// Read without effect: any single value.
    Recorded,
    Fixed(&'static str),
}

const EXTRAS: [(&str, Extra); 22] = [
    ("metric_mode", Extra::Choice(&["unsupervised", "supervised"])),
    ("lr_decay", Extra::Choice(&["linear", "exp", "constant"])),
    ("lr_div", Extra::Positive),
    ("speed", Extra::Positive),
    ("ranking_param", Extra::Count(false)),
    ("nb_train", Extra::Count(true)),
    ("padding_mode", Extra::Choice(&["reflect", "zeros", "replicate", "circular"])),
    ("weight_init", Extra::Choice(&["normal", "positive"])),
    ("weight_init_range", Extra::Positive),
    ("soft_activation_fn", Extra::Choice(&["exp"])),
    ("lr_bias", Extra::Recorded),
    ("beta", Extra::Recorded),
    ("power", Extra::Recorded),
    ("normalize_inp", Extra::Recorded),
    ("plasticity", Extra::Recorded),
    ("weight_decay", Extra::Recorded),
    ("weight_init_offset", Extra::Recorded),
    ("in_channels", Extra::Fixed("it follows from the data and the block before")),
    ("arch", Extra::Fixed("it belongs to the block (`arch_CNN`, `b0.arch=CNN`)")),
    ("hebbian", Extra::Fixed("it follows from the method")),
    ("seed", Extra::Fixed("it belongs to the data set (`dataset_unsup.seed`)")),
    ("resume", Extra::Fixed("it belongs to the run")),
];

/// Names of all keys of a layer that can be set.
pub fn known_keys() -> impl Iterator<Item = &'static str> {
    let extras = EXTRAS.iter().filter(|(_, e)| !matches!(e, Extra::Fixed(_))).map(|(name, _)| *name);
    Key::all().map(Key::name).chain(["method", "softness"]).chain(extras)
}

/// Whether a key is known, but follows from others.
pub fn is_fixed(key: &str) -> bool {
    EXTRAS.iter().any(|(name, extra)| *name == key && matches!(extra, Extra::Fixed(_)))
}

/// Checks one key of the layer defaults.
pub fn check_default(key: &str, value: &Value) -> Result<(), SettingError> {
    let wrong = |expected| SettingError::WrongValue { key: key.into(), value: value.to_string(), expected };
    match (Key::from_name(key), EXTRAS.iter().find(|(name, _)| *name == key)) {
        (Some(known), _) => known.parse_json(value).map(|_| ()).map_err(|_| wrong(known.expected())),
        (_, Some((_, extra))) => extra.read(value).map(|_| ()).map_err(wrong),
        // The method of a layer that is given no block string, which no block of ours is.
        (None, None) if key == "softness" => Ok(()),
        (None, None) => Err(unknown_key(key)),
    }
}

/// The value of a key that block strings have no letters for, in the form in which it is kept, or what would be right.
pub(super) fn read_extra(key: &str, value: &Value) -> Result<Value, String> {
    let extra = EXTRAS.iter().find(|(name, _)| *name == key).map_or(Extra::Recorded, |(_, extra)| *extra);
    extra.read(value)
}

fn unknown_key(key: &str) -> SettingError {
    SettingError::UnknownKey {
        key: key.into(),
        near: nearest(key, known_keys()).into_iter().map(str::to_owned).collect(),
        known: known_keys().map(str::to_owned).collect(),
    }
}

/// Sets a key of a block's layer by its name.
pub fn set(entry: &mut BlockEntry, key: &str, value: &Value) -> Result<(), SettingError> {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let wrong = |expected: String| SettingError::WrongValue { key: key.into(), value: shown.clone(), expected };
    if let Some(known) = Key::from_name(key) {
        return known
            .parse_json(value)
            .and_then(|value| entry.block.set(known, value))
            .map_err(|_| wrong(known.expected()));
    }
    match (key, EXTRAS.iter().find(|(name, _)| *name == key)) {
        ("method", _) => {
            let names = "a method (BP, Hard, HardKrotov, Soft, SoftKrotov, SupervisedSoftKrotov)";
            entry.block.method = Method::from_name(&shown).ok_or_else(|| wrong(names.into()))?;
        }
        // The published searches call the method of a Hebbian block its softness.
        ("softness", _) if entry.block.method.is_hebbian() => {
            let method = Method::from_name(&shown)
                .filter(|m| matches!(m, Method::Hard | Method::HardKrotov | Method::Soft | Method::SoftKrotov));
            entry.block.method = method.ok_or_else(|| wrong("hard, hardkrotov, soft or softkrotov".into()))?;
        }
        ("softness", _) => {
            return Err(SettingError::Fixed { key: key.into(), why: "a BP block has none (set its `method`)" });
        }
        (_, Some((_, Extra::Fixed(why)))) => return Err(SettingError::Fixed { key: key.into(), why }),
        (_, Some((name, extra))) => {
            let value = extra.read(value).map_err(wrong)?;
            entry.layer.insert((*name).into(), value);
        }
        (_, None) => return Err(unknown_key(key)),
    }
    Ok(())
}

impl Extra {
    /// The value in the form in which it is kept, or what would be right.
    fn read(self, value: &Value) -> Result<Value, String> {
        match self {
            Extra::Choice(choices) => {
                let found = value.as_str().and_then(|v| choices.iter().find(|c| c.eq_ignore_ascii_case(v)));
                found.map(|c| Value::from(*c)).ok_or_else(|| choices.join(", "))
            }
            Extra::Positive => match value.as_f64() {
                Some(v) if v.is_finite() && v > 0.0 => Ok(value.clone()),
                _ => Err("a number above 0".into()),
            },
            Extra::Count(or_null) => match value.as_i64() {
                Some(v) if v >= 1 => Ok(value.clone()),
                _ if or_null && value.is_null() => Ok(Value::Null),
                _ => Err(format!("a whole number of at least 1{}", if or_null { ", or null" } else { "" })),
            },
            Extra::Recorded | Extra::Fixed(_) => match value {
                Value::Array(_) | Value::Object(_) => Err("a single value".into()),
                _ => Ok(value.clone()),
            },
        }
    }
}
