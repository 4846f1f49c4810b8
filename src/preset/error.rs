//! What can be wrong with a preset, and how it is said: what, where, what was expected, and the nearest right spelling.
//!
//! Messages are complete in themselves (no cause has to be printed after them). A hint stands on a line of its own.

use super::problem::BlockProblem;
use super::resolve::LARGEST_SIDE;
use super::suggest::did_you_mean;
use std::fmt;
use std::path::PathBuf;

/// A mistake in a block string or in the words beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct GrammarError {
    /// What was read.
    pub text: String,
    /// Where the mistake begins, in characters from 0.
    pub at: usize,
    /// How many characters it is long (0 where something is missing).
    pub len: usize,
    /// What is wrong.
    pub kind: Box<GrammarErrorKind>,
    /// What would be right there.
    pub expected: String,
    /// A way out, if there is one.
    pub hint: Option<String>,
}

/// What is wrong with a block string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarErrorKind {
    /// Nothing, or nothing before the first `-`.
    #[error("missing method")]
    MissingMethod,
    /// `Sotf-c96`.
    #[error("unknown method `{0}`")]
    UnknownMethod(String),
    /// `Soft--c96`, `Soft-`, `Soft-96`.
    #[error("missing key")]
    MissingKey,
    /// `Soft-x5`.
    #[error("unknown key `{0}`")]
    UnknownKey(String),
    /// `Soft-c96-c48`.
    #[error("key `{0}` is given twice")]
    DuplicateKey(String),
    /// `Soft-c`.
    #[error("missing value of key `{0}`")]
    MissingValue(String),
    /// `Soft-c1.5`.
    #[error("wrong value `{value}` of {what}")]
    WrongValue {
        /// Of what: "key `c` (out_channels)".
        what: String,
        /// As written.
        value: String,
    },
    /// `Soft-c0`.
    #[error("value `{value}` of {what} is out of range")]
    OutOfRange {
        /// Of what: "key `c` (out_channels)".
        what: String,
        /// As written.
        value: String,
    },
    /// `Soft-c96-g5`.
    #[error("{out_channels} neurons do not fall into {groups} groups of one size")]
    Groups {
        /// Neurons.
        out_channels: i64,
        /// Groups.
        groups: i64,
    },
    /// `Soft -c96`.
    #[error("space inside the block string")]
    Space,
    /// `Soft-c96 batchnorm3d`.
    #[error("unknown word `{0}`")]
    UnknownWord(String),
    /// `Soft-c96 relu triangle`.
    #[error("{what} is given twice")]
    DuplicateWord {
        /// What: "the activation".
        what: String,
    },
}

impl std::error::Error for GrammarError {}

impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A line feed or a tab would tear the caret from its place.
        let shown: String = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let carets = "^".repeat(self.len.max(1));
        writeln!(f, "{}", self.kind)?;
        writeln!(f, "    {shown}")?;
        write!(f, "    {:at$}{carets} expected {}", "", self.expected, at = self.at)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// A key or value that cannot be set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingError {
    /// No such key.
    #[error("unknown key `{key}`{}", key_hint(near, known))]
    UnknownKey {
        /// As written.
        key: String,
        /// The nearest known ones.
        near: Vec<String>,
        /// All that there are.
        known: Vec<String>,
    },
    /// A value of the wrong type or out of range.
    #[error("wrong value `{value}` of `{key}`: expected {expected}")]
    WrongValue {
        /// Which key.
        key: String,
        /// As written.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// A block string that is none.
    #[error("{error}")]
    Grammar {
        /// The mistake.
        error: Box<GrammarError>,
    },
    /// A key that follows from others.
    #[error("`{key}` cannot be set: {why}")]
    Fixed {
        /// Which key.
        key: String,
        /// What it follows from.
        why: &'static str,
    },
}

/// Anything that keeps a preset from becoming a network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PresetError {
    /// A mistake in a block string.
    #[error("{}{error}", block.map(|b| format!("block {b}: ")).unwrap_or_default())]
    Grammar {
        /// Which block of a model, from 0; none for a block by itself.
        block: Option<usize>,
        /// The mistake.
        error: GrammarError,
    },
    /// A model without blocks, or with an empty one.
    #[error("{what} in the model `{text}`\nhint: blocks are separated by `;`, e.g. 'Soft-c96-k5-p2-t1-lr0.08; BP-c10'")]
    EmptyModel {
        /// "no block", "nothing before `;` 2".
        what: String,
        /// What was read.
        text: String,
    },
    /// A name that the catalogue lacks.
    #[error("unknown {what} `{name}`{}", name_hint(near, list))]
    Unknown {
        /// "preset", "data set", "configuration of CIFAR10".
        what: String,
        /// As written.
        name: String,
        /// The nearest known ones.
        near: Vec<String>,
        /// How to see all that there are.
        list: String,
    },
    /// A catalogue file that could not be read.
    #[error("cannot read {path}: {cause}", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A catalogue that is not right.
    #[error("{origin}: {}{message}", if entry.is_empty() { String::new() } else { format!("{entry}: ") })]
    Catalogue {
        /// The file.
        origin: String,
        /// `models.4SoftHebbCnnCIFAR.blocks[1]`; empty for the file as a whole.
        entry: String,
        /// What is wrong.
        message: String,
    },
    /// A block that does not fit.
    #[error("block {block} (`{text}`): {problem}")]
    Block {
        /// Which, from 0.
        block: usize,
        /// The block string.
        text: String,
        /// Why.
        problem: BlockProblem,
    },
    /// Shapes of a data set that no image has.
    #[error("images of {shape} with {classes} classes: every number must be from 1 to {limit}", limit = LARGEST_SIDE)]
    ImageShape {
        /// channels×height×width
        shape: String,
        /// Number of classes.
        classes: i64,
    },
    /// No fifth of the training images to hold out.
    #[error(
        "{config} has {images} training images, too few to hold 20 % of them out\n\
         hint: use at least 5, or no validation"
    )]
    TooFewImages {
        /// The configuration.
        config: String,
        /// Training images.
        images: i64,
    },
    /// An override that is not of the form, or whose target does not exist.
    #[error("override `{text}`: {message}")]
    Override {
        /// As written.
        text: String,
        /// Why.
        message: String,
    },
}

/// The nearest keys, or else all of them.
fn key_hint(near: &[String], known: &[String]) -> String {
    let hint = did_you_mean(&refs(near)).unwrap_or_else(|| format!("the keys are {}", refs(known).join(", ")));
    format!("\nhint: {hint}")
}

/// The nearest names, and the way to the list of all.
fn name_hint(near: &[String], list: &str) -> String {
    match did_you_mean(&refs(near)) {
        Some(near) => format!("\nhint: {near} {list}"),
        None => format!("\nhint: {list}"),
    }
}

fn refs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
