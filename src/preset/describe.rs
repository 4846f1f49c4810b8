//! Networks and lists as text for people and as JSON for machines.
//!
//! What a block costs: its parameters are its weights and, where it has one, its bias; its operations are the
//! floating-point operations of its layer on one image, two (a multiplication and an addition) for each weight at each
//! output pixel. Norms, activations, pools and the Hebbian update are not counted.

use super::catalogue::{Catalogue, DatasetEntry};
use super::config::{Arch, BlockConfig, DatasetConfig, Method, NetworkConfig, WeightInit};
use super::key::Real;
use super::model::ModelSpec;
use super::resolve::shape_text;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// No line is longer, in characters.
const WIDTH: usize = 100;

/// What the columns of a network's table mean.
const LEGEND: &str = "\
FLOP: 2 for each multiply-add of the layers; norms, activations, pools and learning are not counted.
init: weights are drawn from N(0, σ) or U[0, w); BP layers take libtorch's default.
";

/// What a block costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Weights and biases.
    pub parameters: u64,
    /// Floating-point operations an image.
    pub flop: u64,
}

/// What a block costs.
pub fn cost(block: &BlockConfig) -> Cost {
    let layer = &block.layer;
    // Resolution keeps every factor positive and their product below 2^36.
    let unit = (layer.in_channels / layer.groups.max(1) * layer.kernel_size * layer.kernel_size).unsigned_abs();
    let weights = unit * layer.out_channels.unsigned_abs();
    // A linear layer of backpropagation always has a bias.
    let bias = layer.add_bias || layer.method == Method::Bp && block.arch == Arch::Mlp;
    let pixels = (block.layer_shape[1] as u64).saturating_mul(block.layer_shape[2] as u64);
    Cost {
        parameters: weights + if bias { layer.out_channels.unsigned_abs() } else { 0 },
        flop: weights.saturating_mul(2).saturating_mul(pixels),
    }
}

/// What the network costs.
pub fn total_cost(network: &NetworkConfig) -> Cost {
    network.blocks.iter().map(cost).fold(Cost::default(), |a, b| Cost {
        parameters: a.parameters.saturating_add(b.parameters),
        flop: a.flop.saturating_add(b.flop),
    })
}

/// The network as a table: block string, output shape, parameters, operations, initial range, and the totals.
pub fn network_table(network: &NetworkConfig, dataset: &DatasetConfig) -> String {
    let mut rows = vec![["", "block", "output", "params", "FLOP", "init"].map(str::to_owned)];
    for (i, block) in network.blocks.iter().enumerate() {
        let cost = cost(block);
        rows.push([
            format!("b{i}"),
            block.block.clone(),
            if block.arch == Arch::Mlp { block.out_shape[0].to_string() } else { shape_text(block.out_shape) },
            quantity(cost.parameters),
            quantity(cost.flop),
            initial(block),
        ]);
    }
    let total = total_cost(network);
    let sums = [quantity(total.parameters), quantity(total.flop)];
    rows.push([String::new(), "total".into(), String::new(), sums[0].clone(), sums[1].clone(), String::new()]);

    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    // Between columns stand two spaces. A block string that is too long goes on below itself.
    let others = widths.iter().sum::<usize>() - widths[1] + 2 * 5;
    widths[1] = widths[1].min(WIDTH.saturating_sub(others).max(24));

    let mut text = String::new();
    let (classes, shape) = (network.classes, shape_text(network.in_shape));
    let _ = writeln!(text, "{} on {} ({shape}, {classes} classes)\n", network.name, dataset.config);
    for (i, row) in rows.iter().enumerate() {
        let mut pieces = wrap(&row[1], widths[1], '-').into_iter();
        let [w0, w1, w2, w3, w4, _] = widths;
        let first = pieces.next().unwrap_or_default();
        let [head, _, output, parameters, flop, initial] = row;
        let line = format!("{head:w0$}  {first:w1$}  {output:<w2$}  {parameters:>w3$}  {flop:>w4$}  {initial}");
        let _ = writeln!(text, "{}", line.trim_end());
        for piece in pieces {
            let _ = writeln!(text, "{:w0$}  {piece}", "");
        }
        if let Some(block) = i.checked_sub(1).and_then(|b| network.blocks.get(b)) {
            for piece in wrap(&steps(block), WIDTH - w0 - 4, ' ') {
                let _ = writeln!(text, "{:w0$}    {}", "", piece.trim_end());
            }
        }
    }
    let (parameters, flop) = (grouped(total.parameters), grouped(total.flop));
    let _ = writeln!(text, "\n{parameters} parameters; {flop} FLOP an image.");
    text.push_str(LEGEND);
    text
}

/// The network, its data set and what its blocks cost, as JSON.
pub fn network_json(network: &NetworkConfig, dataset: &DatasetConfig) -> Value {
    let cost_json = |c: Cost| json!({"parameters": c.parameters, "flop": c.flop});
    json!({
        "network": network,
        "dataset": dataset,
        "cost": {
            "blocks": network.blocks.iter().map(|b| cost_json(cost(b))).collect::<Vec<_>>(),
            "total": cost_json(total_cost(network)),
        },
    })
}

/// What a block does beside its layer, in its order: `batchnorm2d → convolution → triangle_0.7 → max_4_2_1`.
fn steps(block: &BlockConfig) -> String {
    let mut steps: Vec<String> = block.operations.iter().map(ToString::to_string).collect();
    steps.extend(block.dropout.map(|p| format!("dropout_{}", Real(p))));
    steps.push(if block.arch == Arch::Cnn { "convolution".into() } else { "fully connected".into() });
    steps.extend(block.activation.map(|a| a.to_string()));
    if block.batch_norm {
        steps.push("batch_norm".into());
    }
    steps.extend(block.pool.map(|p| p.to_string()));
    steps.join(" → ")
}

/// The distribution of the initial weights. Those of backpropagation are libtorch's own.
fn initial(block: &BlockConfig) -> String {
    let range = block.layer.weight_init_range;
    match (block.layer.method, block.layer.weight_init) {
        (Method::Bp, _) => "default".into(),
        (_, WeightInit::Normal) => format!("σ {}", significant(range)),
        (_, WeightInit::Positive) => format!("w {}", significant(range)),
    }
}

/// Four significant digits.
fn significant(value: f64) -> String {
    let magnitude = value.abs().log10().floor();
    if !(-4.0..6.0).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let decimals = (3.0 - magnitude).max(0.0) as usize;
    format!("{value:.decimals$}")
}

/// A large number to read: `7200`, `331.8 k`, `5.3 M`.
pub fn quantity(n: u64) -> String {
    if n < 10_000 {
        return n.to_string();
    }
    let mut value = n as f64;
    let mut unit = "";
    for next in ["k", "M", "G", "T", "P", "E"] {
        // 999,950 would round to 1000.0 k.
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `5,308,416`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Cuts a text into lines of at most `width` characters, after a `mark` where there is one.
fn wrap(text: &str, width: usize, mark: char) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = text.chars().collect();
    while rest.len() > width.max(1) {
        let cut = rest[..width.max(1)].iter().rposition(|c| *c == mark).map_or(width.max(1), |i| i + 1);
        lines.push(rest.drain(..cut).collect());
    }
    lines.push(rest.into_iter().collect());
    lines
}

/// Every preset and data set.
pub fn catalogue_text(catalogue: &Catalogue) -> String {
    let mut text = String::from("presets\n");
    let width = catalogue.models().iter().map(|m| m.name.chars().count()).max().unwrap_or(0);
    let mut group = ("", "");
    for model in catalogue.models() {
        let datasets = (model.dataset_unsup.as_str(), model.dataset_sup.as_str());
        if datasets != group {
            let _ = writeln!(text, "\n  by default on {} (Hebbian blocks) and {} (BP blocks)", datasets.0, datasets.1);
            group = datasets;
        }
        let line = format!("    {:width$}  {}", model.name, summary(model));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if !catalogue.aliases().is_empty() {
        text.push_str("\n  other names\n");
        for (alias, name) in catalogue.aliases() {
            let _ = writeln!(text, "    {alias:width$}  {name}");
        }
    }
    text.push_str("\ndata sets: NAME, or NAME_CONFIGURATION with one of these configurations\n");
    for entry in catalogue.datasets() {
        let Some((_, default)) = entry.configs.first() else { continue };
        let shape = shape_text([default.channels, default.height, default.width]);
        let _ = writeln!(text, "\n  {} ({shape}, {} classes)", entry.name, default.out_channels);
        let names: Vec<&str> = entry.configs.iter().map(|(name, _)| name.as_str()).collect();
        for line in wrap(&names.join(" "), WIDTH - 4, ' ') {
            let _ = writeln!(text, "    {}", line.trim_end());
        }
    }
    text.push_str("\nsofthebb show PRESET prints a network, softhebb show DATASET its configurations.\n");
    text
}

/// Every preset and data set, as JSON.
pub fn catalogue_json(catalogue: &Catalogue) -> Value {
    let models = catalogue.models().iter().map(|m| {
        let blocks: Vec<String> = m.blocks.iter().map(ToString::to_string).collect();
        json!({"name": m.name, "dataset_unsup": m.dataset_unsup, "dataset_sup": m.dataset_sup, "blocks": blocks})
    });
    let aliases = catalogue.aliases().iter().map(|(alias, name)| (alias.clone(), Value::from(name.as_str())));
    let datasets = catalogue.datasets().iter().map(dataset_json);
    json!({
        "models": models.collect::<Vec<_>>(),
        "aliases": aliases.collect::<serde_json::Map<_, _>>(),
        "datasets": datasets.collect::<Vec<_>>(),
    })
}

/// A data set's configurations as a table.
pub fn dataset_table(entry: &DatasetEntry) -> String {
    let mut rows = vec![
        ["configuration", "split", "images", "epochs", "batch", "report", "size", "other"].map(str::to_owned).to_vec(),
    ];
    for (_, c) in &entry.configs {
        let classes = serde_json::to_value(&c.training_class).unwrap_or_default();
        let others = [
            (c.augmentation, "augmented".to_owned()),
            (c.noise_std != 0.0, format!("noise {}", Real(c.noise_std))),
            (c.zca_whitened, "whitened".to_owned()),
            (classes != "all", format!("classes {classes}")),
        ];
        let others: Vec<String> = others.into_iter().filter(|(set, _)| *set).map(|(_, text)| text).collect();
        let numbers = [c.training_sample, c.nb_epoch, c.batch_size, c.print_freq].map(|n| n.to_string());
        let mut row = vec![c.config.clone(), c.split.clone()];
        row.extend(numbers);
        row.push(shape_text([c.channels, c.height, c.width]));
        row.push(others.join(", "));
        rows.push(row);
    }
    let widths: Vec<usize> = (0..8).map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, &width))| match i {
            2..=5 => format!("{cell:>width$}"),
            _ => format!("{cell:width$}"),
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// A data set's configurations as JSON.
pub fn dataset_json(entry: &DatasetEntry) -> Value {
    let configs: Vec<&DatasetConfig> = entry.configs.iter().map(|(_, c)| c).collect();
    json!({"name": entry.name, "configurations": configs})
}

/// `SoftKrotov 96-384-1536, BP 10`: neurons of neighbours that learn alike.
fn summary(model: &ModelSpec) -> String {
    let mut text = String::new();
    let mut method = None;
    for block in &model.blocks {
        let neurons = block.block.out_channels().map_or_else(|| "?".to_owned(), |c| c.to_string());
        let _ = match method {
            Some(known) if known == block.block.method => write!(text, "-{neurons}"),
            Some(_) => write!(text, ", {} {neurons}", block.block.method),
            None => write!(text, "{} {neurons}", block.block.method),
        };
        method = Some(block.block.method);
    }
    text
}

#[cfg(test)]
#[path = "describe_tests.rs"]
mod tests;
