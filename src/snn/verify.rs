//! Recomputing a recorded run of the notebook: `softhebb verify snn.safetensors`.
//!
//! A recording holds `w1.init` (D, H) and `w2.init` (H, C); per training batch k the spikes `spikes.k` (B, T, D), `labels.k` and
//! the uniform draws `teacher_draws.k` (B, T) that were compared with the teacher's probability; `w1.k` and `w2.k` after it;
//! and `spikes.eval` with the output spikes `counts.eval` (B, C). Its metadata hold the constants.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::{Activity, Constants, Network, SnnError, Spikes};
use crate::files::FileError;

/// Share of an element that its error may be.
const RELATIVE: f64 = 1e-4;
/// Share of the tensor's largest element that an error may be.
const OF_LARGEST: f64 = 1e-5;

/// What became of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Tensors compared.
    pub tensors: usize,
    /// Largest error, as a multiple of what is tolerated (|error| ≤ 1e-4·|T| + 1e-5·max|T|): up to 1 is right.
    pub worst: f64,
    /// The tensor with that error.
    pub worst_tensor: String,
    /// Largest |error| of that tensor.
    pub worst_error: f64,
}

/// Recomputes a recorded run with the sparse network.
///
/// # Errors
/// When the file is broken or lacks something. A run that differs is no error: see [`Verdict::worst`].
pub fn run(path: &Path) -> Result<Verdict, SnnError> {
    let recording = Recording::open(path)?;
    let (w1, w2) = (recording.tensor("w1.init")?, recording.tensor("w2.init")?);
    let ([inputs, hidden], [_, classes]) = (recording.matrix("w1.init")?, recording.matrix("w2.init")?);
    let constants = recording.constants(hidden)?;
    let mut network = Network::new(&constants, inputs, classes, &w1.values, &w2.values)?;
    let mut activity = Activity::default();
    let mut verdict = Verdict { tensors: 0, worst: 0.0, worst_tensor: String::new(), worst_error: 0.0 };
    for k in (0..).take_while(|k| recording.tensors.contains_key(&format!("spikes.{k}"))) {
        let trains = recording.trains(&format!("spikes.{k}"), inputs)?;
        let labels = recording.tensor(&format!("labels.{k}"))?;
        let draws = recording.tensor(&format!("teacher_draws.{k}"))?;
        let steps: usize = trains.iter().map(Spikes::steps).sum();
        if labels.exact.len() != trains.len() || draws.exact.len() != steps {
            return Err(recording.lacks(format!("labels.{k} and teacher_draws.{k} do not fit spikes.{k}")));
        }
        let mut draws = draws.exact.iter();
        for (train, &label) in trains.iter().zip(&labels.exact) {
            if !(label >= 0.0 && label < classes as f64) {
                return Err(recording.lacks(format!("labels.{k} holds {label}, there are {classes} classes")));
            }
            let p = constants.p_teacher();
            let teacher: Vec<bool> = draws.by_ref().take(train.steps()).map(|draw| *draw < p).collect();
            network.train_image(train, label as usize, &teacher, &mut activity);
        }
        network.end_batch();
        recording.compare(&format!("w1.{k}"), &network.w1(), &mut verdict)?;
        recording.compare(&format!("w2.{k}"), &network.w2(), &mut verdict)?;
    }
    if recording.tensors.contains_key("spikes.eval") {
        let mut counts = Vec::new();
        for train in recording.trains("spikes.eval", inputs)? {
            network.forward(&train, &mut activity);
            counts.extend(activity.counts[..classes].iter().map(|n| *n as f32));
        }
        recording.compare("counts.eval", &counts, &mut verdict)?;
    }
    if verdict.tensors == 0 {
        return Err(recording.lacks("it records no tensor to compare with"));
    }
    Ok(verdict)
}

/// A recorded tensor; `exact` holds 64-bit numbers as they are.
#[derive(Debug)]
struct Recorded {
    shape: Vec<usize>,
    values: Vec<f32>,
    exact: Vec<f64>,
}

struct Recording {
    path: std::path::PathBuf,
    tensors: BTreeMap<String, Recorded>,
    metadata: HashMap<String, String>,
}

impl Recording {
    fn open(path: &Path) -> Result<Recording, SnnError> {
        let data = fs::read(path).map_err(FileError::read(path))?;
        let broken = |cause: String| SnnError::Broken { path: path.to_path_buf(), cause };
        let fail = |e: safetensors::SafeTensorError| broken(format!("it is not a whole safetensors file ({e})"));
        let file = SafeTensors::deserialize(&data).map_err(fail)?;
        let (_, header) = SafeTensors::read_metadata(&data).map_err(fail)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let exact: Vec<f64> = match view.dtype() {
                Dtype::F32 => numbers(view.data(), |b| f64::from(f32::from_le_bytes(b))),
                Dtype::F64 => numbers(view.data(), f64::from_le_bytes),
                Dtype::I64 => numbers(view.data(), |b| i64::from_le_bytes(b) as f64),
                other => {
                    return Err(broken(format!("tensor {name} is of type {other:?}; f32, f64 and i64 are read")));
                }
            };
            let values = exact.iter().map(|x| *x as f32).collect();
            tensors.insert(name, Recorded { shape: view.shape().to_vec(), values, exact });
        }
        let metadata = header.metadata().clone().unwrap_or_default();
        Ok(Recording { path: path.to_path_buf(), tensors, metadata })
    }

    fn lacks(&self, cause: impl Into<String>) -> SnnError {
        SnnError::Broken { path: self.path.clone(), cause: cause.into() }
    }

    fn tensor(&self, name: &str) -> Result<&Recorded, SnnError> {
        self.tensors.get(name).ok_or_else(|| self.lacks(format!("tensor {name} is missing")))
    }

    fn matrix(&self, name: &str) -> Result<[usize; 2], SnnError> {
        let shape = &self.tensor(name)?.shape;
        <[usize; 2]>::try_from(shape.as_slice()).map_err(|_| self.lacks(format!("{name} has shape {shape:?}")))
    }

    /// The trains of a batch, (B, T, D).
    fn trains(&self, name: &str, inputs: usize) -> Result<Vec<Spikes>, SnnError> {
        let tensor = self.tensor(name)?;
        match tensor.shape[..] {
            [_, steps, d] if d == inputs && steps > 0 => {
                tensor.values.chunks_exact(steps * d).map(|dense| Spikes::from_dense(dense, d)).collect()
            }
            _ => Err(self.lacks(format!("{name} has shape {:?}; wanted: images, steps, {inputs}", tensor.shape))),
        }
    }

    fn constants(&self, hidden: usize) -> Result<Constants, SnnError> {
        let number = |key: &str, default: f64| match self.metadata.get(key) {
            None => Ok(default),
            Some(text) => text.parse::<f64>().map_err(|_| self.lacks(format!("metadata `{key}` is `{text}`"))),
        };
        let d = Constants::default();
        let dt = number("dt", d.dt)?;
        Ok(Constants {
            hidden,
            k_hidden: number("k_hidden", d.k_hidden as f64)? as usize,
            k_output: number("k_output", d.k_output as f64)? as usize,
            dt,
            tau_h: number("tau_h", d.tau_h)?,
            tau_o: number("tau_o", d.tau_o)?,
            vth_h: number("vth_h", d.vth_h)?,
            vth_o: number("vth_o", d.vth_o)?,
            eta1: number("eta1", d.eta1)?,
            eta2: number("eta2", d.eta2)?,
            eta2_neg: number("eta2_neg", d.eta2_neg)?,
            // The notebook takes any rate: above 1/dt the teacher fires in every step.
            teacher_rate_hz: number("teacher_rate_hz", d.teacher_rate_hz)?.min(1.0 / dt),
            decay1: number("decay1", d.decay1)?,
            decay2: number("decay2", d.decay2)?,
            ..d
        })
    }

    /// Compares numbers with the recorded ones of this name, if there are some.
    fn compare(&self, name: &str, ours: &[f32], verdict: &mut Verdict) -> Result<(), SnnError> {
        let Some(theirs) = self.tensors.get(name) else { return Ok(()) };
        if theirs.exact.len() != ours.len() {
            return Err(self.lacks(format!("tensor {name} has shape {:?}, ours {} numbers", theirs.shape, ours.len())));
        }
        verdict.tensors += 1;
        let (ratio, error) = worst(ours, &theirs.exact);
        if ratio > verdict.worst || verdict.worst_tensor.is_empty() {
            (verdict.worst, verdict.worst_tensor, verdict.worst_error) = (ratio, name.to_string(), error);
        }
        Ok(())
    }
}

/// Numbers of N bytes each.
fn numbers<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    data.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
}

/// The largest error as a multiple of what is tolerated, and the largest error; NaN counts as infinite.
pub fn worst(ours: &[f32], theirs: &[f64]) -> (f64, f64) {
    let largest = theirs.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    let (mut ratio, mut error) = (0.0f64, 0.0f64);
    for (ours, theirs) in ours.iter().zip(theirs) {
        let e = (f64::from(*ours) - theirs).abs();
        let e = if e.is_nan() { f64::INFINITY } else { e };
        error = error.max(e);
        // Where nothing is tolerated (a tensor of zeros) the slightest error is too much.
        ratio = ratio.max(e / (RELATIVE * theirs.abs() + OF_LARGEST * largest + f64::MIN_POSITIVE));
    }
    (ratio, error)
}
