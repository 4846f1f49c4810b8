//! The checkpoint: the network's state under its published names, and how far the run came.
//!
//! `checkpoint.safetensors` holds the tensors of the published state dict and nothing else; its metadata say how far the
//! run came. What else a resumed run needs (Adam's moments) is in `optimizer-E-S.safetensors`, after E epochs and S steps: it
//! is written first, and a checkpoint's progress names the one that belongs to it, so that a kill between the two loses
//! nothing.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::TrainError;
use crate::files::{FileError, RunDir, write_atomic};

/// The metadata key that holds a [`Progress`].
const KEY: &str = "softhebb";

/// The metadata key that holds a [`Best`].
const BEST: &str = "softhebb-best";

/// Where the best network of a run stood, and its score on the validation images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The phase, from 0.
    pub phase: usize,
    /// Epochs finished in it.
    pub epoch: u64,
    /// Epochs finished in the whole run.
    pub global_epoch: u64,
    /// Accuracy, percent.
    pub validation_acc: f64,
    /// Cross entropy, where it is measured.
    pub validation_loss: Option<f64>,
}

/// How far a run came. Holds nothing that two runs of one plan would not share (no time, no date).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The phase to go on with, from 0.
    pub phase: usize,
    /// Epochs finished in it.
    pub epoch: u64,
    /// Steps finished in the epoch after those (above 0 only if it was interrupted).
    pub step: u64,
    /// Epochs finished in the whole run.
    pub global_epoch: u64,
    /// Σ loss, images predicted and images seen of the interrupted epoch.
    pub sums: (f64, f64, u64),
    /// Steps that Adam made in this phase, if it has one; its moments are then in the optimizer's file.
    pub adam_steps: Option<i64>,
    /// The scheduled learning rate of each block that has one.
    pub rates: BTreeMap<usize, f64>,
}

impl Progress {
    /// The file of Adam's moments that belongs to this progress.
    pub fn optimizer(&self, dir: &RunDir) -> std::path::PathBuf {
        dir.optimizer(self.global_epoch, self.step)
    }
}

/// A checkpoint as read.
#[derive(Debug)]
pub struct Checkpoint {
    /// The network's state.
    pub state: BTreeMap<String, Tensor>,
    /// How far the run came; absent in a file that another program wrote.
    pub progress: Option<Progress>,
    /// Adam's moments, if the phase has them.
    pub optimizer: BTreeMap<String, Tensor>,
}

/// Writes a checkpoint and what belongs to it; the one before is replaced when this one is whole.
///
/// # Errors
/// When a file cannot be written; the earlier checkpoint then stands.
pub fn save(
    dir: &RunDir,
    state: &BTreeMap<String, Tensor>,
    progress: &Progress,
    optimizer: &[(String, Tensor)],
) -> Result<(), TrainError> {
    if progress.adam_steps.is_some() {
        let tensors = optimizer.iter().map(|(name, t)| (name.clone(), t.shallow_clone())).collect();
        write(&progress.optimizer(dir), &tensors, None)?;
    }
    let text = serde_json::to_string(progress).unwrap_or_default(); // plain numbers: cannot fail
    write(&dir.checkpoint(), state, Some((KEY, text)))?;
    for old in dir.optimizers() {
        if old != progress.optimizer(dir) || progress.adam_steps.is_none() {
            let _ = std::fs::remove_file(old); // what is left over does no harm
        }
    }
    Ok(())
}

/// Writes the best network so far.
///
/// # Errors
/// When the file cannot be written; the earlier one then stands.
pub fn save_best(path: &Path, state: &BTreeMap<String, Tensor>, best: &Best) -> Result<(), TrainError> {
    let text = serde_json::to_string(best).unwrap_or_default(); // plain numbers: cannot fail
    write(path, state, Some((BEST, text)))
}

/// A network as its file holds it.
#[derive(Debug)]
pub struct Kept {
    /// The network's state.
    pub state: BTreeMap<String, Tensor>,
    /// How far the run had come; absent in a file that another program wrote.
    pub progress: Option<Progress>,
    /// Its score, if it is the best network of a run.
    pub best: Option<Best>,
}

/// Reads a network, the last or the best one of a run, without what only training needs.
///
/// # Errors
/// When the file is missing or broken.
pub fn read_network(path: &Path) -> Result<Kept, TrainError> {
    let (state, metadata) = read(path)?;
    let best = told::<Best>(path, &metadata, BEST)?;
    let progress = match &best {
        Some(b) => {
            let Best { phase, epoch, global_epoch, .. } = *b;
            Some(Progress { phase, epoch, global_epoch, ..Progress::default() })
        }
        None => told(path, &metadata, KEY)?,
    };
    Ok(Kept { state, progress, best })
}

/// The place and score of the best network of a run; `None` if the file holds another.
///
/// # Errors
/// When the file is broken.
pub fn read_best(path: &Path) -> Result<Option<Best>, TrainError> {
    told(path, &metadata(path)?, BEST)
}

/// How far a run came; `None` if another program wrote the file. The tensors are not read.
///
/// # Errors
/// When the file is missing or broken.
pub fn read_progress(path: &Path) -> Result<Option<Progress>, TrainError> {
    told(path, &metadata(path)?, KEY)
}

/// What the metadata hold under a key.
fn told<T: DeserializeOwned>(
    path: &Path,
    metadata: &HashMap<String, String>,
    key: &str,
) -> Result<Option<T>, TrainError> {
    let text = metadata.get(key).map(|text| serde_json::from_str(text));
    text.transpose().map_err(|e| broken(path, format!("its metadata: {e}")))
}

/// Metadata of a safetensors file, from its header alone.
///
/// # Errors
/// When the file is missing, truncated or of another format.
pub fn metadata(path: &Path) -> Result<HashMap<String, String>, TrainError> {
    let file = std::fs::File::open(path).map_err(FileError::read(path))?;
    // SAFETY: files are replaced by renaming and never changed in place, so what is mapped stays as it is.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(FileError::read(path))?;
    let whole = |e: safetensors::SafeTensorError| broken(path, format!("it is not a whole safetensors file ({e})"));
    SafeTensors::deserialize(&map).map_err(whole)?;
    let (_, header) = SafeTensors::read_metadata(&map).map_err(whole)?;
    Ok(header.metadata().clone().unwrap_or_default())
}

/// Reads a checkpoint.
///
/// # Errors
/// When a file is missing or broken.
pub fn load(dir: &RunDir) -> Result<Checkpoint, TrainError> {
    let path = dir.checkpoint();
    let (state, metadata) = read(&path)?;
    let progress: Option<Progress> = told(&path, &metadata, KEY)?;
    let optimizer = match &progress {
        Some(p) if p.adam_steps.is_some() => read(&p.optimizer(dir))?.0,
        _ => BTreeMap::new(),
    };
    Ok(Checkpoint { state, progress, optimizer })
}

/// Writes tensors as safetensors, on the CPU and contiguous, in the order of their names.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, tensors: &BTreeMap<String, Tensor>, note: Option<(&str, String)>) -> Result<(), TrainError> {
    let held: Vec<(&String, Dtype, Vec<usize>, Vec<u8>)> = tensors.iter().map(|(n, t)| bytes(n, t)).collect();
    let views = held.iter().map(|(name, dtype, shape, data)| {
        TensorView::new(*dtype, shape.clone(), data).map(|view| (name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(|e| broken(path, e.to_string()))?;
    // One key: a HashMap of several would be written in an order that changes from run to run.
    let metadata = note.map(|(key, value)| HashMap::from([(key.to_string(), value)]));
    let data = safetensors::serialize(views, metadata).map_err(|e| broken(path, e.to_string()))?;
    Ok(write_atomic(path, |out| out.write_all(&data))?)
}

fn bytes<'a>(name: &'a String, t: &Tensor) -> (&'a String, Dtype, Vec<usize>, Vec<u8>) {
    let t = t.detach().to_device(Device::Cpu).contiguous();
    let (dtype, size) = match t.kind() {
        Kind::Int64 => (Dtype::I64, 8),
        Kind::Double => (Dtype::F64, 8),
        _ => (Dtype::F32, 4),
    };
    let t = if dtype == Dtype::F32 { t.to_kind(Kind::Float) } else { t };
    let mut data = vec![0u8; t.numel() * size];
    t.copy_data_u8(&mut data, t.numel());
    (name, dtype, t.size().iter().map(|n| *n as usize).collect(), data)
}

/// Tensors by name, and the file's metadata.
pub type Contents = (BTreeMap<String, Tensor>, HashMap<String, String>);

/// Reads safetensors (32 and 64 bit floats, 64-bit integers).
///
/// # Errors
/// When the file is missing, truncated or of another format.
pub fn read(path: &Path) -> Result<Contents, TrainError> {
    let data = std::fs::read(path).map_err(FileError::read(path))?;
    let hint = "it is not a whole safetensors file";
    let file = SafeTensors::deserialize(&data).map_err(|e| broken(path, format!("{hint} ({e})")))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            Dtype::I64 => Kind::Int64,
            other => {
                return Err(broken(path, format!("tensor {name} is of type {other:?}; f32, f64 and i64 are read")));
            }
        };
        let shape: Vec<i64> = view.shape().iter().map(|n| *n as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|e| broken(path, e.to_string()))?;
        tensors.insert(name, tensor);
    }
    let (_, header) = SafeTensors::read_metadata(&data).map_err(|e| broken(path, e.to_string()))?;
    Ok((tensors, header.metadata().clone().unwrap_or_default()))
}

fn broken(path: &Path, cause: String) -> TrainError {
    TrainError::Checkpoint { path: path.to_path_buf(), cause }
}
