//! A recorded layer: its pre-activations, competition, update, rate and weights, step by step.

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Kind;

use super::{Recording, VerifyError};
use crate::device;
use crate::layer::rate::Rate;
use crate::layer::{Hebbian, Mode};
use crate::preset::config::{Arch, LayerConfig, LrDecay};
use crate::preset::{BlockEntry, layer_config};

/// The recorded learning-rate rule.
#[derive(Deserialize)]
struct Scheduler {
    lr: f64,
    adaptive: bool,
    nb_epochs: f64,
    ratio: f64,
    speed: f64,
    div: f64,
    decay: String,
    power_lr: f64,
}

pub(super) fn run(r: &mut Recording) -> Result<(), VerifyError> {
    let arch = Arch::from_name(r.text("arch")?).ok_or_else(|| r.lacks("metadata `arch` is neither MLP nor CNN"))?;
    let scheduler: Scheduler = r.json("lr_scheduler")?;
    let config = config(r, arch, &scheduler)?;
    let mut layer = Hebbian::new(&config, arch, &mut device::rng(0, &[]), r.device);
    layer.set_fast(r.fast);
    layer.set_weight(&r.tensor("weight.init")?);
    if r.has("bias.init") {
        layer.set_bias(&r.tensor("bias.init")?);
    }
    layer.set_rate(Rate::new(&config, scheduler.ratio, scheduler.nb_epochs));
    let steps: usize = r.number("steps")?;
    for k in 0..steps {
        step(r, &mut layer, k)?;
    }
    let statistics = layer.statistics();
    let n = statistics.radius.len() as f64;
    let convergence = statistics.radius.iter().map(|x| (x - 1.0).abs()).sum::<f64>() / n;
    let recorded: f64 = r.number("convergence")?;
    if (convergence - recorded).abs() > 1e-4 * recorded.abs() + 1e-5 {
        return Err(r.lacks(format!("convergence is {convergence}, recorded {recorded}")));
    }
    Ok(())
}

fn step(r: &mut Recording, layer: &mut Hebbian, k: usize) -> Result<(), VerifyError> {
    let x = r.tensor(&format!("x.{k}"))?;
    let u = layer.forward(&x, Mode::Train { seed: 0 });
    r.compare(&format!("pre.{k}"), &u)?;
    if r.has(&format!("labels.{k}")) {
        layer.learn_labels(&r.tensor(&format!("labels.{k}"))?.to_kind(Kind::Int64));
    }
    let units = layer.config().out_channels;
    if let Some(pending) = layer.pending() {
        // Rows are positions in reading order; the recording has channels before them.
        let y = match u.size().as_slice() {
            [b, _, h, w] => pending.activities.view([*b, *h, *w, units]).permute([0, 3, 1, 2]),
            _ => pending.activities.view([-1, units]),
        };
        r.compare(&format!("wta.{k}"), &y)?;
    }
    if let Some(delta) = layer.pending_delta() {
        r.compare(&format!("delta.{k}"), &delta)?;
    }
    r.compare(&format!("lr.{k}"), &layer.lr())?;
    layer.apply();
    r.compare(&format!("weight.{k}"), &layer.weight())?;
    if let Some(bias) = layer.bias() {
        let bias = bias.shallow_clone();
        r.compare(&format!("bias.{k}"), &bias)?;
    }
    Ok(())
}

fn config(r: &Recording, arch: Arch, scheduler: &Scheduler) -> Result<LayerConfig, VerifyError> {
    let mut entry = BlockEntry::new(r.block(r.text("block")?)?, Some(arch));
    let extra: Map<String, Value> = r.json("extra")?;
    for (key, value) in &extra {
        r.set(&mut entry, key, value)?;
    }
    if arch == Arch::Cnn && !r.text("padding_mode")?.is_empty() {
        r.set(&mut entry, "padding_mode", &Value::from(r.text("padding_mode")?))?;
    }
    let catalogue = r.catalogue()?;
    let mut config = layer_config(catalogue.layer_defaults(arch), &entry, r.number("in_channels")?, None)
        .map_err(|problem| r.lacks(problem.to_string()))?;
    config.lebesgue_p = r.number("lebesgue_p")?;
    (config.lr, config.power_lr, config.adaptive) = (scheduler.lr, scheduler.power_lr, scheduler.adaptive);
    (config.speed, config.lr_div) = (scheduler.speed, scheduler.div);
    config.lr_decay = match scheduler.decay.as_str() {
        "linear" => LrDecay::Linear,
        "exp" => LrDecay::Exp,
        _ => LrDecay::Constant,
    };
    Ok(config)
}
