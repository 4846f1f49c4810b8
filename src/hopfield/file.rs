//! Networks as safetensors: `weights` (N, N) with the dynamics in the metadata, or `patterns` (P, N) of a modern network.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::memory::Storing;
use super::{HopfieldError, Memory, Network};
use crate::files::{FileError, write_atomic};
use crate::layer::wide::numbers;

/// Key of the metadata.
const KEY: &str = "hopfield";

/// What the metadata hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// How the patterns were stored.
    pub storing: Storing,
}

/// Writes a network.
///
/// # Errors
/// When the file cannot be written.
pub fn save(path: &Path, memory: &Memory, storing: &Storing) -> Result<(), HopfieldError> {
    let broken = |cause: String| HopfieldError::Broken { path: path.to_path_buf(), cause };
    let (name, tensor) = memory.tensor();
    let shape: Vec<usize> = tensor.size().iter().map(|n| *n as usize).collect();
    let data: Vec<u8> = numbers(tensor).iter().flat_map(|x| x.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, shape, &data).map_err(|e| broken(e.to_string()))?;
    let text = serde_json::to_string(&Note { storing: *storing }).map_err(|e| broken(e.to_string()))?;
    let metadata = HashMap::from([(KEY.to_string(), text)]);
    let bytes = safetensors::serialize([(name, view)], Some(metadata)).map_err(|e| broken(e.to_string()))?;
    Ok(write_atomic(path, |out| out.write_all(&bytes))?)
}

/// Reads a network's weights and how they were stored.
///
/// # Errors
/// When the file is missing, broken, or not of a network with weights.
pub fn load(path: &Path) -> Result<(Network, Storing), HopfieldError> {
    let broken = |cause: String| HopfieldError::Broken { path: path.to_path_buf(), cause };
    let bytes = fs::read(path).map_err(FileError::read(path))?;
    let whole = |e: safetensors::SafeTensorError| broken(format!("it is not a whole safetensors file ({e})"));
    let file = SafeTensors::deserialize(&bytes).map_err(whole)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(whole)?;
    let text = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let text = text.ok_or_else(|| broken(format!("it is no network of `hopfield`: its metadata has no `{KEY}`")))?;
    let note: Note = serde_json::from_str(text).map_err(|e| broken(format!("its metadata: {e}")))?;
    let view = file.tensor("weights").map_err(|e| broken(format!("tensor weights: {e}")))?;
    if view.dtype() != Dtype::F32 {
        return Err(broken(format!("tensor weights is of type {:?}, not f32", view.dtype())));
    }
    let values: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let shape: Vec<i64> = view.shape().iter().map(|n| *n as i64).collect();
    let weights = Tensor::from_slice(&values).view(shape.as_slice());
    Ok((Network::with_weights(&weights, note.storing.dynamics)?, note.storing))
}
