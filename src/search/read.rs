//! The file of a search space, read and written by serde. A mistake names the file, the line and the key.
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

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::axis::{Axis, Values, plain};
use super::error::SearchError;
use super::metric::Metric;
use super::space::{Base, How, MOST_TRIALS, Space};
use crate::preset::Override;
use crate::preset::suggest::{did_you_mean, nearest};
use crate::train::TrainingMode;

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

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpaceFile {
    #[serde(default)]
    metric: Metric,
    seeds: Option<Spanned<Vec<u64>>>,
    num_samples: Option<Spanned<usize>>,
    #[serde(default)]
    sampler_seed: u64,
    #[serde(default)]
    base: BaseFile,
    #[serde(default)]
    run: How,
    #[serde(default)]
    space: BTreeMap<Spanned<String>, AxisFile>,
}

/// `[base]`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [base]")]
struct BaseFile {
    preset: Option<String>,
    model: Option<String>,
    dataset: Option<String>,
    dataset_unsup: Option<String>,
    dataset_sup: Option<String>,
    training_mode: Option<TrainingMode>,
    training_blocks: Option<Vec<usize>>,
    blocks_from: Option<PathBuf>,
    /// Both of the next two, where they are not named.
    validation: bool,
    validation_unsup: Option<bool>,
    validation_sup: Option<bool>,
    set: BTreeMap<Spanned<String>, Spanned<Value>>,
}

/// The values of an axis.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "values: { grid = [0.5, 1.0] } or { geometric = { base = 1.25, from = -10, to = 16 } }"
)]
struct AxisFile {
    keys: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    if_present: bool,
    grid: Option<Spanned<Vec<Value>>>,
    geometric: Option<Spanned<Geometric>>,
    choice: Option<Spanned<Vec<Value>>>,
    uniform: Option<Spanned<[f64; 2]>>,
    log_uniform: Option<Spanned<[f64; 2]>>,
    int_uniform: Option<Spanned<[i64; 2]>>,
    normal: Option<Spanned<Normal>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ base = …, from = …, to = … }")]
struct Geometric {
    base: f64,
    from: i32,
    to: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ mean = …, std = … }")]
struct Normal {
    mean: f64,
    std: f64,
}

/// What is wrong, and where in the text.
type Fault = (Range<usize>, String);

/// Reads a space from its text; `file` is what messages call it.
///
/// # Errors
/// Names the file, the line and the key.
pub fn parse(file: &str, text: &str) -> Result<Space, SearchError> {
    let fault = |span: Range<usize>, key: Option<String>, message: String| {
        let line = line(text, span.start);
        SearchError::Space { file: file.to_string(), line, key, message }
    };
    let document = DeTable::parse(text).map_err(|e| fault(e.span().unwrap_or(0..0), None, e.message().to_string()))?;
    let keys = document.clone();
    let read = SpaceFile::deserialize(Deserializer::from(document));
    let read = read.map_err(|e| (e.span().unwrap_or(0..0), explained(e.message())));
    let space = read.and_then(|read| read.checked(text));
    let space = space.map_err(|(span, message)| fault(span.clone(), key_at(keys.get_ref(), span.start), message))?;
    match space.count() {
        Some(count) if count <= MOST_TRIALS => Ok(space),
        _ => {
            let line = space.axes.first().map_or(1, |axis| axis.line);
            let hint = "a coarser grid, or draws: choice = […] and num_samples";
            let message = format!("the space has more than {MOST_TRIALS} trials\nhint: {hint}");
            Err(SearchError::Space { file: file.to_string(), line, key: None, message })
        }
    }
}

impl SpaceFile {
    fn checked(self, text: &str) -> Result<Space, Fault> {
        let (seeds, base) = (self.seeds, self.base);
        let seeds = match seeds {
            None => vec![0],
            Some(seeds) if seeds.get_ref().is_empty() => {
                return Err((seeds.span(), "no seed: nothing would run\nhint: seeds = [0]".to_string()));
            }
            Some(seeds) => {
                let distinct = seeds.get_ref().iter().collect::<BTreeSet<_>>().len();
                if distinct < seeds.get_ref().len() {
                    return Err((seeds.span(), "the same seed twice".to_string()));
                }
                seeds.into_inner()
            }
        };
        let num_samples = match self.num_samples {
            Some(n) if *n.get_ref() == 0 => return Err((n.span(), "0 samples: nothing would run".to_string())),
            other => other.map_or(1, Spanned::into_inner),
        };
        let mut axes: Vec<Axis> = Vec::new();
        for (key, axis) in in_order(self.space) {
            let axis = axis.checked(&key, text)?;
            let taken = |k: &&String| axes.iter().any(|other| other.keys.contains(k));
            if let Some(twice) = axis.keys.iter().find(taken) {
                return Err((key.span(), format!("`{twice}` is searched twice")));
            }
            axes.push(axis);
        }
        let mut set = Vec::new();
        for (key, value) in in_order(base.set) {
            if !is_plain(value.get_ref()) {
                return Err((value.span(), NOT_PLAIN.to_string()));
            }
            let text = format!("{}={}", key.get_ref(), plain(value.get_ref()));
            Override::parse(&text).map_err(|e| (key.span(), bare(&e.to_string())))?;
            set.push(text);
        }
        let base = Base {
            preset: base.preset,
            model: base.model,
            dataset: base.dataset,
            dataset_unsup: base.dataset_unsup,
            dataset_sup: base.dataset_sup,
            training_mode: base.training_mode,
            training_blocks: base.training_blocks,
            blocks_from: base.blocks_from,
            set,
            validation_unsup: base.validation_unsup.unwrap_or(base.validation),
            validation_sup: base.validation_sup.unwrap_or(base.validation),
        };
        let (sampler_seed, metric) = (self.sampler_seed, self.metric);
        Ok(Space { base, axes, seeds, num_samples, sampler_seed, metric, run: self.run })
    }
}

impl AxisFile {
    fn checked(self, key: &Spanned<String>, text: &str) -> Result<Axis, Fault> {
        let mut kinds = Kinds(Vec::new());
        let list = |list: Vec<Value>| match list.iter().map(ToString::to_string).collect::<BTreeSet<_>>().len() {
            0 => Err("the list is empty"),
            _ if !list.iter().all(is_plain) => Err(NOT_PLAIN),
            distinct if distinct < list.len() => Err("the same value twice"),
            _ => Ok(list),
        };
        kinds.add(self.grid, |values| list(values).map(Values::Grid));
        kinds.add(self.choice, |values| list(values).map(Values::Choice));
        kinds.add(self.geometric, |Geometric { base, from, to }| match () {
            () if !(base > 0.0 && base.is_finite()) => Err("base must be above 0"),
            () if from > to || from.abs().max(to.abs()) >= 10_000 => {
                Err("from and to are whole exponents, from the smaller one")
            }
            () => Ok(Values::Geometric { base, from, to }),
        });
        let below = "the first number is not below the second";
        let range = |[lo, hi]: [f64; 2]| if lo < hi && (hi - lo).is_finite() { Ok((lo, hi)) } else { Err(below) };
        kinds.add(self.uniform, |ends| range(ends).map(|(lo, hi)| Values::Uniform(lo, hi)));
        kinds.add(self.log_uniform, |ends| match range(ends)? {
            (lo, hi) if lo > 0.0 => Ok(Values::LogUniform(lo, hi)),
            _ => Err("both numbers must be above 0"),
        });
        kinds.add(self.int_uniform, |[lo, hi]| if lo < hi { Ok(Values::IntUniform(lo, hi)) } else { Err(below) });
        kinds.add(self.normal, |Normal { mean, std }| match mean.is_finite() && std > 0.0 && std.is_finite() {
            true => Ok(Values::Normal { mean, std }),
            false => Err("std must be above 0"),
        });
        let values = kinds.one().map_err(|(span, message)| (span.unwrap_or(key.span()), message))?;
        let keys = match self.keys {
            Some(keys) if keys.get_ref().is_empty() => return Err((keys.span(), "the list is empty".to_string())),
            keys => keys.map_or_else(|| vec![key.get_ref().clone()], Spanned::into_inner),
        };
        for each in &keys {
            // The value is read later, against the network; here it is the key that counts.
            Override::parse(&format!("{each}=0")).map_err(|e| {
                let tie = "\nhint: an axis of several keys has `keys = [\"b0.layer.t_invert\", …]`";
                let message = bare(&e.to_string());
                let is_key = !message.contains("names no key");
                (key.span(), if is_key { message } else { format!("`{each}` is not a key{tie}") })
            })?;
        }
        let line = line(text, key.span().start);
        Ok(Axis { name: key.get_ref().clone(), keys, if_present: self.if_present, values, line })
    }
}

/// The kinds of values that an axis names, with their places.
struct Kinds(Vec<(Range<usize>, Result<Values, &'static str>)>);

impl Kinds {
    fn add<T>(&mut self, given: Option<Spanned<T>>, make: impl FnOnce(T) -> Result<Values, &'static str>) {
        self.0.extend(given.map(|given| (given.span(), make(given.into_inner()))));
    }

    /// The one that there must be.
    fn one(mut self) -> Result<Values, (Option<Range<usize>>, String)> {
        const NONE: &str = "no values are named: one of grid, geometric, choice, uniform, log_uniform, int_uniform, \
                            normal is needed";
        self.0.sort_by_key(|(span, _)| span.start);
        if let Some((second, _)) = self.0.get(1) {
            return Err((Some(second.clone()), "an axis has one kind of values".to_string()));
        }
        let (span, values) = self.0.pop().ok_or((None, NONE.to_string()))?;
        values.map_err(|message| (Some(span), message.to_string()))
    }
}

/// Entries in the order of the file.
fn in_order<T>(table: BTreeMap<Spanned<String>, T>) -> Vec<(Spanned<String>, T)> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

const NOT_PLAIN: &str = "not a number, text, true, false or list";

/// Whether a value has a form in `--set`: numbers that are none, dates and tables have not.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Object(_) => false,
        Value::Array(list) => list.iter().all(is_plain),
        _ => true,
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}

/// The innermost key at this place of the text, or whose value is there.
fn key_at(table: &DeTable, offset: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let below = match value.get_ref() {
            DeValue::Table(table) => key_at(table, offset),
            _ => None,
        };
        let here = key.span().contains(&offset) || value.span().contains(&offset);
        below.or_else(|| here.then(|| key.get_ref().to_string()))
    })
}

/// serde's message with what was meant: `unknown field `sedes`, expected one of `seeds`, …` becomes a hint.
fn explained(message: &str) -> String {
    let what = match message {
        m if m.starts_with("unknown field") => "unknown key",
        m if m.starts_with("unknown variant") => "unknown value",
        _ => return message.replace("a sequence", "a list").replace("a map", "a table"),
    };
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (name, known) = (quoted.next().unwrap_or_default(), quoted.collect::<Vec<_>>());
    let near = did_you_mean(&nearest(name, known.iter().copied()));
    let hint = near.unwrap_or_else(|| format!("known here are {}", known.join(", ")));
    format!("{what} `{name}`\nhint: {hint}")
}

/// A message of an override without the name of the override, which the place gives.
fn bare(message: &str) -> String {
    message.strip_prefix("override `").and_then(|m| m.split_once("`: ")).map_or(message, |(_, m)| m).to_string()
}
