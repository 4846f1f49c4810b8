//! Checkpoints: `conv{i}.weight` (C, C', 3, 3), `conv{i}.bias` (C), `lateral{i}` (N, N), and how far the run is.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::model::Convolution;
use super::{Encoder, EncoderError, Plan};
use crate::files::{FileError, RunDir, write_atomic};

/// Key of the metadata.
const KEY: &str = "encode";

/// How far a run is. Holds no time, so that two runs of one plan leave the same file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs finished.
    pub epochs: u64,
    /// Images of the next epoch's order that are done.
    pub position: usize,
    /// Steps finished in the whole run.
    pub steps: u64,
}

/// Writes a checkpoint into a run's folder.
///
/// # Errors
/// When the file cannot be written.
pub fn save(dir: &RunDir, encoder: &Encoder, progress: Progress) -> Result<(), EncoderError> {
    let path = dir.checkpoint();
    let broken = |e: safetensors::SafeTensorError| broken(&path, e.to_string());
    let mut tensors = Vec::new();
    for (i, layer) in encoder.layers.iter().enumerate() {
        let c = &layer.convolution;
        for (name, tensor) in [
            (format!("conv{i}.bias"), &c.bias),
            (format!("conv{i}.weight"), &c.weight),
            (format!("lateral{i}"), &layer.lateral.full()),
        ] {
            let tensor = tensor.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
            let mut data = vec![0u8; tensor.numel() * 4];
            tensor.copy_data_u8(&mut data, tensor.numel());
            tensors.push((name, tensor.size().iter().map(|n| *n as usize).collect::<Vec<_>>(), data));
        }
    }
    let views = tensors.iter().map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), data)?)));
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>().map_err(broken)?;
    let text = serde_json::to_string(&progress).unwrap_or_default(); // plain numbers: cannot fail
    let metadata = HashMap::from([(KEY.to_string(), text)]);
    let data = safetensors::serialize(views, Some(metadata)).map_err(broken)?;
    Ok(write_atomic(&path, |out| out.write_all(&data))?)
}

/// Reads the checkpoint of a run with this plan.
///
/// # Errors
/// When the file is missing, broken, or does not fit the plan.
pub fn load(dir: &RunDir, plan: &Plan) -> Result<(Encoder, Progress), EncoderError> {
    let path = dir.checkpoint();
    let data = std::fs::read(&path).map_err(FileError::read(&path))?;
    read(&path, &data, plan)
}

fn read(path: &Path, data: &[u8], plan: &Plan) -> Result<(Encoder, Progress), EncoderError> {
    let broken = |cause: String| broken(path, cause);
    let whole = |e: safetensors::SafeTensorError| broken(format!("it is not a whole safetensors file ({e})"));
    let file = SafeTensors::deserialize(data).map_err(whole)?;
    let (_, header) = SafeTensors::read_metadata(data).map_err(whole)?;
    let text = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let text = text.ok_or_else(|| broken(format!("it is no checkpoint of `encode`: its metadata has no `{KEY}`")))?;
    let progress: Progress = serde_json::from_str(text).map_err(|e| broken(format!("its metadata: {e}")))?;
    let tensor = |name: String| -> Result<Tensor, EncoderError> {
        let view = file.tensor(&name).map_err(|e| broken(format!("tensor {name}: {e}")))?;
        if view.dtype() != Dtype::F32 {
            return Err(broken(format!("tensor {name} is of type {:?}, not f32", view.dtype())));
        }
        let shape: Vec<i64> = view.shape().iter().map(|n| *n as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, Kind::Float).map_err(|e| broken(e.to_string()))?;
        let finite = tensor.isfinite().all().int64_value(&[]) == 1;
        if finite { Ok(tensor) } else { Err(broken(format!("tensor {name} holds values that are no numbers"))) }
    };
    plan.check()?;
    let mut convolutions = Vec::new();
    for (i, channels) in plan.layers.iter().enumerate() {
        let c = Convolution { weight: tensor(format!("conv{i}.weight"))?, bias: tensor(format!("conv{i}.bias"))? };
        if c.weight.dim() != 4 || c.weight.size()[0] != *channels {
            let found = c.weight.size();
            return Err(broken(format!("layer {i} has weights of shape {found:?}, the plan {channels} channels")));
        }
        convolutions.push(c);
    }
    let mut encoder =
        Encoder::from_convolutions(plan.input(), convolutions, plan.rule).map_err(|e| broken(e.to_string()))?;
    for (i, layer) in encoder.layers.iter_mut().enumerate() {
        let lateral = tensor(format!("lateral{i}"))?;
        let n = layer.lateral.positions();
        if lateral.size() != [n, n] {
            let found = lateral.size();
            return Err(broken(format!("lateral{i} has shape {found:?}, images of the plan's size [{n}, {n}]")));
        }
        // A block on the diagonal is computed whole, so rounding may tell its two halves apart.
        let largest = |t: &Tensor| t.abs().max().double_value(&[]);
        if largest(&(&lateral - lateral.tr())) > 1e-3 * largest(&lateral) {
            return Err(broken(format!("lateral{i} is not symmetric")));
        }
        layer.lateral.set(&lateral);
    }
    Ok((encoder, progress))
}

fn broken(path: &Path, cause: String) -> EncoderError {
    EncoderError::Broken { path: path.to_path_buf(), cause }
}
