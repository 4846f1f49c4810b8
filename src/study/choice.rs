//! Which images are looked at: a split of the run's own data set, or of another one of the same shape.

use clap::ValueEnum;

use crate::data;
use crate::data::pictures::PREFIX;
use crate::preset::config::DatasetConfig;
use crate::preset::{Catalogue, Override, Target};
use crate::train::data::{Rows, RunData};
use crate::train::{Phase, RunPlan, TrainError, folder};

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Split {
    /// The test images.
    Test,
    /// The images that the classifier learned from.
    Train,
    /// The fifth of the training images that the run held out.
    Validation,
}

impl Split {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Split::Test => "test",
            Split::Train => "train",
            Split::Validation => "validation",
        }
    }
}

/// The data sets to read, and what there is to say of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// What the network learned from: its training images, and those that a whitening is learned from.
    pub learned: DatasetConfig,
    /// What is looked at.
    pub shown: DatasetConfig,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// The data sets of a choice: `dataset` is another one than the run's; `phase` is the one that gave the network its classes.
/// `labels` says whether the training images are needed themselves.
///
/// # Errors
/// When a name is unknown, the images have another shape, or the run has no such images.
pub fn choose(
    plan: &RunPlan,
    phase: Option<&Phase>,
    dataset: Option<&str>,
    split: Split,
    labels: bool,
) -> Result<Chosen, TrainError> {
    let own = phase.map_or(&plan.dataset_sup, |p| plan.dataset(p));
    let mut chosen = match dataset.filter(|name| *name != own.config) {
        Some(name) => another(plan, own, name, split)?,
        None => of_run(plan, own, split)?,
    };
    if !labels && !chosen.shown.zca_whitened {
        chosen.learned = chosen.shown.clone(); // nothing else is read
    }
    Ok(chosen)
}

fn of_run(plan: &RunPlan, own: &DatasetConfig, split: Split) -> Result<Chosen, TrainError> {
    let mut chosen = Chosen { learned: own.clone(), shown: own.clone(), notes: Vec::new() };
    match split {
        Split::Validation if !own.validation => {
            let why = "the run held out no validation images: it learned from all training images";
            let hint = "--split test, or --split train; `softhebb run --validation` holds out a fifth";
            return Err(TrainError::Plan(format!("{why}\nhint: {hint}")));
        }
        Split::Test if own.validation => {
            (chosen.shown.validation, chosen.shown.training_sample) = (false, 0);
            let note =
                "the run's own score is of its validation images (--split validation); these are the test images";
            chosen.notes.push(note.to_string());
        }
        _ => {
            // A whitening was learned from the training images of both phases.
            let unsup = &plan.dataset_unsup;
            if own.zca_whitened && unsup.name == own.name {
                chosen.learned = unsup.clone();
            }
        }
    }
    Ok(chosen)
}

fn another(plan: &RunPlan, own: &DatasetConfig, name: &str, split: Split) -> Result<Chosen, TrainError> {
    let catalogue = Catalogue::embedded()?;
    // A folder's configuration is named after the folder.
    let short = own.config.split_once('_').map_or("default", |(_, short)| short);
    let own_name = if own.name.starts_with(PREFIX) { format!("folder_{short}") } else { own.config.clone() };
    let bare = name != "folder" && catalogue.datasets().iter().any(|d| d.name == name);
    let name = if bare { catalogue.counterpart(&own_name, name).unwrap_or(name.into()) } else { name.to_string() };
    let size = [("height", own.height), ("width", own.width)].map(|(key, n)| format!("dataset_sup.{key}={n}"));
    let overrides: Vec<Override> = match name.contains(':') {
        true => size.iter().map(|text| Override::parse(text)).collect::<Result<_, _>>()?,
        false => Vec::new(),
    };
    let target = Target::DatasetSup;
    let validation = split == Split::Validation;
    let how = folder::Use { own: &own_name, validation, seed: plan.seed, target, overrides: &overrides };
    let mut shown = folder::config(&catalogue, &name, how)?;
    let shape = |d: &DatasetConfig| [d.channels, d.height, d.width];
    if shape(&shown) != shape(own) {
        let text = |d: &DatasetConfig| format!("{}×{}×{}", d.channels, d.height, d.width);
        let why = format!("the images of {name} are {}, those of the run {}", text(&shown), text(own));
        return Err(TrainError::Plan(format!("{why}\nhint: --dataset names a data set of the same shape")));
    }
    shown.augmentation = false;
    let mut notes = Vec::new();
    if shown.zca_whitened != own.zca_whitened {
        let (a, b) = if own.zca_whitened { ("", "not ") } else { ("not ", "") };
        notes.push(format!("the run's images were {a}whitened, these are {b}"));
    } else if shown.zca_whitened {
        notes.push(format!("the images are whitened as those of {} ask for it, not those of the run", shown.name));
    }
    let classes = |d: &DatasetConfig| data::find(&d.name).map(|d| d.classes).unwrap_or_default();
    if classes(&shown) != classes(own) && !classes(own).is_empty() {
        notes.push(format!("{} has other classes than {}: they are compared by their numbers", shown.name, own.name));
    }
    if split == Split::Test && !shown.zca_whitened {
        shown.training_sample = 0;
    }
    Ok(Chosen { learned: own.clone(), shown, notes })
}

/// The rows that are looked at: at most `limit`, evenly through the split, so that images stored class by class are of all
/// classes.
///
/// # Errors
/// When there are none.
pub fn rows(data: &RunData, split: Split, limit: Option<usize>) -> Result<Rows, TrainError> {
    let all = if split == Split::Train { &data.sup.train } else { &data.sup.test };
    if all.rows.is_empty() {
        let why = format!("the data set has no {} images", split.name());
        return Err(TrainError::Plan(format!("{why}\nhint: --split train or --split validation may have some")));
    }
    Ok(Rows { bank: all.bank, rows: evenly(&all.rows, limit) })
}

fn evenly(rows: &[i64], limit: Option<usize>) -> Vec<i64> {
    match limit.filter(|limit| *limit < rows.len()) {
        Some(limit) => (0..limit).map(|i| rows[i * rows.len() / limit]).collect(),
        None => rows.to_vec(),
    }
}

/// Names of a data set's classes, or their numbers.
pub fn class_names(config: &DatasetConfig, folders: Option<&[String]>) -> Vec<String> {
    let known = data::find(&config.name).map(|d| d.classes).unwrap_or_default();
    let name = |i: i64| {
        let folder = folders.and_then(|f| f.get(i as usize)).cloned();
        folder.or_else(|| known.get(i as usize).map(|c| (*c).to_string())).unwrap_or_else(|| i.to_string())
    };
    (0..config.out_channels).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_images_from_the_whole_split() {
        let rows: Vec<i64> = (10..20).collect();
        assert_eq!(evenly(&rows, Some(5)), [10, 12, 14, 16, 18]);
        assert_eq!(evenly(&rows, Some(3)), [10, 13, 16]);
        assert_eq!(evenly(&rows, Some(10)), rows);
        assert_eq!(evenly(&rows, Some(11)), rows);
        assert_eq!(evenly(&rows, None), rows);
    }
}
