//! `verify`: recomputes a recorded run of the published program and compares every recorded tensor.
//!
//! A recording is a safetensors file whose metadata say what was run (`kind`) and how. It is reproduced when every
//! element of every recorded tensor T satisfies |error| ≤ 1e-4·|T| + 1e-5·max|T|.

mod encoder;
mod hopfield;
mod layer;
mod network;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::device;
use crate::preset::{BlockEntry, Catalogue, PresetError};
use crate::train::checkpoint;

/// Share of an element that its error may be.
const RELATIVE: f64 = 1e-4;
/// Share of the tensor's largest element that an error may be.
const OF_LARGEST: f64 = 1e-5;

/// A recording that cannot be recomputed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] crate::train::TrainError),
    /// It lacks something.
    #[error("{path}: {cause}", path = path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        cause: String,
    },
    /// libtorch or the device.
    #[error(transparent)]
    Device(#[from] device::DeviceError),
}

/// What became of one file.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The file.
    pub file: PathBuf,
    /// What kind of run.
    pub kind: String,
    /// Tensors compared.
    pub tensors: usize,
    /// Largest error, as a multiple of what is tolerated: up to 1 is right.
    pub worst: f64,
    /// The tensor with that error.
    pub worst_tensor: String,
    /// Largest |error| of that tensor.
    pub worst_error: f64,
    /// Whether every element is within tolerance.
    pub ok: bool,
}

/// A recording that is open, and the comparisons made so far.
pub(crate) struct Recording {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
    metadata: HashMap<String, String>,
    device: Device,
    fast: bool,
    compared: usize,
    worst: (f64, String, f64),
}

/// Recomputes a recording on a device, in the fast form where it reaches or in the plain one.
///
/// # Errors
/// When the file is broken or its kind unknown. A run that differs is no error: see [`Report::ok`].
pub fn verify(path: &Path, device: Device, fast: bool) -> Result<Report, VerifyError> {
    let (tensors, metadata) = checkpoint::read(path)?;
    if metadata.get("kind").is_some_and(|kind| kind == "snn") {
        return spiking(path);
    }
    let path_buf = path.to_path_buf();
    let worst = (0.0, String::new(), 0.0);
    let mut recording = Recording { path: path_buf, tensors, metadata, device, fast, compared: 0, worst };
    let kind = recording.text("kind")?.to_string();
    device::guard(&format!("recomputing {}", path.display()), || match kind.as_str() {
        "layer" => layer::run(&mut recording),
        "network" => network::run(&mut recording),
        "encoder" => encoder::run(&mut recording),
        "hopfield" => hopfield::run(&mut recording),
        other => {
            let known = "`layer`, `network`, `encoder`, `snn` and `hopfield` can be recomputed";
            Err(recording.lacks(format!("kind is `{other}`; {known}")))
        }
    })??;
    if recording.compared == 0 {
        return Err(recording.lacks("it records no tensor to compare with"));
    }
    let (worst, worst_tensor, worst_error) = recording.worst;
    let file = path.to_path_buf();
    Ok(Report { file, kind, tensors: recording.compared, worst, worst_tensor, worst_error, ok: worst <= 1.0 })
}

/// The spiking network is plain Rust and reads the recording by itself; it has one form, on the CPU.
fn spiking(path: &Path) -> Result<Report, VerifyError> {
    let v = crate::snn::verify::run(path)
        .map_err(|e| VerifyError::Recording { path: path.to_path_buf(), cause: e.to_string() })?;
    Ok(Report {
        file: path.to_path_buf(),
        kind: "snn".to_string(),
        tensors: v.tensors,
        worst: v.worst,
        worst_tensor: v.worst_tensor,
        worst_error: v.worst_error,
        ok: v.worst <= 1.0,
    })
}

impl Recording {
    fn lacks(&self, cause: impl Into<String>) -> VerifyError {
        VerifyError::Recording { path: self.path.clone(), cause: cause.into() }
    }

    /// A metadata entry.
    fn text(&self, key: &str) -> Result<&str, VerifyError> {
        self.metadata.get(key).map(String::as_str).ok_or_else(|| self.lacks(format!("metadata has no `{key}`")))
    }

    /// A metadata entry that is a number.
    fn number<T: std::str::FromStr>(&self, key: &str) -> Result<T, VerifyError> {
        let text = self.text(key)?;
        text.parse().map_err(|_| self.lacks(format!("metadata `{key}` is `{text}`, not a number")))
    }

    /// A metadata entry that is JSON.
    fn json<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<T, VerifyError> {
        serde_json::from_str(self.text(key)?).map_err(|e| self.lacks(format!("metadata `{key}`: {e}")))
    }

    /// A recorded tensor on the device.
    fn tensor(&self, name: &str) -> Result<Tensor, VerifyError> {
        let tensor = self.tensors.get(name).ok_or_else(|| self.lacks(format!("tensor {name} is missing")))?;
        Ok(tensor.to_device(self.device))
    }

    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Compares a tensor with the recorded one of this name, if there is one.
    fn compare(&mut self, name: &str, ours: &Tensor) -> Result<(), VerifyError> {
        let Some(theirs) = self.tensors.get(name) else { return Ok(()) };
        let ours = ours.detach().to_device(Device::Cpu).to_kind(Kind::Double);
        let theirs = theirs.to_kind(Kind::Double);
        if ours.numel() != theirs.numel() {
            let (found, expected) = (ours.size(), theirs.size());
            return Err(self.lacks(format!("tensor {name} has shape {expected:?}, ours {found:?}")));
        }
        self.compared += 1;
        if theirs.numel() == 0 {
            return Ok(());
        }
        let ours = ours.reshape(theirs.size());
        let error = (&ours - &theirs).abs();
        let tolerance = theirs.abs() * RELATIVE + theirs.abs().max() * OF_LARGEST;
        // Where nothing is tolerated (a tensor of zeros) the slightest error is too much, and 0/0 is none.
        let ratio =
            (&error / (tolerance + f64::MIN_POSITIVE)).nan_to_num(f64::INFINITY, None, None).max().double_value(&[]);
        if ratio > self.worst.0 || self.worst.1.is_empty() {
            self.worst = (ratio, name.to_string(), error.max().double_value(&[]));
        }
        Ok(())
    }

    /// Counts a number that was compared in its own way: its error and what is tolerated.
    fn judge(&mut self, name: &str, error: f64, tolerance: f64) {
        self.compared += 1;
        let ratio = if error.is_nan() { f64::INFINITY } else { error / tolerance };
        if ratio > self.worst.0 || self.worst.1.is_empty() {
            self.worst = (ratio, name.to_string(), error);
        }
    }

    /// A block entry of the recording's own words.
    fn block(&self, text: &str) -> Result<crate::preset::BlockSpec, VerifyError> {
        crate::preset::parse_block(text).map_err(|e| self.lacks(format!("block string: {e}")))
    }

    fn catalogue(&self) -> Result<Catalogue, VerifyError> {
        Catalogue::embedded().map_err(|e| self.preset(e))
    }

    fn preset(&self, error: PresetError) -> VerifyError {
        self.lacks(error.to_string())
    }

    fn set(&self, entry: &mut BlockEntry, key: &str, value: &serde_json::Value) -> Result<(), VerifyError> {
        entry.set_layer(key, value).map_err(|e| self.lacks(format!("layer key `{key}`: {e}")))
    }
}
