//! The banks of a run: which images train and which test, each image held once.

use std::collections::BTreeSet;

use tch::{Device, Tensor};

use super::bank::Bank;
use crate::data::augment::Augment;
use crate::data::whiten::Zca;
use crate::data::{self, DataDirs, DataError, Dataset, Images};
use crate::preset::config::DatasetConfig;

/// Rows of a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Which bank.
    pub bank: usize,
    /// Which of its images.
    pub rows: Vec<i64>,
}

/// What a phase trains and tests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sets {
    /// Training images.
    pub train: Rows,
    /// Test images.
    pub test: Rows,
}

/// All images of a run.
#[derive(Debug)]
pub struct RunData {
    /// One a source: training images and test images of each data set, split and treatment.
    pub banks: Vec<Bank>,
    /// What Hebbian phases use.
    pub unsup: Sets,
    /// What supervised phases use.
    pub sup: Sets,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// What makes two configurations read the same images.
fn source(config: &DatasetConfig) -> (String, String, bool, bool) {
    (config.name.clone(), config.split.clone(), config.zca_whitened, config.augmentation)
}

impl RunData {
    /// Reads the data sets of a run onto a device.
    ///
    /// # Errors
    /// When files are missing or broken.
    pub fn load(
        unsup: &DatasetConfig,
        sup: &DatasetConfig,
        dirs: &DataDirs,
        device: Device,
    ) -> Result<Self, DataError> {
        let mut all = RunData {
            banks: Vec::new(),
            unsup: Sets { train: Rows { bank: 0, rows: vec![] }, test: Rows { bank: 0, rows: vec![] } },
            sup: Sets { train: Rows { bank: 0, rows: vec![] }, test: Rows { bank: 0, rows: vec![] } },
            notes: Vec::new(),
        };
        let dataset = data::load(&unsup.name, &unsup.split, dirs)?;
        if source(unsup) == source(sup) {
            let sets = all.add(&dataset, &[unsup, sup], device);
            if let [first, second] = sets.as_slice() {
                (all.unsup, all.sup) = (first.clone(), second.clone());
            }
        } else {
            let other = data::load(&sup.name, &sup.split, dirs)?;
            for (config, dataset) in [(unsup, &dataset), (sup, &other)] {
                if let [sets] = all.add(dataset, &[config], device).as_slice() {
                    if config == unsup { all.unsup = sets.clone() } else { all.sup = sets.clone() }
                }
            }
        }
        let mut seen = BTreeSet::new();
        all.notes.retain(|note| seen.insert(note.clone()));
        Ok(all)
    }

    /// Adds the two banks of one source and gives each configuration its rows of them.
    fn add(&mut self, dataset: &Dataset, configs: &[&DatasetConfig], device: Device) -> Vec<Sets> {
        self.notes.extend(dataset.notes.iter().cloned());
        let selections: Vec<_> =
            configs.iter().map(|c| data::select(c, &dataset.train.labels, dataset.test.len(), c.seed)).collect();
        self.notes.extend(selections.iter().flat_map(|s| s.notes.iter().cloned()));
        let mut used: BTreeSet<u32> = BTreeSet::new();
        for s in &selections {
            used.extend(s.train.iter().chain(s.held_out.iter().flatten()));
        }
        let used: Vec<u32> = used.into_iter().collect();
        let place: std::collections::HashMap<u32, i64> =
            used.iter().enumerate().map(|(row, id)| (*id, row as i64)).collect();
        let rows = |ids: &[u32]| -> Vec<i64> { ids.iter().filter_map(|id| place.get(id).copied()).collect() };

        let first = self.banks.len();
        let sets = selections.iter().map(|s| Sets {
            train: Rows { bank: first, rows: rows(&s.train) },
            test: match &s.held_out {
                Some(ids) => Rows { bank: first, rows: rows(ids) },
                None => Rows { bank: first + 1, rows: (0..s.test as i64).collect() },
            },
        });
        let sets = sets.collect();
        let config = configs[0];
        // Test images that no configuration reads are not held: they would be whitened and run through frozen blocks.
        let tested = selections.iter().filter(|s| s.held_out.is_none()).map(|s| s.test).max().unwrap_or(0);
        let all: Vec<u32> = (0..tested as u32).collect();
        let (mut train, mut test) = (pixels(&dataset.train, &used, device), pixels(&dataset.test, &all, device));
        if config.zca_whitened {
            let zca = Zca::learn(&train);
            (train, test) = (zca.apply(&train), zca.apply(&test));
        }
        let augment = config.augmentation.then(|| Augment::of(&config.name, config.noise_std));
        self.banks.push(Bank::new(train, labels(&dataset.train, &used, device), augment));
        self.banks.push(Bank::new(test, labels(&dataset.test, &all, device), None));
        sets
    }
}

/// These images as `(N, C, H, W)`, 8 bits.
fn pixels(images: &Images, ids: &[u32], device: Device) -> Tensor {
    let mut bytes = Vec::with_capacity(ids.len() * images.stride());
    for id in ids {
        bytes.extend_from_slice(images.image(*id as usize));
    }
    let shape = [ids.len() as i64, images.channels as i64, images.height as i64, images.width as i64];
    Tensor::from_slice(&bytes).view(shape).to_device(device)
}

fn labels(images: &Images, ids: &[u32], device: Device) -> Tensor {
    let labels: Vec<i64> = ids.iter().map(|id| images.labels[*id as usize]).collect();
    Tensor::from_slice(&labels).to_device(device)
}
