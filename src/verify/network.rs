//! A recorded network: its state after training, and every block's output.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tch::{Kind, Tensor};

use super::{Recording, VerifyError};
use crate::layer::Network;
use crate::layer::classifier::Rows;
use crate::layer::rate::Rate;
use crate::preset::config::{Arch, NetworkConfig};
use crate::preset::words::{parse_activation, parse_operations, parse_pool};
use crate::preset::{BlockEntry, ModelSpec, resolve_on};
use crate::report::PhaseKind;
use crate::train::Phase;
use crate::train::learner::{self, Batch, Learner, Step, Sums};
use crate::train::watch::Place;

/// A block as it is recorded.
#[derive(Deserialize)]
struct Block {
    arch: String,
    preset: String,
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    pool: Option<String>,
    #[serde(default)]
    activation: Option<String>,
    #[serde(default)]
    dropout: Option<f64>,
    #[serde(default)]
    batch_norm: bool,
    /// Keys of the layer, if any were overridden.
    #[serde(default)]
    layer: serde_json::Map<String, Value>,
}

/// The shape of its inputs.
#[derive(Deserialize)]
struct Input {
    channels: i64,
    width: i64,
    height: i64,
    out_channels: i64,
}

pub(super) fn run(r: &mut Recording) -> Result<(), VerifyError> {
    let config = config(r)?;
    compare_ranges(r, &config)?;
    let mut network = Network::new(&config, 0, r.device);
    network.blocks.iter_mut().filter_map(|b| b.hebbian_mut()).for_each(|layer| layer.set_fast(r.fast));
    load(r, &mut network)?;
    let steps: usize = r.number("steps_per_phase")?;
    let mut next = 0;
    let mut losses = Vec::new();
    for mut phase in phases(r, &config)? {
        phase.epochs = 1;
        let mut learner = Learner::new(&phase, &mut network);
        for &i in &phase.blocks {
            if let Some(layer) = network.blocks[i].hebbian_mut() {
                layer.set_rate(Rate::new(layer.config(), 1.0 / steps.max(1) as f64, 1.0));
            }
        }
        for step in 1..=steps as u64 {
            train(r, &mut network, &mut learner, &phase, next, step, &mut losses)?;
            next += 1;
        }
    }
    if !losses.is_empty() {
        r.compare("loss", &Tensor::from_slice(&losses))?;
    }
    for (name, tensor) in network.state() {
        r.compare(&format!("final.{name}"), &tensor)?;
    }
    outputs(r, &mut network)
}

fn train(
    r: &Recording,
    network: &mut Network,
    learner: &mut Learner,
    phase: &Phase,
    k: usize,
    step: u64,
    losses: &mut Vec<f64>,
) -> Result<(), VerifyError> {
    let x = network.infer(&r.tensor(&format!("x.{k}"))?, 0..learner.first());
    let labels = match r.has(&format!("labels.{k}")) {
        true => r.tensor(&format!("labels.{k}"))?.to_kind(Kind::Int64),
        false => Tensor::zeros([x.size()[0]], (Kind::Int64, r.device)),
    };
    let mut sums = Sums::new(phase, network, None);
    let place = Place { phase: 0, epoch: 1, step };
    let how = Step { lr: phase.lr, seed: 0, check: Some(place) };
    // As a run reads them from its store.
    let (flat, index) = (x.flatten(1, -1).contiguous(), (0..x.size()[0]).collect::<Vec<i64>>());
    let rows = Rows::new(&flat, &index, flat.size()[1]).filter(|_| r.fast && learner.reads_rows(network));
    let x = rows.map_or(learner::Input::Tensor(&x), learner::Input::Rows);
    learner.step(network, &Batch { x, labels: &labels, how }, &mut sums)?;
    losses.extend(sums.means().map(|(loss, _)| loss));
    Ok(())
}

/// Each block's output in eval mode.
fn outputs(r: &mut Recording, network: &mut Network) -> Result<(), VerifyError> {
    if !r.has("x.eval") {
        return Ok(());
    }
    let mut x = r.tensor("x.eval")?;
    for i in 0..network.blocks.len() {
        x = network.infer(&x, i..i + 1);
        r.compare(&format!("eval.out{i}"), &x)?;
    }
    Ok(())
}

fn load(r: &Recording, network: &mut Network) -> Result<(), VerifyError> {
    let initial = r.tensors.iter().filter_map(|(name, t)| Some((name.strip_prefix("init.")?.to_string(), t)));
    let initial: BTreeMap<String, Tensor> = initial.map(|(name, t)| (name, t.shallow_clone())).collect();
    network.load(&initial, |_| true).map_err(|e| r.lacks(format!("initial state: {e}")))
}

/// The initial ranges of the recording are those that we resolve.
fn compare_ranges(r: &Recording, config: &NetworkConfig) -> Result<(), VerifyError> {
    if !r.metadata.contains_key("weight_init_range") {
        return Ok(());
    }
    let ranges: BTreeMap<String, f64> = r.json("weight_init_range")?;
    for (i, block) in config.blocks.iter().enumerate() {
        let ours = block.layer.weight_init_range;
        if let Some(theirs) =
            ranges.get(&format!("b{i}")).filter(|theirs| (ours - **theirs).abs() > 1e-9 * theirs.abs())
        {
            return Err(r.lacks(format!("initial range of block {i} is {ours}, recorded {theirs}")));
        }
    }
    Ok(())
}

fn phases(r: &Recording, config: &NetworkConfig) -> Result<Vec<Phase>, VerifyError> {
    let hebbian = |i: &usize| config.blocks[*i].layer.method.is_hebbian();
    let (local, rest): (Vec<usize>, Vec<usize>) = (0..config.blocks.len()).partition(hebbian);
    let lr = if r.metadata.contains_key("lr_sup") { r.number("lr_sup")? } else { 0.0 };
    let phase = |kind, blocks| Phase { kind, blocks, epochs: 1, batch_size: 1, print_freq: 1, lr };
    Ok(match r.text("mode")? {
        "successive" => local.into_iter().map(|i| phase(PhaseKind::Unsupervised, vec![i])).collect(),
        "consecutive" if local.is_empty() => vec![],
        "consecutive" => vec![phase(PhaseKind::Unsupervised, local)],
        "supervised" => vec![phase(PhaseKind::Supervised, rest)],
        "simultaneous" => vec![phase(PhaseKind::Hybrid, (0..config.blocks.len()).collect())],
        other => return Err(r.lacks(format!("metadata `mode` is `{other}`"))),
    })
}

fn config(r: &Recording) -> Result<NetworkConfig, VerifyError> {
    let blocks: Vec<Block> = r.json("blocks")?;
    let input: Input = r.json("dataset")?;
    let mut entries = Vec::new();
    for (i, block) in blocks.iter().enumerate() {
        let wrong = |what: &str, text: &str| r.lacks(format!("block {i}: {what} `{text}`"));
        let arch = Arch::from_name(&block.arch).ok_or_else(|| wrong("arch", &block.arch))?;
        let mut entry = BlockEntry::new(r.block(&block.preset)?, Some(arch));
        let given = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
        if let Some(text) = given(&block.operation) {
            entry.operations = parse_operations(&text).ok_or_else(|| wrong("operation", &text))?;
        }
        if let Some(text) = given(&block.activation) {
            entry.activation = Some(parse_activation(&text).ok_or_else(|| wrong("activation", &text))?);
        }
        if let Some(text) = given(&block.pool) {
            entry.pool = Some(parse_pool(&text).ok_or_else(|| wrong("pool", &text))?);
        }
        // Recorded with no dropout in its training steps; in eval mode it has no effect.
        entry.dropout = block.dropout.filter(|_| !r.metadata.contains_key("lr_sup"));
        entry.batch_norm = block.batch_norm;
        for (key, value) in &block.layer {
            r.set(&mut entry, key, value)?;
        }
        entries.push(entry);
    }
    let model = ModelSpec {
        name: "recorded".to_string(),
        dataset_unsup: String::new(),
        dataset_sup: String::new(),
        blocks: entries,
    };
    let image = [input.channels, input.height, input.width];
    resolve_on(&r.catalogue()?, &model, image, input.out_channels).map_err(|e| r.preset(e))
}
