//! A block: operations → dropout → layer → activation → batch norm → pool (§1 of the published program's order).

use rand::Rng;
use tch::{Device, Tensor};

use super::backprop::Backprop;
use super::norm::{self, BatchNorm};
use super::{Hebbian, Mode, activation, dropout, finish, pool};
use crate::preset::config::{Arch, BlockConfig, Operation};

/// The layer of a block.
#[derive(Debug)]
pub enum Layer {
    /// Learns by a local rule.
    Hebbian(Box<Hebbian>),
    /// Learns by backpropagation.
    Backprop(Box<Backprop>),
}

/// A block of a network.
#[derive(Debug)]
pub struct Block {
    config: BlockConfig,
    /// One entry an operation; those without state are `None`.
    norms: Vec<Option<BatchNorm>>,
    /// The layer.
    pub layer: Layer,
    batch_norm: Option<BatchNorm>,
}

impl Block {
    /// A block with fresh weights.
    pub fn new(config: &BlockConfig, rng: &mut impl Rng, device: Device) -> Block {
        let [c, h, w] = config.in_shape;
        let norms = config.operations.iter().map(|operation| match operation {
            Operation::BatchNorm2d => Some(BatchNorm::new(c, device)),
            Operation::BatchNorm1d if config.operations.contains(&Operation::Flatten) => {
                Some(BatchNorm::new(c * h * w, device))
            }
            Operation::BatchNorm1d => Some(BatchNorm::new(c, device)),
            Operation::Flatten | Operation::Max | Operation::NormNorm => None,
        });
        let norms = norms.collect();
        let layer = if config.layer.method.is_hebbian() {
            Layer::Hebbian(Box::new(Hebbian::new(&config.layer, config.arch, rng, device)))
        } else {
            Layer::Backprop(Box::new(Backprop::new(&config.layer, config.arch, rng, device)))
        };
        let batch_norm = config.batch_norm.then(|| BatchNorm::new(config.layer.out_channels, device));
        Block { config: config.clone(), norms, layer, batch_norm }
    }

    /// Its settings.
    pub fn config(&self) -> &BlockConfig {
        &self.config
    }

    /// The Hebbian layer, if it is one.
    pub fn hebbian(&self) -> Option<&Hebbian> {
        match &self.layer {
            Layer::Hebbian(layer) => Some(layer),
            Layer::Backprop(_) => None,
        }
    }

    /// The Hebbian layer, if it is one.
    pub fn hebbian_mut(&mut self) -> Option<&mut Hebbian> {
        match &mut self.layer {
            Layer::Hebbian(layer) => Some(layer),
            Layer::Backprop(_) => None,
        }
    }

    fn uses_fast_form(&self) -> bool {
        self.hebbian().is_some_and(Hebbian::is_fast)
    }

    /// The layer, where the block is nothing but dropout and a fully connected layer (with bias) that learns by
    /// backpropagation, on flat inputs.
    pub fn as_classifier(&self) -> Option<(&Backprop, Option<f64>)> {
        let c = &self.config;
        let plain = c.activation.is_none() && !c.batch_norm && c.pool.is_none() && c.arch == Arch::Mlp;
        match &self.layer {
            Layer::Backprop(layer) if plain && c.operations.iter().all(|o| *o == Operation::Flatten) => {
                Some((layer, c.dropout))
            }
            _ => None,
        }
    }

    /// The layer's input: what the operations and dropout make of the block's input.
    fn prepare(&mut self, x: &Tensor, mode: Mode) -> Tensor {
        let mut x = x.shallow_clone();
        for (operation, norm) in self.config.operations.iter().zip(&mut self.norms) {
            x = match (operation, norm) {
                (Operation::BatchNorm2d | Operation::BatchNorm1d, Some(norm)) => norm.forward(&x, mode),
                (Operation::Flatten, _) => x.flatten(1, -1),
                (Operation::Max, _) => norm::max_norm(&x),
                (Operation::NormNorm, _) => norm::norm_norm(&x),
                (Operation::BatchNorm2d | Operation::BatchNorm1d, None) => x,
            };
        }
        match (self.config.dropout, mode) {
            (Some(p), Mode::Train { seed }) => dropout::apply(&x, p, seed),
            _ => x,
        }
    }

    /// Pre-activations of the layer. In training a Hebbian layer also prepares its update.
    pub fn preactivate(&mut self, x: &Tensor, mode: Mode) -> Tensor {
        let x = self.prepare(x, mode);
        match &mut self.layer {
            Layer::Hebbian(layer) => layer.forward(&x, mode),
            Layer::Backprop(layer) => layer.forward(&x),
        }
    }

    /// The block's output from its layer's pre-activations.
    pub fn finish(&mut self, u: Tensor, mode: Mode) -> Tensor {
        if let (Some(a), Some(p), false, true) =
            (&self.config.activation, &self.config.pool, self.config.batch_norm, self.uses_fast_form())
            && finish::knows(a, p)
            && let Some(x) = finish::triangle_pool(&u, a.param, p)
        {
            return x;
        }
        let mut x = u;
        if let Some(a) = &self.config.activation {
            x = activation::apply(a, &x);
        }
        if let Some(norm) = &mut self.batch_norm {
            x = norm.forward(&x, mode);
        }
        match &self.config.pool {
            Some(p) => pool::apply(p, &x),
            None => x,
        }
    }

    /// The whole block: `(B, C, H, W)` to `(B, C', H', W')` or `(B, C')`.
    pub fn forward(&mut self, x: &Tensor, mode: Mode) -> Tensor {
        let u = self.preactivate(x, mode);
        self.finish(u, mode)
    }

    /// Visits every state tensor with its name in the published program, without the `blocks.N.` before it.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut all = Vec::new();
        let mut norm = |name: String, n: &BatchNorm| {
            all.push((format!("{name}.running_mean"), n.running_mean.shallow_clone()));
            all.push((format!("{name}.running_var"), n.running_var.shallow_clone()));
            all.push((format!("{name}.num_batches_tracked"), Tensor::from(n.tracked)));
        };
        for (i, n) in self.norms.iter().enumerate() {
            if let Some(n) = n {
                norm(format!("operations.{i}"), n);
            }
        }
        if let Some(n) = &self.batch_norm {
            norm("batch_norm".to_string(), n);
        }
        let (weight, bias) = match &self.layer {
            Layer::Hebbian(layer) => (layer.weight(), layer.bias().map(Tensor::shallow_clone)),
            Layer::Backprop(layer) => (layer.weight.detach(), layer.bias.as_ref().map(Tensor::detach)),
        };
        all.push(("layer.weight".to_string(), weight));
        all.extend(bias.map(|b| ("layer.bias".to_string(), b)));
        all
    }

    /// Overwrites one state tensor; the shape was checked by [`super::Network::load`].
    pub(super) fn set_state(&mut self, name: &str, value: &Tensor) {
        let copy = |mut to: Tensor| tch::no_grad(|| to.copy_(&value.view(to.size().as_slice())));
        let norm = |n: &mut BatchNorm, field: &str| match field {
            "running_mean" => copy(n.running_mean.shallow_clone()),
            "running_var" => copy(n.running_var.shallow_clone()),
            _ => n.tracked = value.double_value(&[]) as i64,
        };
        match (name, &mut self.layer) {
            ("layer.weight", Layer::Hebbian(layer)) => layer.set_weight(value),
            ("layer.bias", Layer::Hebbian(layer)) => layer.set_bias(value),
            ("layer.weight", Layer::Backprop(layer)) => copy(layer.weight.detach()),
            ("layer.bias", Layer::Backprop(layer)) => {
                if let Some(b) = &layer.bias {
                    copy(b.detach());
                }
            }
            _ => {
                let (owner, field) = name.rsplit_once('.').unwrap_or((name, ""));
                if owner == "batch_norm" {
                    self.batch_norm.iter_mut().for_each(|n| norm(n, field));
                } else if let Some(i) = owner.strip_prefix("operations.").and_then(|i| i.parse::<usize>().ok()) {
                    self.norms.get_mut(i).into_iter().flatten().for_each(|n| norm(n, field));
                }
            }
        }
    }
}
