//! Images and the stored outputs of frozen blocks.
//!
//! A block that no longer learns gives the same output for the same image for ever. A bank keeps the outputs of the
//! deepest frozen block so far, one row an image, and moves on block by block: each is computed once for each image,
//! whatever the number of epochs that read it. Where memory does not suffice (or the images are augmented) the
//! missing blocks are computed at each reading.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{Mmap, MmapMut};
use tch::{Device, Kind, Tensor};

use crate::data::DataError;
use crate::data::augment::Augment;
use crate::data::packed::Packed;
use crate::data::pictures;
use crate::device;
use crate::files::FileError;
use crate::layer::Network;
use crate::layer::classifier::Rows;
use crate::preset::config::{NetworkConfig, Operation};

/// Images a step when outputs are stored. Fixed, so that a resumed run stores the same bits.
const CHUNK: i64 = 50;

/// Where the images of a bank are.
#[derive(Debug)]
enum Source {
    /// `(N, C, H, W)`, 8 bits or float (whitened).
    Held(Tensor),
    /// Pictures in a mapped file, and which of them: row i of the bank is picture `rows[i]`.
    Pictures { packed: Arc<Packed>, rows: Vec<u32> },
}

impl Source {
    fn device(&self) -> Device {
        match self {
            Source::Held(images) => images.device(),
            Source::Pictures { .. } => Device::Cpu,
        }
    }

    /// These rows `(B, C, H, W)` as floats on a device: in [0, 1], whitened, or normalised as ImageNet is.
    fn read(&self, index: &Tensor, augment: Option<(&Augment, u64)>, on: Device) -> Tensor {
        let augmented = |x: Tensor, aspects: &[f32]| match augment {
            Some((augment, seed)) => augment.apply(&x, aspects, seed),
            None => x,
        };
        match self {
            Source::Held(images) => {
                let x = images.index_select(0, &index.to_device(images.device()));
                let x = if x.kind() == Kind::Uint8 { x.to_kind(Kind::Float) / 255.0 } else { x };
                augmented(x, &[]).to_device(on)
            }
            Source::Pictures { packed, rows } => {
                let index = Vec::<i64>::try_from(index.to_device(Device::Cpu)).unwrap_or_default();
                let mut bytes = Vec::with_capacity(index.len() * packed.stride());
                let mut aspects = Vec::with_capacity(index.len());
                for i in &index {
                    let row = rows[*i as usize] as usize;
                    bytes.extend_from_slice(packed.image(row));
                    aspects.push(packed.aspect(row));
                }
                let [c, h, w] = packed.shape.map(|n| n as i64);
                let x = Tensor::from_slice(&bytes).view([index.len() as i64, c, h, w]).to_device(on);
                normalised(&augmented(x.to_kind(Kind::Float) / 255.0, &aspects))
            }
        }
    }
}

/// Images in [0, 1] with ImageNet's mean taken off each channel, over its standard deviation; grey ones with the mean of both.
fn normalised(x: &Tensor) -> Tensor {
    let of = |values: [f64; 3]| match x.size()[1] {
        3 => Tensor::from_slice(&values.map(|v| v as f32)).view([1, 3, 1, 1]).to_device(x.device()),
        _ => Tensor::from_slice(&[values.iter().sum::<f64>() as f32 / 3.0]).view([1, 1, 1, 1]).to_device(x.device()),
    };
    (x - of(pictures::MEAN)) / of(pictures::STD)
}

/// Names of the classes, and files of pictures.
pub type Files = (Vec<String>, Vec<PathBuf>);

/// Labelled images, and what the frozen blocks make of them.
#[derive(Debug)]
pub struct Bank {
    images: Source,
    /// `(N)`.
    labels: Tensor,
    /// How many blocks the stored outputs have been through.
    depth: usize,
    /// `(N, D)`: one row an image, where depth is above 0.
    stored: Option<Tensor>,
    /// What happens to an image before the first block in training.
    augment: Option<Augment>,
    /// The folder of a file that holds the stored outputs, in place of memory.
    folder: Option<PathBuf>,
    /// That file, mapped: `stored` points into it.
    map: Option<MmapMut>,
    /// The file that `images` points into, where processes share it. Dropped after them (the order of the fields).
    pack: Option<Arc<Mmap>>,
}

/// How outputs at a depth lie in a row.
struct Layout {
    /// `[C, H, W]`.
    shape: [i64; 3],
    /// Whether the next block wants them in the order row, column, channel (a convolution) or flattened as C, H, W.
    channels_last: bool,
}

impl Layout {
    fn at(config: &NetworkConfig, depth: usize) -> Layout {
        let shape = config.blocks[depth - 1].out_shape;
        let flattens = config.blocks.get(depth).is_none_or(|b| b.operations.contains(&Operation::Flatten));
        Layout { shape, channels_last: !flattens && shape[1] * shape[2] > 1 }
    }

    fn numel(&self) -> i64 {
        self.shape.iter().product()
    }

    fn to_rows(&self, x: &Tensor) -> Tensor {
        let x = if self.channels_last { x.permute([0, 2, 3, 1]) } else { x.shallow_clone() };
        x.reshape([x.size()[0], self.numel()])
    }

    fn to_images(&self, rows: &Tensor, flat: bool) -> Tensor {
        let (b, [c, h, w]) = (rows.size()[0], self.shape);
        match (self.channels_last, flat) {
            (true, _) => rows.view([b, h, w, c]).permute([0, 3, 1, 2]),
            (false, true) => rows.shallow_clone(),
            (false, false) => rows.view([b, c, h, w]),
        }
    }
}

impl Bank {
    /// A bank of images `(N, C, H, W)` and labels `(N)` on one device.
    pub fn new(images: Tensor, labels: Tensor, augment: Option<Augment>) -> Bank {
        Bank::of(Source::Held(images), labels, augment)
    }

    /// A bank of these pictures of a mapped file, labels `(N)`.
    pub fn pictures(packed: Arc<Packed>, rows: Vec<u32>, labels: Tensor, augment: Option<Augment>) -> Bank {
        Bank::of(Source::Pictures { packed, rows }, labels, augment)
    }

    fn of(images: Source, labels: Tensor, augment: Option<Augment>) -> Bank {
        Bank { images, labels, depth: 0, stored: None, augment, folder: None, map: None, pack: None }
    }

    /// Holds the mapped file that the images point into for as long as the bank lives.
    pub fn hold(&mut self, pack: Option<Arc<Mmap>>) {
        self.pack = pack;
    }

    /// These rows as a bank of their own, with nothing stored.
    pub fn part(&self, rows: &[i64]) -> Bank {
        let index = Tensor::from_slice(rows);
        let of = |t: &Tensor| t.index_select(0, &index.to_device(t.device()));
        let images = match &self.images {
            Source::Held(images) => Source::Held(of(images)),
            Source::Pictures { packed, rows: all } => {
                let rows = rows.iter().map(|i| all[*i as usize]).collect();
                Source::Pictures { packed: Arc::clone(packed), rows }
            }
        };
        Bank::of(images, of(&self.labels), self.augment)
    }

    /// Names of the classes, and files of these rows, of a bank of pictures; `None` for other images.
    ///
    /// # Errors
    /// When the pictures' folder does not list any more.
    pub fn files(&self, rows: &[i64]) -> Result<Option<Files>, DataError> {
        let Source::Pictures { packed, rows: all } = &self.images else { return Ok(None) };
        let files = packed.files(rows.iter().map(|row| all[*row as usize] as usize))?;
        Ok(Some((packed.classes.clone(), files)))
    }

    /// Where its images, and what it stores, are held.
    pub fn device(&self) -> Device {
        self.images.device()
    }

    /// Images `(B, C, H, W)` as the network sees them, without augmentation.
    pub fn images(&self, index: &Tensor, on: Device) -> Tensor {
        self.images.read(index, None, on)
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.labels.numel()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every reading differs, so that nothing can be stored.
    pub fn is_augmented(&self) -> bool {
        self.augment.is_some()
    }

    /// How many blocks the stored outputs have been through.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Has what is stored from now on in a file of this folder, mapped into memory. The file has no name: it goes with
    /// the bank, however the process ends.
    pub fn keep_in(&mut self, folder: PathBuf) {
        self.folder = Some(folder);
    }

    /// Bytes that storing the outputs of `depth` blocks takes beyond what is held already.
    pub fn cost(&self, config: &NetworkConfig, depth: usize) -> u64 {
        if depth == 0 {
            return 0;
        }
        let rows = self.len() as u64 * 4;
        let held = self.stored.as_ref().map_or(0, |s| s.size()[1]);
        let wanted = Layout::at(config, depth).numel();
        if wanted <= held { 0 } else { rows * wanted as u64 }
    }

    /// Stores the outputs of the first `depth` blocks, from those stored so far; `progress` is told how many images
    /// are done and says whether to go on. Returns whether it finished; if not, nothing has changed.
    ///
    /// The rows of the depth before are overwritten as they are read where the new ones fit, so that the peak is one
    /// store and not two. (Then stopping in between leaves a bank that must not be used; a stopped run ends.)
    ///
    /// # Errors
    /// When the file of [`Bank::keep_in`] cannot be made.
    pub fn advance(
        &mut self,
        network: &mut Network,
        depth: usize,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<bool, FileError> {
        if depth <= self.depth || self.is_augmented() {
            return Ok(true);
        }
        let layout = Layout::at(network.config(), depth);
        let (n, d) = (self.len() as i64, layout.numel());
        let (mut target, mut map) = (None, None);
        if let Some(held) = self.stored.as_ref().filter(|held| held.size()[1] >= d) {
            target = Some(held.shallow_clone());
        } else if let Some(folder) = self.folder.as_ref().filter(|_| self.images.device() == Device::Cpu) {
            let (tensor, pages) = mapped(folder, n, d)?;
            (target, map) = (Some(tensor), Some(pages));
        }
        let target = target.unwrap_or_else(|| Tensor::empty([n, d], (Kind::Float, self.images.device())));
        for start in (0..n).step_by(CHUNK as usize) {
            let len = CHUNK.min(n - start);
            let index = Tensor::arange_start(start, start + len, (Kind::Int64, self.images.device()));
            let rows = layout.to_rows(&self.outputs(&index, network, depth));
            tch::no_grad(|| target.narrow(0, start, len).narrow(1, 0, d).copy_(&rows));
            if !progress((start + len) as u64) {
                return Ok(false);
            }
        }
        self.stored = Some(target);
        self.depth = depth;
        // The map that the rows before lay in goes after the tensor that pointed into it.
        self.map = map.or(self.map.take());
        Ok(true)
    }

    /// Takes outputs `(N, D)` of the first `depth` blocks as stored.
    pub fn store(&mut self, rows: Tensor, depth: usize) {
        self.stored = Some(rows);
        self.depth = depth;
    }

    /// Labels of these rows.
    pub fn labels(&self, index: &Tensor) -> Tensor {
        self.labels.index_select(0, &index.to_device(self.labels.device()))
    }

    /// All labels.
    pub fn all_labels(&self) -> &Tensor {
        &self.labels
    }

    /// What the first `depth` blocks make of these rows, in eval mode.
    pub fn outputs(&self, index: &Tensor, network: &mut Network, depth: usize) -> Tensor {
        self.read(index, network, depth, None)
    }

    /// The same for a training step: images that are to be augmented are, by a generator with this seed.
    pub fn batch(&self, index: &Tensor, network: &mut Network, depth: usize, seed: u64) -> Tensor {
        self.read(index, network, depth, Some(seed))
    }

    /// The same rows where they are stored, if a flat matrix of them is.
    pub fn rows<'a>(&'a self, index: &'a [i64], network: &Network, depth: usize) -> Option<Rows<'a>> {
        let stored = self.stored.as_ref().filter(|_| depth > 0 && depth == self.depth)?;
        let layout = Layout::at(network.config(), depth);
        Rows::new(stored, index, layout.numel()).filter(|_| !layout.channels_last)
    }

    fn read(&self, index: &Tensor, network: &mut Network, depth: usize, seed: Option<u64>) -> Tensor {
        let from = if depth < self.depth { 0 } else { self.depth };
        let x = match &self.stored {
            Some(stored) if from > 0 => {
                let layout = Layout::at(network.config(), from);
                let rows =
                    stored.index_select(0, &index.to_device(stored.device())).narrow(1, 0, layout.numel()).contiguous();
                let flat = network.config().blocks[from - 1].out_shape[1..] == [1, 1]
                    && network.config().blocks[from - 1].arch == crate::preset::config::Arch::Mlp;
                layout.to_images(&rows, flat)
            }
            _ => self.images.read(index, self.augment.as_ref().zip(seed), network.device()),
        };
        let x = x.to_device(network.device());
        network.infer(&x, from..depth)
    }

    /// Keeps only these rows, in this order; returns nothing that was stored twice.
    pub fn keep(&mut self, rows: &[i64]) {
        let index = Tensor::from_slice(rows);
        let of = |t: &Tensor| t.index_select(0, &index.to_device(t.device()));
        match &mut self.images {
            Source::Held(images) => *images = of(images),
            Source::Pictures { rows: all, .. } => *all = rows.iter().map(|i| all[*i as usize]).collect(),
        }
        self.labels = of(&self.labels);
        self.stored = self.stored.take().map(|s| of(&s));
    }

    /// Frees what is stored.
    pub fn release(&mut self) {
        self.stored = None;
        self.map = None;
        self.depth = 0;
    }
}

/// `(n, d)` floats in a new file of a folder, without a name, mapped into memory.
fn mapped(folder: &Path, n: i64, d: i64) -> Result<(Tensor, MmapMut), FileError> {
    let path = folder.join(format!(".features-{}", std::process::id()));
    let open = || -> std::io::Result<MmapMut> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        std::fs::remove_file(&path)?;
        reserve(&file, (n * d) as u64 * 4)?;
        // SAFETY: the file has no name any more, so nobody else can change it under the map.
        unsafe { MmapMut::map_mut(&file) }
    };
    let mut map = open().map_err(FileError::write(&path))?;
    // SAFETY: the map has n·d floats and outlives the tensor: a bank drops `stored` first (the order of its fields, and
    // of `release` and `advance`).
    let tensor = unsafe { Tensor::from_blob(map.as_mut_ptr(), &[n, d], &[d, 1], Kind::Float, Device::Cpu) };
    Ok((tensor, map))
}

/// Gives a file its length and its blocks on the disk: a full disk is an error here, and would be a signal (SIGBUS) when a page
/// of a file with holes is first written through the map.
fn reserve(mut file: &File, bytes: u64) -> std::io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        // Some file systems cannot reserve; writing zeros does it everywhere.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            std::io::copy(&mut std::io::repeat(0).take(bytes), &mut file).map(drop)
        }
        result => Ok(result?),
    }
}

/// Processes that share this machine's memory.
static SHARED_BY: AtomicU64 = AtomicU64::new(1);

/// Says that so many runs share this machine's memory.
pub fn share_memory(runs: usize) {
    SHARED_BY.store((runs as u64).max(1), Ordering::Relaxed);
}

/// Bytes that may be spent on stored outputs: this run's part of most of the memory that is free, or a fixed part of a GPU's.
pub fn budget(device: Device) -> u64 {
    const GIB: u64 = 1 << 30;
    match device {
        Device::Cpu => {
            device::available_memory().map_or(8 * GIB, |free| free / 10 * 7) / SHARED_BY.load(Ordering::Relaxed)
        }
        _ => 24 * GIB / SHARED_BY.load(Ordering::Relaxed),
    }
}
