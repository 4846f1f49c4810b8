//! Shapes: from the image to the classes, block by block.
//!
//! A convolution makes n' = ⌊(n + 2p − d(k−1) − 1)/s⌋ + 1 pixels of n, a pool n' = ⌊(n + 2p − k)/s⌋ + 1, for rows and
//! columns by themselves; a flatten hands C·H·W features on. The last block, if it is trained by backpropagation, gets
//! one unit a class.

use super::catalogue::Catalogue;
use super::config::{Arch, BlockConfig, DatasetConfig, LayerConfig, Method, NetworkConfig, Operation, PaddingMode};
use super::error::PresetError;
use super::key::{Key, KeyValue};
use super::layer::layer_config;
use super::model::{BlockEntry, ModelSpec};
use super::problem::BlockProblem;

/// The largest side of an image, and the most channels and classes.
pub const LARGEST_SIDE: i64 = 1_000_000;

/// The network of a model on a data set.
pub fn resolve(
    catalogue: &Catalogue,
    model: &ModelSpec,
    dataset: &DatasetConfig,
) -> Result<NetworkConfig, PresetError> {
    let image = [dataset.channels, dataset.height, dataset.width];
    resolve_on(catalogue, model, image, dataset.out_channels)
}

/// The network of a model on images of `[channels, height, width]` in so many classes.
pub fn resolve_on(
    catalogue: &Catalogue,
    model: &ModelSpec,
    image: [i64; 3],
    classes: i64,
) -> Result<NetworkConfig, PresetError> {
    if image.iter().chain([&classes]).any(|n| !(1..=LARGEST_SIDE).contains(n)) {
        return Err(PresetError::ImageShape { shape: shape_text(image), classes });
    }
    let mut blocks: Vec<BlockConfig> = Vec::with_capacity(model.blocks.len());
    let mut state = State { shape: image, flat: false };
    for (i, entry) in model.blocks.iter().enumerate() {
        let last = i + 1 == model.blocks.len();
        let block = one_block(catalogue, entry, state, last.then_some(classes))
            .map_err(|problem| PresetError::Block { block: i, text: entry.block.to_string(), problem })?;
        state = State { shape: block.out_shape, flat: block.arch == Arch::Mlp };
        blocks.push(block);
    }
    Ok(NetworkConfig { name: model.name.clone(), in_shape: image, classes, blocks })
}

/// What to say where the last block of a model was given another number of units than it asks for: one a class.
pub fn replaced_units(model: &ModelSpec, network: &NetworkConfig) -> Option<String> {
    let (asked, made) = (&model.blocks.last()?.block, network.blocks.last()?);
    let units = asked.out_channels()?;
    (units != made.layer.out_channels).then(|| {
        let (block, n) = (network.blocks.len() - 1, made.layer.out_channels);
        format!("block {block} has {n} units in place of {units}: a last block that backpropagation trains has one a class, and the data has {n}")
    })
}

/// What goes from block to block.
#[derive(Clone, Copy)]
struct State {
    /// `[channels, height, width]`, `[features, 1, 1]` when flat.
    shape: [i64; 3],
    /// Vectors, not images.
    flat: bool,
}

/// Resolves one block; `classes` is given for the last one.
fn one_block(
    catalogue: &Catalogue,
    entry: &BlockEntry,
    input: State,
    classes: Option<i64>,
) -> Result<BlockConfig, BlockProblem> {
    let seen = operate(&entry.operations, entry.arch, input)?;
    let method = entry.block.method;
    let units = classes.filter(|_| method == Method::Bp);
    let layer = layer_config(catalogue.layer_defaults(entry.arch), entry, seen.shape[0], units)?;
    let layer_shape = match entry.arch {
        Arch::Cnn => convolve(&layer, seen.shape)?,
        Arch::Mlp => [layer.out_channels, 1, 1],
    };
    let out_shape = pool(entry, layer_shape)?;
    if let Some(classes) = classes {
        if entry.arch == Arch::Cnn && method == Method::Bp {
            return Err(BlockProblem::ConvolutionalClassifier { shape: shape_text(out_shape) });
        }
        if layer.supervised && layer.out_channels != classes {
            return Err(BlockProblem::Classes { units: layer.out_channels, classes });
        }
    }
    let mut block = entry.block.clone();
    if units.is_some() {
        // The string tells the units that the layer has. They are in range: an image's classes are bounded.
        let _ = block.set(Key::OutChannels, KeyValue::Whole(layer.out_channels));
    }
    Ok(BlockConfig {
        block: block.to_string(),
        arch: entry.arch,
        operations: entry.operations.clone(),
        dropout: entry.dropout,
        layer,
        activation: entry.activation,
        batch_norm: entry.batch_norm,
        pool: entry.pool,
        in_shape: input.shape,
        layer_shape,
        out_shape,
    })
}

/// What a block's operations hand to its layer.
fn operate(operations: &[Operation], arch: Arch, input: State) -> Result<State, BlockProblem> {
    let mut state = input;
    for operation in operations {
        match operation {
            Operation::BatchNorm2d if state.flat => {
                return Err(BlockProblem::Flat { what: "batchnorm2d", features: state.shape[0] });
            }
            Operation::BatchNorm1d if !state.flat => {
                return Err(BlockProblem::NormOnImages { shape: shape_text(state.shape) });
            }
            Operation::Flatten if arch == Arch::Cnn => return Err(BlockProblem::FlattenedConvolution),
            Operation::Flatten => {
                let [c, h, w] = state.shape;
                let features = c.checked_mul(h).and_then(|n| n.checked_mul(w));
                let features = features.ok_or(BlockProblem::TooLarge { what: "inputs", limit: i64::MAX })?;
                state = State { shape: [features, 1, 1], flat: true };
            }
            _ => {}
        }
    }
    match (arch, state.flat) {
        (Arch::Mlp, false) => Err(BlockProblem::NotFlat { shape: shape_text(state.shape) }),
        (Arch::Cnn, true) => Err(BlockProblem::Flat { what: "a convolution", features: state.shape[0] }),
        _ => Ok(state),
    }
}

/// Shape of a convolution's output.
fn convolve(layer: &LayerConfig, [_, height, width]: [i64; 3]) -> Result<[i64; 3], BlockProblem> {
    let padding = layer.padding;
    let small = height.min(width);
    // libtorch mirrors at most the image less its edge, and wraps at most the whole image.
    let (mode, limit, fits) = match layer.padding_mode {
        PaddingMode::Reflect => ("reflect", "smaller than", padding < small),
        PaddingMode::Circular => ("circular", "at most", padding <= small),
        PaddingMode::Zeros | PaddingMode::Replicate => ("", "", true),
    };
    if !fits {
        return Err(BlockProblem::PaddingTooLarge { padding, mode, height, width, limit });
    }
    let span = layer.dilation * (layer.kernel_size - 1) + 1;
    let side = |n: i64| n + 2 * padding - span;
    if side(small) < 0 {
        return Err(BlockProblem::KernelTooLarge { kernel: span, height, width, padding });
    }
    Ok([layer.out_channels, side(height) / layer.stride + 1, side(width) / layer.stride + 1])
}

/// Shape after the block's pool.
fn pool(entry: &BlockEntry, [channels, height, width]: [i64; 3]) -> Result<[i64; 3], BlockProblem> {
    let Some(pool) = entry.pool else {
        return Ok([channels, height, width]);
    };
    if entry.arch == Arch::Mlp {
        return Err(BlockProblem::PoolOnMlp { pool: pool.to_string() });
    }
    if pool.padding > pool.kernel / 2 {
        let (padding, kernel) = (pool.padding, pool.kernel);
        return Err(BlockProblem::PoolPadding { pool: pool.to_string(), padding, kernel });
    }
    let side = |n: i64| n + 2 * pool.padding - pool.kernel;
    if side(height.min(width)) < 0 {
        return Err(BlockProblem::PoolTooLarge { pool: pool.to_string(), height, width });
    }
    Ok([channels, side(height) / pool.stride + 1, side(width) / pool.stride + 1])
}

/// `96×16×16`: channels, height, width.
pub fn shape_text([channels, height, width]: [i64; 3]) -> String {
    format!("{channels}×{height}×{width}")
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
