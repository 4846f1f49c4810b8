//! The banks of a run: which images train and which test, each image held once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;
use tch::{Device, Kind, Tensor};

use super::bank::Bank;
use crate::data::augment::Augment;
use crate::data::packed::{self, Mapped, Packed};
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
    /// What tells these files from others; empty where nobody asked.
    pub digest: String,
}

/// Images of one split, wherever they lie.
struct View<'a> {
    shape: [usize; 3],
    pixels: &'a [u8],
    labels: &'a [i64],
    /// The file that the pixels lie in.
    map: Option<&'a Arc<Mmap>>,
}

impl<'a> View<'a> {
    fn owned(images: &'a Images) -> View<'a> {
        let shape = [images.channels, images.height, images.width];
        View { shape, pixels: &images.pixels, labels: &images.labels, map: None }
    }

    fn mapped(images: &'a Mapped) -> View<'a> {
        let shape = [images.channels, images.height, images.width];
        View { shape, pixels: images.pixels(), labels: &images.labels, map: Some(&images.map) }
    }

    /// These images as `(N, C, H, W)`, 8 bits, and the file that they lie in if they are not copied.
    fn select(&self, ids: &[u32], device: Device) -> (Tensor, Option<Arc<Mmap>>) {
        let stride: usize = self.shape.iter().product();
        let size: Vec<i64> = std::iter::once(ids.len()).chain(self.shape).map(|n| n as i64).collect();
        if let (Some(map), Device::Cpu, true) = (self.map, device, ids.len() == self.labels.len() && !ids.is_empty()) {
            // All of them, in their order: the ids are distinct and ascending.
            let strides: Vec<i64> = (1..=4).map(|i| size[i..].iter().product::<i64>()).collect();
            // SAFETY: the file has ids.len()·stride bytes from here on (`pixels` was cut from it), whoever takes the
            // tensor holds the map, and a bank only reads its images.
            let images = unsafe { Tensor::from_blob(self.pixels.as_ptr(), &size, &strides, Kind::Uint8, Device::Cpu) };
            return (images, Some(Arc::clone(map)));
        }
        let mut bytes = Vec::with_capacity(ids.len() * stride);
        for id in ids {
            bytes.extend_from_slice(&self.pixels[*id as usize * stride..(*id as usize + 1) * stride]);
        }
        (Tensor::from_slice(&bytes).view(size.as_slice()).to_device(device), None)
    }

    fn labels_of(&self, ids: &[u32], device: Device) -> Tensor {
        let labels: Vec<i64> = ids.iter().map(|id| self.labels[*id as usize]).collect();
        Tensor::from_slice(&labels).to_device(device)
    }
}

/// A data set as it is read.
enum Source {
    Decoded(Dataset),
    Packed(Packed),
}

impl Source {
    fn load(config: &DatasetConfig, dirs: &DataDirs, packs: Option<&Path>) -> Result<Source, DataError> {
        let pack = packs.and_then(|folder| packed::find(&config.name, &config.split, dirs, folder));
        match pack {
            Some(pack) => Ok(Source::Packed(pack)),
            None => data::load(&config.name, &config.split, dirs).map(Source::Decoded),
        }
    }

    fn views(&self) -> (View<'_>, View<'_>, &[String]) {
        match self {
            Source::Decoded(d) => (View::owned(&d.train), View::owned(&d.test), &d.notes),
            Source::Packed(p) => (View::mapped(&p.train), View::mapped(&p.test), &p.notes),
        }
    }
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
        RunData::read(unsup, sup, dirs, device, None)
    }

    /// The same from packs in this folder, where it has them; says which files they are.
    ///
    /// # Errors
    /// When files are missing or broken.
    pub fn load_shared(
        unsup: &DatasetConfig,
        sup: &DatasetConfig,
        dirs: &DataDirs,
        device: Device,
        packs: Option<&Path>,
    ) -> Result<Self, DataError> {
        let digest = |config: &DatasetConfig| packed::fingerprint(&config.name, &config.split, dirs);
        let digest = format!("{} {}", digest(unsup)?, digest(sup)?);
        Ok(RunData { digest, ..RunData::read(unsup, sup, dirs, device, packs)? })
    }

    fn read(
        unsup: &DatasetConfig,
        sup: &DatasetConfig,
        dirs: &DataDirs,
        device: Device,
        packs: Option<&Path>,
    ) -> Result<Self, DataError> {
        let mut all = RunData {
            banks: Vec::new(),
            unsup: Sets { train: Rows { bank: 0, rows: vec![] }, test: Rows { bank: 0, rows: vec![] } },
            sup: Sets { train: Rows { bank: 0, rows: vec![] }, test: Rows { bank: 0, rows: vec![] } },
            notes: Vec::new(),
            digest: String::new(),
        };
        let dataset = Source::load(unsup, dirs, packs)?;
        if source(unsup) == source(sup) {
            let sets = all.add(&dataset, &[unsup, sup], device);
            if let [first, second] = sets.as_slice() {
                (all.unsup, all.sup) = (first.clone(), second.clone());
            }
        } else {
            let other = Source::load(sup, dirs, packs)?;
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
    fn add(&mut self, source: &Source, configs: &[&DatasetConfig], device: Device) -> Vec<Sets> {
        let (training, testing, notes) = source.views();
        self.notes.extend(notes.iter().cloned());
        let selections: Vec<_> =
            configs.iter().map(|c| data::select(c, training.labels, testing.labels.len(), c.seed)).collect();
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
        let ((mut train, mut train_map), (mut test, mut test_map)) =
            (training.select(&used, device), testing.select(&all, device));
        if config.zca_whitened {
            let zca = Zca::learn(&train);
            (train, test) = (zca.apply(&train), zca.apply(&test));
            (train_map, test_map) = (None, None);
        }
        let augment = config.augmentation.then(|| Augment::of(&config.name, config.noise_std));
        let banks = [
            (Bank::new(train, training.labels_of(&used, device), augment), train_map),
            (Bank::new(test, testing.labels_of(&all, device), None), test_map),
        ];
        for (mut bank, map) in banks {
            bank.hold(map);
            self.banks.push(bank);
        }
        sets
    }
}
