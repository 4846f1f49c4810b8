//! What can be wrong with patterns, networks and their files.

use std::path::PathBuf;

use super::Activation;
use crate::data::DataError;
use crate::device::DeviceError;
use crate::files::FileError;
use crate::report::ReportError;

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum HopfieldError {
    /// No pattern at all.
    #[error("there are no patterns to {doing}: the set is empty")]
    Empty {
        /// `store`, `recall`.
        doing: &'static str,
    },
    /// Patterns of unequal length.
    #[error("pattern {index} has {found} values, pattern 0 has {expected}: all patterns must be of one length")]
    Length {
        /// Which pattern, from 0.
        index: usize,
        /// Its values.
        found: usize,
        /// Those of the first.
        expected: usize,
    },
    /// A value that is NaN or infinite.
    #[error("pattern {index} is {value} at neuron {neuron}: patterns are finite numbers")]
    NotFinite {
        /// Which pattern, from 0.
        index: usize,
        /// Which neuron, from 0.
        neuron: usize,
        /// The value.
        value: f32,
    },
    /// A value that the activation never takes.
    #[error("pattern {index} is {value} at neuron {neuron}, but {activation} takes values {range}",
            range = .activation.range())]
    Range {
        /// Which pattern, from 0.
        index: usize,
        /// Which neuron, from 0.
        neuron: usize,
        /// The value.
        value: f32,
        /// The activation.
        activation: Activation,
    },
    /// Shapes that do not fit.
    #[error("{what}: {found}, wanted: {wanted}")]
    Shape {
        /// What does not fit.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// A setting that no network can have.
    #[error("{name} is {value}, but {rule}")]
    Setting {
        /// Its flag: `--temperature`.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// A class that the data set does not know.
    #[error("{dataset} has no class `{class}`: its classes are {known}")]
    UnknownClass {
        /// What was given.
        class: String,
        /// The data set.
        dataset: String,
        /// Numbers and names.
        known: String,
    },
    /// A class without enough images.
    #[error(
        "class {class} has {found} training images in {dataset}, {wanted} are wanted: {half} to store and the next {half} as other inputs",
        half = .wanted / 2
    )]
    FewImages {
        /// The class.
        class: String,
        /// The data set.
        dataset: String,
        /// Images there.
        found: usize,
        /// Images wanted.
        wanted: usize,
    },
    /// A file that is not what it should be.
    #[error("cannot use {path}: {cause}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A listener.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// libtorch.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl HopfieldError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            HopfieldError::Data(e) => e.hint(),
            HopfieldError::Report(e) => e.hint().map(str::to_string),
            HopfieldError::Range { activation: Activation::Sigmoid, .. } => {
                Some("patterns for sigmoid are 0 and 1; for values of -1 and 1 take sign or tanh".to_string())
            }
            HopfieldError::Range { .. } => {
                Some("binarise first: 1 where a value is above the pattern's mean, else -1".to_string())
            }
            HopfieldError::FewImages { found, .. } if *found < 2 => {
                Some("leave the class out of --classes".to_string())
            }
            HopfieldError::FewImages { found, .. } => Some(format!("take --per-class {} or less", found / 2)),
            HopfieldError::Device(DeviceError::Torch { .. }) => {
                Some("if memory ran out, take fewer neurons or fewer states at a time".to_string())
            }
            _ => None,
        }
    }

    /// Whether it is the command that is wrong, not the machine or a file.
    pub fn is_wrong_use(&self) -> bool {
        use HopfieldError as E;
        matches!(
            self,
            E::Setting { .. }
                | E::Empty { .. }
                | E::UnknownClass { .. }
                | E::FewImages { .. }
                | E::Data(DataError::UnknownName { .. })
        )
    }
}
