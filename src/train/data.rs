//! The banks of a run: which images train and which test, each image held once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use memmap2::Mmap;
use tch::{Device, Kind, Tensor};

use super::bank::Bank;
use crate::data::augment::Augment;
use crate::data::packed::{PackEvent, Packed, Packing};
use crate::data::pictures;
use crate::data::shared::{self, Mapped, Shared};
use crate::data::whiten::{MOST, Zca};
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
    /// Of each bank: which image of its split each row is.
    pub ids: Vec<Vec<u32>>,
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
}

/// What makes two configurations read the same images.
fn source(config: &DatasetConfig) -> (String, String, bool, bool, Option<i64>, [i64; 3]) {
    let shape = [config.channels, config.height, config.width];
    (config.name.clone(), config.split.clone(), config.zca_whitened, config.augmentation, config.px, shape)
}

/// What tells the files of a data set from others.
///
/// # Errors
/// When they are not there.
pub fn digest(config: &DatasetConfig, dirs: &DataDirs) -> Result<String, DataError> {
    match pictures::is_pictures(&config.name) {
        true => pictures::fingerprint(&config.name, config.px, dirs),
        false => shared::fingerprint(&config.name, &config.split, dirs),
    }
}

/// How data sets become banks.
pub struct Loading<'a> {
    /// Whether decoded pictures and whitenings are kept beside the data for the next run.
    pub cache: bool,
    /// Told how far the decoding of pictures is.
    pub on: &'a mut dyn FnMut(PackEvent),
    /// Set from elsewhere to stop.
    pub stop: Option<&'a AtomicBool>,
}

/// The images of one source as they were read.
enum Loaded {
    Whole(Box<Dataset>),
    Shared(Shared),
    Pictures { train: Arc<Packed>, test: Option<Arc<Packed>>, notes: Vec<String> },
}

impl Loaded {
    fn read(
        config: &DatasetConfig,
        dirs: &DataDirs,
        copies: Option<&Path>,
        how: &mut Loading,
    ) -> Result<Loaded, DataError> {
        if !pictures::is_pictures(&config.name) {
            if let Some(found) = copies.and_then(|folder| shared::find(&config.name, &config.split, dirs, folder)) {
                return Ok(Loaded::Shared(found));
            }
            return Ok(Loaded::Whole(Box::new(data::load(&config.name, &config.split, dirs)?)));
        }
        if config.zca_whitened {
            // Pictures are normalised instead, as published.
            let pixels = [config.channels, config.height, config.width].map(|n| n as usize).iter().product();
            return Err(DataError::Whiten { name: config.name.clone(), pixels, most: MOST });
        }
        let shape = [config.channels, config.height, config.width].map(|n| usize::try_from(n).unwrap_or(0));
        let mut packing = Packing { cache: how.cache.then(|| dirs.cache()), on: &mut *how.on, stop: how.stop };
        let set = pictures::load(&config.name, config.px, shape, dirs, &mut packing)?;
        if set.test.is_none() && !config.validation {
            return Err(DataError::NoTest { name: config.name.clone() });
        }
        Ok(Loaded::Pictures { train: Arc::new(set.train), test: set.test.map(Arc::new), notes: set.notes })
    }

    fn notes(&self) -> &[String] {
        match self {
            Loaded::Whole(dataset) => &dataset.notes,
            Loaded::Shared(dataset) => &dataset.notes,
            Loaded::Pictures { notes, .. } => notes,
        }
    }

    fn train_labels(&self) -> &[i64] {
        match self {
            Loaded::Whole(dataset) => &dataset.train.labels,
            Loaded::Shared(dataset) => &dataset.train.labels,
            Loaded::Pictures { train, .. } => &train.labels,
        }
    }

    fn test_labels(&self) -> &[i64] {
        match self {
            Loaded::Whole(dataset) => &dataset.test.labels,
            Loaded::Shared(dataset) => &dataset.test.labels,
            Loaded::Pictures { test, .. } => test.as_ref().map_or(&[], |t| &t.labels),
        }
    }
}

impl RunData {
    /// Reads the data sets of a run onto a device; what is computed on the way is kept for the next run.
    ///
    /// # Errors
    /// When files are missing or broken.
    pub fn load(
        unsup: &DatasetConfig,
        sup: &DatasetConfig,
        dirs: &DataDirs,
        device: Device,
    ) -> Result<Self, DataError> {
        RunData::load_with(unsup, sup, dirs, device, &mut Loading { cache: true, on: &mut |_| {}, stop: None })
    }

    /// As [`RunData::load`], with a say in how.
    ///
    /// # Errors
    /// When files are missing or broken, or the user stops.
    pub fn load_with(
        unsup: &DatasetConfig,
        sup: &DatasetConfig,
        dirs: &DataDirs,
        device: Device,
        how: &mut Loading,
    ) -> Result<Self, DataError> {
        RunData::read([unsup, sup], dirs, device, None, how)
    }

    /// The same of `[unsup, sup]` from shared copies in this folder, where it has them; says which files they are.
    ///
    /// # Errors
    /// When files are missing or broken, or the user stops.
    pub fn load_shared(
        [unsup, sup]: [&DatasetConfig; 2],
        dirs: &DataDirs,
        device: Device,
        copies: Option<&Path>,
        how: &mut Loading,
    ) -> Result<Self, DataError> {
        let digest = format!("{} {}", digest(unsup, dirs)?, digest(sup, dirs)?);
        Ok(RunData { digest, ..RunData::read([unsup, sup], dirs, device, copies, how)? })
    }

    fn read(
        [unsup, sup]: [&DatasetConfig; 2],
        dirs: &DataDirs,
        device: Device,
        copies: Option<&Path>,
        how: &mut Loading,
    ) -> Result<Self, DataError> {
        let keep = how.cache.then(|| dirs.cache());
        let keep = keep.as_deref();
        let mut all = RunData {
            banks: Vec::new(),
            ids: Vec::new(),
            unsup: Sets { train: Rows { bank: 0, rows: vec![] }, test: Rows { bank: 0, rows: vec![] } },
            sup: Sets { train: Rows { bank: 0, rows: vec![] }, test: Rows { bank: 0, rows: vec![] } },
            notes: Vec::new(),
            digest: String::new(),
        };
        let dataset = Loaded::read(unsup, dirs, copies, how)?;
        if source(unsup) == source(sup) {
            let sets = all.add(&dataset, &[unsup, sup], device, keep)?;
            if let [first, second] = sets.as_slice() {
                (all.unsup, all.sup) = (first.clone(), second.clone());
            }
        } else {
            let other = Loaded::read(sup, dirs, copies, how)?;
            for (config, dataset) in [(unsup, &dataset), (sup, &other)] {
                if let [sets] = all.add(dataset, &[config], device, keep)?.as_slice() {
                    if config == unsup { all.unsup = sets.clone() } else { all.sup = sets.clone() }
                }
            }
        }
        let mut seen = BTreeSet::new();
        all.notes.retain(|note| seen.insert(note.clone()));
        Ok(all)
    }

    /// Adds the two banks of one source and gives each configuration its rows of them.
    fn add(
        &mut self,
        dataset: &Loaded,
        configs: &[&DatasetConfig],
        device: Device,
        keep: Option<&Path>,
    ) -> Result<Vec<Sets>, DataError> {
        self.notes.extend(dataset.notes().iter().cloned());
        let (train_labels, test_labels) = (dataset.train_labels(), dataset.test_labels());
        let selections: Vec<_> = configs.iter().map(|c| data::select(c, train_labels, test_labels, c.seed)).collect();
        self.notes.extend(selections.iter().flat_map(|s| s.notes.iter().cloned()));
        let mut used: BTreeSet<u32> = BTreeSet::new();
        for s in &selections {
            used.extend(s.train.iter().chain(s.held_out.iter().flatten()));
        }
        // Test images that no configuration reads are not held: they would be whitened and run through frozen blocks.
        let read = selections.iter().filter(|s| s.held_out.is_none()).flat_map(|s| s.test.iter().copied());
        let tested: Vec<u32> = read.collect::<BTreeSet<u32>>().into_iter().collect();
        let used: Vec<u32> = used.into_iter().collect();
        // Both are ascending, so a search finds an image's row.
        let rows = |bank: &[u32], ids: &[u32]| -> Vec<i64> {
            ids.iter().filter_map(|id| bank.binary_search(id).ok()).map(|row| row as i64).collect()
        };

        let first = self.banks.len();
        let sets = selections.iter().map(|s| Sets {
            train: Rows { bank: first, rows: rows(&used, &s.train) },
            test: match &s.held_out {
                Some(ids) => Rows { bank: first, rows: rows(&used, ids) },
                None => Rows { bank: first + 1, rows: rows(&tested, &s.test) },
            },
        });
        let sets: Vec<Sets> = sets.collect();
        self.ids.extend([used.clone(), tested.clone()]);
        let config = configs[0];
        let augment = config.augmentation.then(|| Augment::of(&config.name, config.noise_std));
        let (training, testing) = match dataset {
            Loaded::Whole(d) => (View::owned(&d.train), View::owned(&d.test)),
            Loaded::Shared(d) => (View::mapped(&d.train), View::mapped(&d.test)),
            Loaded::Pictures { train, test, .. } => {
                let test = test.as_ref().unwrap_or(train);
                let (of_train, of_test) = (labels(&train.labels, &used, device), labels(&test.labels, &tested, device));
                self.banks.push(Bank::pictures(Arc::clone(train), used, of_train, augment));
                self.banks.push(Bank::pictures(Arc::clone(test), tested, of_test, None));
                return Ok(sets);
            }
        };
        let ((mut train, mut train_map), (mut test, mut test_map)) =
            (training.select(&used, device), testing.select(&tested, device));
        if config.zca_whitened {
            let pixels = training.shape.iter().product();
            if pixels > MOST {
                let name = config.name.clone();
                return Err(DataError::Whiten { name, pixels, most: MOST });
            }
            let zca = match keep {
                Some(folder) => {
                    let (zca, note) = Zca::stored(&train, folder, &config.name);
                    self.notes.extend(note);
                    zca
                }
                None => Zca::learn(&train),
            };
            (train, test) = (zca.apply(&train), zca.apply(&test));
            (train_map, test_map) = (None, None);
        }
        let banks = [
            (Bank::new(train, labels(training.labels, &used, device), augment), train_map),
            (Bank::new(test, labels(testing.labels, &tested, device), None), test_map),
        ];
        for (mut bank, map) in banks {
            bank.hold(map);
            self.banks.push(bank);
        }
        Ok(sets)
    }
}

fn labels(all: &[i64], ids: &[u32], device: Device) -> Tensor {
    Tensor::from_slice(&ids.iter().map(|id| all[*id as usize]).collect::<Vec<i64>>()).to_device(device)
}
