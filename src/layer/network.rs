//! A network: blocks in a row, with the state names of the published program (`blocks.N.layer.weight` …).

use std::collections::BTreeMap;

use tch::{Device, Tensor};

use super::block::Layer;
use super::{Block, Mode};
use crate::device;
use crate::preset::config::NetworkConfig;

/// A state that does not fit the network.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A tensor of the network is not in the state.
    #[error("tensor {0} is missing")]
    Missing(String),
    /// A tensor has another shape.
    #[error("tensor {name} has shape {found:?}, the network's is {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape in the state.
        found: Vec<i64>,
        /// Its shape in the network.
        expected: Vec<i64>,
    },
    /// The state has a tensor that the network has not.
    #[error("tensor {0} belongs to no block of the network")]
    Unknown(String),
}

/// A network on one device.
#[derive(Debug)]
pub struct Network {
    /// Its blocks, first to last.
    pub blocks: Vec<Block>,
    config: NetworkConfig,
    device: Device,
}

impl Network {
    /// A network with fresh weights: those of block N depend on the seed and N alone.
    pub fn new(config: &NetworkConfig, seed: u64, device: Device) -> Network {
        let block = |(i, b)| Block::new(b, &mut device::rng(seed, &["initial weights".into(), i]), device);
        let blocks = config.blocks.iter().enumerate().map(|(i, b)| (device::Stream::from(i as u64), b)).map(block);
        Network { blocks: blocks.collect(), config: config.clone(), device }
    }

    /// Chooses how the products of its Hebbian layers are computed.
    pub fn set_precision(&mut self, precision: device::Precision) {
        self.blocks.iter_mut().filter_map(Block::hebbian_mut).for_each(|layer| layer.set_precision(precision));
    }

    /// Its settings.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Where it lives.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Runs blocks `range` in eval mode, without gradients.
    pub fn infer(&mut self, x: &Tensor, range: std::ops::Range<usize>) -> Tensor {
        tch::no_grad(|| self.blocks[range].iter_mut().fold(x.shallow_clone(), |x, block| block.forward(&x, Mode::Eval)))
    }

    /// Makes every update that waits.
    pub fn apply_updates(&mut self) {
        for block in &mut self.blocks {
            if let Layer::Hebbian(layer) = &mut block.layer {
                layer.apply();
            }
        }
    }

    /// Every state tensor by its published name.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let named =
            |(i, b): (usize, &Block)| b.state().into_iter().map(move |(name, t)| (format!("blocks.{i}.{name}"), t));
        self.blocks.iter().enumerate().flat_map(named).collect()
    }

    /// Overwrites the state of the blocks that `wanted` picks; everything is checked before anything changes.
    ///
    /// # Errors
    /// When a tensor is missing, has another shape, or belongs to no block.
    pub fn load(&mut self, state: &BTreeMap<String, Tensor>, wanted: impl Fn(usize) -> bool) -> Result<(), StateError> {
        let block_of = |name: &str| name.strip_prefix("blocks.")?.split('.').next()?.parse::<usize>().ok();
        let mine = self.state();
        if let Some(name) = state.keys().find(|name| !mine.contains_key(*name) && block_of(name).is_none_or(&wanted)) {
            return Err(StateError::Unknown(name.clone()));
        }
        let wanted_names: Vec<&String> = mine.keys().filter(|name| block_of(name).is_some_and(&wanted)).collect();
        for name in &wanted_names {
            let (expected, found) = (mine[*name].size(), state.get(*name).map(Tensor::size));
            match found {
                None => return Err(StateError::Missing((*name).clone())),
                Some(found) if found != expected => {
                    return Err(StateError::Shape { name: (*name).clone(), found, expected });
                }
                Some(_) => {}
            }
        }
        for name in wanted_names {
            if let (Some(i), Some(rest)) = (block_of(name), name.splitn(3, '.').nth(2)) {
                self.blocks[i].set_state(rest, &state[name].to_device(self.device));
            }
        }
        Ok(())
    }
}
