//! Data set configurations: the keys of `datasets.csv`, their checks, and the share that `--validation` takes.

use super::catalogue::Catalogue;
use super::config::{DatasetConfig, TrainingClass};
use super::error::{PresetError, SettingError};
use super::overrides::{Override, Target};
use super::resolve::LARGEST_SIDE;
use super::suggest::nearest;
use serde_json::{Map, Value, json};

/// What values a key takes.
#[derive(Clone, Copy)]
enum Field {
    Split,
    /// At least 1 and at most this.
    Count(i64),
    CountOrNull,
    NonNegative,
    Switch,
    Classes,
    Seed,
}

/// More images or epochs than anyone has.
const MANY: i64 = 1_000_000_000_000;

const FIELDS: [(&str, Field); 17] = [
    ("split", Field::Split),
    ("channels", Field::Count(LARGEST_SIDE)),
    ("width", Field::Count(LARGEST_SIDE)),
    ("height", Field::Count(LARGEST_SIDE)),
    ("px", Field::CountOrNull),
    ("out_channels", Field::Count(LARGEST_SIDE)),
    ("training_sample", Field::Count(MANY)),
    ("testing_sample", Field::Count(MANY)),
    ("nb_epoch", Field::Count(MANY)),
    ("batch_size", Field::Count(MANY)),
    ("print_freq", Field::Count(MANY)),
    ("augmentation", Field::Switch),
    ("noise_std", Field::NonNegative),
    ("zca_whitened", Field::Switch),
    ("training_class", Field::Classes),
    ("validation", Field::Switch),
    ("seed", Field::Seed),
];

const SPLITS: [&str; 5] = ["train", "unlabeled", "train+unlabeled", "val", "test"];

/// Names of all keys that can be set.
pub fn known_keys() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(name, _)| *name)
}

impl Field {
    /// The value in the form in which it is kept, or what would be right.
    fn read(self, value: &Value) -> Result<Value, String> {
        match self {
            Field::Split => match value.as_str() {
                Some(s) if SPLITS.contains(&s) => Ok(value.clone()),
                _ => Err(SPLITS.join(", ")),
            },
            Field::Count(max) => match value.as_i64() {
                Some(n) if (1..=max).contains(&n) => Ok(value.clone()),
                _ => Err(format!("a whole number from 1 to {max}")),
            },
            Field::CountOrNull if value.is_null() => Ok(Value::Null),
            Field::CountOrNull => Field::Count(LARGEST_SIDE).read(value).map_err(|e| format!("{e}, or null")),
            Field::NonNegative => match value.as_f64() {
                Some(v) if v.is_finite() && v >= 0.0 => Ok(value.clone()),
                _ => Err("a number of at least 0".into()),
            },
            Field::Switch => match (value.as_bool(), value.as_i64()) {
                (Some(b), _) => Ok(b.into()),
                (None, Some(n @ 0..=1)) => Ok((n == 1).into()),
                _ => Err("true or false".into()),
            },
            Field::Classes => {
                let labels = match value {
                    Value::Array(labels) => labels.clone(),
                    Value::Number(_) => vec![value.clone()],
                    _ => Vec::new(),
                };
                let all = value == "all";
                let some = !labels.is_empty() && labels.iter().all(|l| l.as_i64().is_some_and(|l| l >= 0));
                match (all, some) {
                    (true, _) => Ok(value.clone()),
                    (_, true) => Ok(labels.into()),
                    _ => Err("`all`, or labels such as [0,3]".into()),
                }
            }
            Field::Seed => match value.as_u64() {
                Some(_) => Ok(value.clone()),
                None => Err("a whole number of at least 0".into()),
            },
        }
    }
}

/// A configuration from its keys; those that most data sets share may be left out. The error says which key is wrong.
pub(super) fn from_keys(name: &str, config: &str, keys: Map<String, Value>) -> Result<DatasetConfig, String> {
    let mut all = json!({
        "config": if config == "default" { name.to_owned() } else { format!("{name}_{config}") },
        "name": name, "split": "train", "px": null, "augmentation": false, "noise_std": 0.0, "zca_whitened": false,
        "training_class": "all", "validation": false, "seed": 0, "val_sample": 0,
    });
    for (key, value) in keys {
        let value = check(&key, &value).map_err(|e| e.to_string())?;
        all[key] = value;
    }
    let config: DatasetConfig = serde_json::from_value(all).map_err(|e| e.to_string())?;
    check_classes(&config).map_err(|e| e.to_string())?;
    Ok(config)
}

fn check(key: &str, value: &Value) -> Result<Value, SettingError> {
    let Some((_, field)) = FIELDS.iter().find(|(name, _)| *name == key) else {
        return Err(SettingError::UnknownKey {
            key: key.into(),
            near: nearest(key, known_keys()).into_iter().map(str::to_owned).collect(),
            known: known_keys().map(str::to_owned).collect(),
        });
    };
    field.read(value).map_err(|expected| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        SettingError::WrongValue { key: key.into(), value, expected }
    })
}

/// The labels trained on must exist.
fn check_classes(config: &DatasetConfig) -> Result<(), SettingError> {
    match &config.training_class {
        TrainingClass::Some(labels) if labels.iter().any(|l| *l >= config.out_channels) => {
            Err(SettingError::WrongValue {
                key: "training_class".into(),
                value: format!("{labels:?}"),
                expected: format!("labels from 0 to {}", config.out_channels - 1),
            })
        }
        _ => Ok(()),
    }
}

/// Sets one key of a configuration by its name.
pub fn set(config: &mut DatasetConfig, key: &str, value: &Value) -> Result<(), SettingError> {
    let value = check(key, value)?;
    let wrong = |e: serde_json::Error| SettingError::WrongValue {
        key: key.into(),
        value: value.to_string(),
        expected: e.to_string(),
    };
    // The configuration's own (de)serialisation knows where each key lives.
    let mut all = serde_json::to_value(&*config).map_err(wrong)?;
    all[key] = value.clone();
    let changed: DatasetConfig = serde_json::from_value(all).map_err(wrong)?;
    check_classes(&changed)?;
    *config = changed;
    Ok(())
}

/// Takes the validation share: 20 % of the training images (rounded down) become `val_sample`, if `validation` is set.
pub fn finish(config: &mut DatasetConfig) {
    if config.validation && config.val_sample == 0 {
        config.val_sample = config.training_sample / 5;
        config.training_sample -= config.val_sample;
    }
}

/// The configuration of this name (`CIFAR10_1`), with its validation share taken if `validation` is set.
pub fn dataset_config(
    catalogue: &Catalogue,
    name: &str,
    validation: bool,
    seed: u64,
) -> Result<DatasetConfig, PresetError> {
    dataset_config_with(catalogue, name, validation, seed, Target::DatasetSup, &[])
}

/// As [`dataset_config`], after those overrides that are for `target`.
pub fn dataset_config_with(
    catalogue: &Catalogue,
    name: &str,
    validation: bool,
    seed: u64,
    target: Target,
    overrides: &[Override],
) -> Result<DatasetConfig, PresetError> {
    let mut config = catalogue.dataset(name)?;
    config.validation |= validation;
    config.seed = seed;
    for o in overrides.iter().filter(|o| o.target == target) {
        o.apply_to_dataset(&mut config)?;
    }
    if config.validation && config.training_sample < 5 {
        return Err(PresetError::TooFewImages { config: config.config, images: config.training_sample });
    }
    finish(&mut config);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::catalogue::Catalogue;

    fn catalogue() -> Catalogue {
        Catalogue::embedded().unwrap()
    }

    #[test]
    fn validation_takes_a_fifth_of_the_training_images() {
        let whole = dataset_config(&catalogue(), "CIFAR10_1", false, 7).unwrap();
        assert_eq!((whole.training_sample, whole.val_sample, whole.seed, whole.validation), (50_000, 0, 7, false));
        let mut part = dataset_config(&catalogue(), "CIFAR10_1", true, 7).unwrap();
        assert_eq!((part.training_sample, part.val_sample, part.validation), (40_000, 10_000, true));
        // Taking it twice takes it once.
        finish(&mut part);
        assert_eq!((part.training_sample, part.val_sample), (40_000, 10_000));
    }

    #[test]
    fn overrides_come_before_the_validation_share() {
        let overrides = ["dataset_sup.training_sample=1000", "dataset_unsup.training_sample=500", "dataset_sup.seed=3"];
        let overrides: Vec<Override> = overrides.iter().map(|o| Override::parse(o).unwrap()).collect();
        let sup = dataset_config_with(&catalogue(), "CIFAR10", true, 0, Target::DatasetSup, &overrides).unwrap();
        assert_eq!((sup.training_sample, sup.val_sample, sup.seed), (800, 200, 3));
        let unsup = dataset_config_with(&catalogue(), "CIFAR10", false, 0, Target::DatasetUnsup, &overrides).unwrap();
        assert_eq!((unsup.training_sample, unsup.val_sample, unsup.seed), (500, 0, 0));
    }

    #[test]
    fn a_share_of_nothing_is_refused() {
        let few = [Override::parse("dataset_sup.training_sample=4").unwrap()];
        let with = |validation| dataset_config_with(&catalogue(), "CIFAR10", validation, 0, Target::DatasetSup, &few);
        assert!(with(false).is_ok());
        let message = with(true).unwrap_err().to_string();
        assert!(message.starts_with("CIFAR10 has 4 training images, too few"), "{message}");
    }

    #[test]
    fn keys_are_set_by_name_and_checked() {
        let mut config = dataset_config(&catalogue(), "MNIST_1c", false, 0).unwrap();
        assert_eq!(config.training_class, TrainingClass::Some(vec![1]));
        set(&mut config, "nb_epoch", &json!(5)).unwrap();
        set(&mut config, "augmentation", &json!(1)).unwrap();
        set(&mut config, "training_class", &json!(4)).unwrap();
        set(&mut config, "px", &json!(250)).unwrap();
        assert_eq!((config.nb_epoch, config.augmentation, config.px), (5, true, Some(250)));
        assert_eq!(config.training_class, TrainingClass::Some(vec![4]));
        set(&mut config, "training_class", &json!("all")).unwrap();
        assert_eq!(config.training_class, TrainingClass::All("all".into()));
        for (key, value, want) in [
            ("nb_epoc", json!(5), "did you mean `nb_epoch`?"),
            ("nb_epoch", json!(0), "a whole number from 1"),
            ("nb_epoch", json!("many"), "wrong value `many` of `nb_epoch`"),
            ("batch_size", json!(1.5), "wrong value `1.5` of `batch_size`"),
            ("noise_std", json!(-1), "at least 0"),
            ("split", json!("training"), "train, unlabeled"),
            ("training_class", json!([10]), "labels from 0 to 9"),
            ("training_class", json!("none"), "`all`, or labels"),
            ("zca_whitened", json!("maybe"), "true or false"),
            ("config", json!("x"), "unknown key `config`"),
            ("val_sample", json!(1), "unknown key `val_sample`"),
        ] {
            let before = config.clone();
            let message = set(&mut config, key, &value).unwrap_err().to_string();
            assert!(message.contains(want), "{key}={value}: {message}");
            assert_eq!(config, before);
        }
    }
}
