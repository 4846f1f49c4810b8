//! A layer that learns by backpropagation: libtorch's Linear or Conv2d, its weights leaves of the graph.

use rand::Rng;
use tch::{Device, Tensor};

use super::{init, patches};
use crate::preset::config::{Arch, LayerConfig};

/// A backpropagation layer.
#[derive(Debug)]
pub struct Backprop {
    config: LayerConfig,
    arch: Arch,
    /// `(O, C/G, k, k)` or `(O, K)`.
    pub weight: Tensor,
    /// `(O)`: always for a fully connected layer, with `b1` for a convolution.
    pub bias: Option<Tensor>,
}

impl Backprop {
    /// A layer with libtorch's default initialisation.
    pub fn new(config: &LayerConfig, arch: Arch, rng: &mut impl Rng, device: Device) -> Backprop {
        let (o, k, inputs) = (config.out_channels, config.kernel_size, config.in_channels / config.groups);
        let (shape, inputs) = match arch {
            Arch::Mlp => (vec![o, inputs], inputs),
            Arch::Cnn => (vec![o, inputs, k, k], inputs * k * k),
        };
        let weight = init::backprop(&shape, inputs, rng).to_device(device);
        let has_bias = arch == Arch::Mlp || config.add_bias;
        let bias = has_bias.then(|| init::backprop(&[o], inputs, rng).to_device(device));
        Backprop { config: config.clone(), arch, weight, bias }
    }

    /// Its settings.
    pub fn config(&self) -> &LayerConfig {
        &self.config
    }

    /// `(B, K)` to `(B, O)`, or `(B, C, H, W)` to `(B, O, H', W')`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        match self.arch {
            Arch::Mlp => x.linear(&self.weight, self.bias.as_ref()),
            Arch::Cnn => {
                let c = &self.config;
                // On the CPU, convolutions take this order as it is, and max pooling is vectorised in this order only.
                let x = if x.device() == Device::Cpu { patches::channels_last(x) } else { x.shallow_clone() };
                let x = patches::pad(&x, c);
                x.conv2d(&self.weight, self.bias.as_ref(), [c.stride; 2], [0, 0], [c.dilation; 2], c.groups)
            }
        }
    }

    /// Its parameters, weight first.
    pub fn parameters(&self) -> Vec<Tensor> {
        std::iter::once(&self.weight).chain(&self.bias).map(Tensor::shallow_clone).collect()
    }

    /// Whether autograd follows its parameters.
    pub fn set_trainable(&mut self, trainable: bool) {
        for p in std::iter::once(&mut self.weight).chain(&mut self.bias) {
            *p = p.set_requires_grad(trainable);
        }
    }
}
