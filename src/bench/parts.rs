//! What a Hebbian step's time goes into: each part of each block by itself, on inputs of its own shape.

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::Times;
use super::machine::shape;
use crate::device::Precision;
use crate::layer::competition::Competition;
use crate::layer::{Mode, Network, fused, patches, plasticity, wide};
use crate::preset::config::{Arch, Method, NetworkConfig};

/// A part of a step.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Which block.
    pub block: usize,
    /// Which part.
    pub name: &'static str,
    /// Its times.
    pub times: Times,
}

/// Measures the parts of every Hebbian block in the form that training uses on this device.
pub fn breakdown(config: &NetworkConfig, batch: i64, on: Device, precision: Precision, repeats: usize) -> Vec<Part> {
    let mut network = Network::new(config, 0, on);
    let operands = if precision == Precision::Bf16 { Kind::BFloat16 } else { Kind::Float };
    let mut all = Vec::new();
    for i in (0..config.blocks.len()).filter(|i| config.blocks[*i].layer.method.is_hebbian()) {
        tch::no_grad(|| block(&mut network, i, batch, operands, repeats, &mut all));
    }
    all
}

fn block(network: &mut Network, i: usize, batch: i64, operands: Kind, repeats: usize, all: &mut Vec<Part>) {
    let on = network.device();
    let config = network.blocks[i].config().clone();
    let (g, o) = (config.layer.groups, (Kind::Float, on));
    let (n, k, m) = shape(&config, batch);
    let mut measure = |name, work: &mut dyn FnMut()| {
        all.push(Part { block: i, name, times: Times::of(repeats, on, work) });
    };
    if config.arch == Arch::Cnn {
        let [c, h, w] = config.in_shape;
        let x = patches::channels_last(&Tensor::rand([batch, c, h, w], o));
        measure("patches", &mut || {
            let _ = patches::rows(&patches::pad(&x.to_kind(operands), &config.layer), &config.layer);
        });
    }
    let (rows, weight) = (Tensor::rand([g, n, k], o).to_kind(operands), Tensor::rand([g, m, k], o));
    let u = Tensor::rand([n, g, m], o);
    measure("forward product", &mut || {
        let w = weight.to_kind(operands);
        let u = if g == 1 { rows.squeeze_dim(0).matmul(&w.squeeze_dim(0).tr()) } else { rows.bmm(&w.transpose(1, 2)) };
        let _ = u.to_kind(Kind::Float);
    });
    let competition = match config.layer.method {
        Method::Soft => Competition::Soft { t_invert: config.layer.t_invert },
        Method::SoftKrotov => Competition::SoftKrotov { t_invert: config.layer.t_invert },
        _ => Competition::Hard,
    };
    if wide::reaches(on) && fused::knows(&competition) {
        measure("competition", &mut || {
            let _ = fused::compete(&competition, &u);
        });
        let competed = fused::compete(&competition, &u);
        measure("update product", &mut || {
            let _ = plasticity::products(&competed.y, &rows);
        });
        let yx = plasticity::products(&competed.y, &rows).contiguous();
        let mut weight = weight.copy();
        measure("measuring and adding", &mut || {
            let measured = fused::measure(&yx, &competed.yu, &weight);
            fused::apply(&mut weight, &yx, &competed.yu, &measured.largest, &vec![0.0; (g * m) as usize]);
        });
    } else {
        measure("competition", &mut || {
            let _ = competition.activities(&u);
        });
        let y = competition.activities(&u);
        measure("update product, measuring", &mut || {
            let _ = plasticity::update(&rows, &y, &u, &weight);
        });
    }
    let block = &mut network.blocks[i];
    if config.arch == Arch::Cnn {
        let [_, h, w] = config.layer_shape;
        let images = u.view([batch, h, w, g * m]).permute([0, 3, 1, 2]);
        measure("activation and pool", &mut || {
            let _ = block.finish(images.shallow_clone(), Mode::Eval);
        });
    }
}
