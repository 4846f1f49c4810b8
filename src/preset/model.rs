//! A network before its shapes are known, and the one-line language in which `--model` and `preset.json` write it.
//!
//! A model is its blocks, separated by `;`. A block is its block string, followed by words that stand in any order:
//!
//! ```text
//! SoftKrotov-c96-k5-p2-t1-lr0.08 batchnorm2d triangle_0.7 max_4_2_1; BP-c10 flatten dropout_0.5
//! ```
//!
//! | word | meaning | left out |
//! |---|---|---|
//! | `flatten`, `batchnorm1d`, `batchnorm2d`, `max`, `normnorm`, also joined | steps on the input | see below |
//! | `nonorm` | no step but a flatten that is needed | |
//! | `triangle_0.7`, `relu`, `softmax_5` … | activation | see below |
//! | `linear` | no activation | |
//! | `max_4_2_1`, `avg_4_2_1` | pool: kernel, stride, padding | no pool |
//! | `dropout_0.5` | dropout of the layer's input | none |
//! | `batch_norm` | batch norm after the activation | none |
//! | `arch_CNN`, `arch_MLP` | architecture | CNN if `k`, `p`, `s`, `d` or `g` is given, else MLP |
//! | `nb_train=50`, `lr_decay=exp` … | any key of the layer by its name | the layer's default |
//!
//! Where neither steps nor `nonorm` are named, a convolution gets `batchnorm2d`: its initial weights and its rate are
//! made for inputs of mean 0 and variance 1. An MLP block that follows images (of the data or of a convolution) always
//! gets `flatten`. Where neither an activation nor `linear` is named, the last block has none if it is an MLP, and any
//! other has `triangle` if it is Hebbian, `relu` if it is trained by backpropagation. These are the choices of the
//! published convolutional networks; `softhebb show` prints what came of them.

use super::config::{Activation, ActivationFn, Arch, Method, Operation, Pool};
use super::error::{GrammarError, GrammarErrorKind as Wrong, PresetError, SettingError};
use super::grammar::{BlockSpec, Source};
use super::key::Real;
use super::settings;
use super::suggest::{did_you_mean, nearest};
use super::words::{self, ACTIVATIONS, OPERATIONS, in_order, parse_activation, parse_operations, parse_pool};
use serde_json::{Map, Value};
use std::fmt;
use std::ops::Range;

/// A network whose shapes are not known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// The preset's name, or `custom`.
    pub name: String,
    /// Data set of the Hebbian phases, if nothing else is asked for: `CIFAR10_1`.
    pub dataset_unsup: String,
    /// Data set of the supervised phases, if nothing else is asked for: `CIFAR10_50`.
    pub dataset_sup: String,
    /// The blocks, first to last.
    pub blocks: Vec<BlockEntry>,
}

/// One block of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockEntry {
    /// Fully connected or convolutional.
    pub arch: Arch,
    /// The block string.
    pub block: BlockSpec,
    /// Steps on the input, in the order in which they apply.
    pub operations: Vec<Operation>,
    /// Probability of dropping an input, if any.
    pub dropout: Option<f64>,
    /// Activation, if any.
    pub activation: Option<Activation>,
    /// Batch norm after the activation.
    pub batch_norm: bool,
    /// Pooling, if any.
    pub pool: Option<Pool>,
    /// Keys of the layer that a block string has no letters for.
    pub layer: Map<String, Value>,
}

impl BlockEntry {
    /// A block with nothing beside its layer; an architecture that is not given follows from the keys.
    pub fn new(block: BlockSpec, arch: Option<Arch>) -> BlockEntry {
        let arch = arch.unwrap_or_else(|| infer_arch(&block));
        let (operations, layer) = (Vec::new(), Map::new());
        BlockEntry { arch, block, operations, dropout: None, activation: None, batch_norm: false, pool: None, layer }
    }

    /// Reads one block in the language of this module. What is left out depends on what the block is handed (images, or
    /// the vectors of an MLP block) and on whether it is the last one.
    pub fn parse(text: &str, on_images: bool, last: bool) -> Result<BlockEntry, GrammarError> {
        Ok(Typed::parse(text.trim())?.complete(on_images, last))
    }

    /// Sets a key of the layer by its name (`t_invert`, `nb_train`, `method` …).
    pub fn set_layer(&mut self, key: &str, value: &Value) -> Result<(), SettingError> {
        settings::set(self, key, value)
    }
}

impl fmt::Display for BlockEntry {
    /// The block in the language of this module, with everything named that could be taken for left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.block)?;
        if self.arch != infer_arch(&self.block) {
            write!(f, " arch_{}", self.arch)?;
        }
        for operation in &self.operations {
            write!(f, " {operation}")?;
        }
        if self.operations.is_empty() && self.arch == Arch::Cnn {
            write!(f, " nonorm")?;
        }
        match &self.activation {
            Some(activation) => write!(f, " {activation}")?,
            None => write!(f, " linear")?,
        }
        if self.batch_norm {
            write!(f, " batch_norm")?;
        }
        if let Some(pool) = &self.pool {
            write!(f, " {pool}")?;
        }
        if let Some(p) = self.dropout {
            write!(f, " dropout_{}", Real(p))?;
        }
        self.layer.iter().try_for_each(|(key, value)| match value {
            Value::String(text) => write!(f, " {key}={text}"),
            other => write!(f, " {key}={other}"),
        })
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Arch::Mlp => "MLP",
            Arch::Cnn => "CNN",
        })
    }
}

impl Arch {
    /// The architecture of this name, in any case.
    pub fn from_name(name: &str) -> Option<Arch> {
        [Arch::Mlp, Arch::Cnn].into_iter().find(|a| a.to_string().eq_ignore_ascii_case(name))
    }
}

fn infer_arch(block: &BlockSpec) -> Arch {
    if block.keys().any(|(key, _)| key.makes_convolution()) { Arch::Cnn } else { Arch::Mlp }
}

impl ModelSpec {
    /// Reads a model in the language of this module. The data sets are those to use if none is asked for.
    pub fn parse(name: &str, text: &str, dataset_unsup: &str, dataset_sup: &str) -> Result<ModelSpec, PresetError> {
        let mut sections: Vec<&str> = text.split(';').collect();
        // One `;` may end the last block.
        if sections.len() > 1 && sections.last().is_some_and(|s| s.trim().is_empty()) {
            sections.pop();
        }
        if let Some(i) = sections.iter().position(|s| s.trim().is_empty()) {
            let what = if sections.len() == 1 { "no block".into() } else { format!("block {i} is empty") };
            return Err(PresetError::EmptyModel { what, text: text.into() });
        }
        let mut blocks: Vec<BlockEntry> = Vec::new();
        for (i, line) in sections.iter().enumerate() {
            let on_images = blocks.last().is_none_or(|b| b.arch == Arch::Cnn);
            let entry = BlockEntry::parse(line, on_images, i + 1 == sections.len());
            blocks.push(entry.map_err(|error| PresetError::Grammar { block: Some(i), error })?);
        }
        Ok(ModelSpec {
            name: name.into(),
            dataset_unsup: dataset_unsup.into(),
            dataset_sup: dataset_sup.into(),
            blocks,
        })
    }
}

/// A block as it was typed: what was left out is `None`.
struct Typed {
    entry: BlockEntry,
    arch: Option<Arch>,
    operations: Option<Vec<Operation>>,
    activation: Option<Option<Activation>>,
}

impl Typed {
    fn parse(text: &str) -> Result<Typed, GrammarError> {
        let source = Source::new(text);
        let (words, end) = (source.words(), source.chars_len());
        let (first, rest) = match words.split_first() {
            Some((first, rest)) => (first.clone(), rest),
            None => (end..end, words.as_slice()),
        };
        let entry = BlockEntry::new(source.block(first)?, None);
        let mut typed = Typed { entry, arch: None, operations: None, activation: None };
        for at in rest {
            typed.word(&source, at.clone())?;
        }
        Ok(typed)
    }

    /// Takes one word beside the block string.
    fn word(&mut self, source: &Source, at: Range<usize>) -> Result<(), GrammarError> {
        let word = source.slice(at.clone());
        let lower = word.to_lowercase();
        let twice = |what: &str| {
            Err(source.wrong(at.clone(), Wrong::DuplicateWord { what: what.into() }, "it at most once", None))
        };
        let wrong = |what: &str, value: &str, expected: &str| {
            let kind = Wrong::WrongValue { what: what.into(), value: value.into() };
            Err(source.wrong(at.clone(), kind, expected, None))
        };
        if let Some((key, value)) = word.split_once('=') {
            return self.entry.set_layer(key, &json(value)).map_err(|error| setting(source, at.clone(), key, error));
        }
        if let Some(activation) = if lower == "linear" { Some(None) } else { parse_activation(&word).map(Some) } {
            return if self.activation.replace(activation).is_some() { twice("the activation") } else { Ok(()) };
        }
        if lower == "nonorm" {
            return if self.operations.replace(Vec::new()).is_some() { twice("the operation") } else { Ok(()) };
        }
        if let Some(operations) = parse_operations(&word) {
            let named = self.operations.get_or_insert_default();
            if operations.iter().any(|o| named.contains(o)) {
                return twice("the operation");
            }
            named.extend(operations);
            return Ok(());
        }
        let (head, tail) = lower.split_once('_').unwrap_or((&lower, ""));
        match head {
            _ if lower == "batch_norm" => self.entry.batch_norm = true,
            "max" | "avg" => match parse_pool(&word) {
                Some(pool) if self.entry.pool.replace(pool).is_none() => {}
                Some(_) => return twice("the pool"),
                None => return wrong("the pool", &word, words::EXPECTED_POOL),
            },
            "dropout" => match words::parse_probability(tail) {
                Some(p) if self.entry.dropout.replace(p).is_none() => {}
                Some(_) => return twice("the dropout"),
                None => return wrong("the dropout", tail, words::EXPECTED_DROPOUT),
            },
            "arch" => match Arch::from_name(tail) {
                Some(arch) if self.arch.replace(arch).is_none() => {}
                Some(_) => return twice("the architecture"),
                None => return wrong("the architecture", tail, "arch_CNN or arch_MLP"),
            },
            _ if ACTIVATIONS.iter().any(|(_, name)| *name == head) => {
                return wrong("the activation's parameter", tail, words::EXPECTED_ACTIVATION);
            }
            _ => return Err(unknown_word(source, at, &word, head)),
        }
        Ok(())
    }

    /// Fills in what was left out.
    fn complete(self, on_images: bool, last: bool) -> BlockEntry {
        let mut entry = self.entry;
        entry.arch = self.arch.unwrap_or(entry.arch);
        let default = || if entry.arch == Arch::Cnn { vec![Operation::BatchNorm2d] } else { Vec::new() };
        let mut operations = self.operations.unwrap_or_else(default);
        if entry.arch == Arch::Mlp && on_images && !operations.contains(&Operation::Flatten) {
            operations.push(Operation::Flatten);
        }
        let function = match (entry.arch, entry.block.method) {
            (Arch::Mlp, _) if last => None,
            (_, Method::Bp) => Some(ActivationFn::Relu),
            _ => Some(ActivationFn::Triangle),
        };
        let default = function.map(|function| Activation { function, param: 1.0 });
        BlockEntry { operations: in_order(operations), activation: self.activation.unwrap_or(default), ..entry }
    }
}

fn unknown_word(source: &Source, at: Range<usize>, word: &str, head: &str) -> GrammarError {
    let expected = "an operation, activation, pool, nonorm, linear, dropout_P, batch_norm, arch_CNN or key=value";
    let operations = OPERATIONS.iter().map(|(_, name)| *name);
    let others = ["nonorm", "linear", "dropout", "batch_norm", "arch", "max", "avg"];
    let known: Vec<&str> = operations.chain(ACTIVATIONS.iter().map(|(_, name)| *name)).chain(others).collect();
    let hint = if word.starts_with('-') {
        Some("a block string has no spaces".into())
    } else if super::grammar::parse_block(word).is_ok() {
        Some("blocks are separated by `;`".into())
    } else {
        let near = nearest(word, known.iter().copied());
        did_you_mean(&if near.is_empty() { nearest(head, known) } else { near })
    };
    source.wrong(at, Wrong::UnknownWord(word.into()), expected, hint)
}

/// An error of a `key=value` word at its place.
fn setting(source: &Source, at: Range<usize>, key: &str, error: SettingError) -> GrammarError {
    let key_end = at.start + key.chars().count();
    match error {
        SettingError::UnknownKey { key, near, .. } => {
            let hint = did_you_mean(&near.iter().map(String::as_str).collect::<Vec<_>>());
            source.wrong(at.start..key_end, Wrong::UnknownKey(key), "the name of a layer's key", hint)
        }
        SettingError::WrongValue { key, value, expected } => {
            let kind = Wrong::WrongValue { what: format!("`{key}`"), value };
            source.wrong(key_end + 1..at.end, kind, expected, None)
        }
        SettingError::Grammar { error } => *error,
        SettingError::Fixed { key, why } => {
            let kind = Wrong::WrongValue { what: format!("`{key}`"), value: source.slice(key_end + 1..at.end) };
            source.wrong(at, kind, "another key", Some(why.into()))
        }
    }
}

/// A typed value as JSON: a number, boolean, null or list if it reads as one, else a text.
pub(super) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
