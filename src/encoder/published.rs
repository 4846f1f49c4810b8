//! The encoder as it was published, with lateral weights (C, N, N) and a full outer product a channel.
//!
//! Written line by line from the rule, for comparison only: the tests hold [`super::Encoder`] against it, and the
//! benchmark measures both.

use tch::{Kind, Tensor};

use super::model::{Convolution, Encoder, Rule, StepLog, Variant};

/// The stack in the published form.
#[derive(Debug)]
pub struct Published {
    /// Convolution and lateral weights (C, N, N) of each layer.
    pub layers: Vec<(Convolution, Tensor)>,
    rule: Rule,
}

impl Published {
    /// The convolutions of an encoder, laterals of zero.
    pub fn like(encoder: &Encoder) -> Published {
        let layer = |l: &super::model::Layer| {
            let c = &l.convolution;
            let (n, device) = (l.lateral.positions(), c.weight.device());
            let copy = Convolution { weight: c.weight.copy(), bias: c.bias.copy() };
            (copy, Tensor::zeros([c.channels(), n, n], (Kind::Float, device)))
        };
        Published { layers: encoder.layers.iter().map(layer).collect(), rule: encoder.rule }
    }

    /// Learns from a batch (B, C, H, W); the last layer's output (B, D) and what is logged.
    pub fn step(&mut self, x: &Tensor) -> (Tensor, StepLog) {
        let rule = self.rule;
        let mut x = x.shallow_clone();
        let mut delta = Tensor::new();
        for (convolution, lateral) in &mut self.layers {
            let a = convolution.activity(&x, rule.variant);
            let flat = a.flatten(2, 3); // (B, C, N)
            let hebbian = Tensor::einsum("bci,bcj->cij", &[&flat, &flat], None::<i64>); // (C, N, N)
            delta = hebbian.mean_dim([0i64].as_slice(), false, Kind::Float) * rule.rate; // (N, N)
            let _ = lateral.g_add_(&delta).clamp_(-rule.clamp, rule.clamp);
            let l = Tensor::einsum("bci,cij->bcj", &[&flat, &*lateral], None::<i64>);
            let out = match rule.variant {
                Variant::V1 => &flat + l,
                Variant::V2 => &flat + (&l - l.mean_dim([2i64].as_slice(), true, Kind::Float)),
            };
            x = out.view_as(&a);
        }
        let log = StepLog {
            energy: x.square().mean(Kind::Float).double_value(&[]),
            delta: delta.abs().mean(Kind::Float).double_value(&[]),
            norm: self.layers.last().map_or(0.0, |(_, lateral)| lateral.norm().double_value(&[])),
        };
        (x.flatten(1, -1), log)
    }
}
