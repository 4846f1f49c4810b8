//! A space as TOML, every key written out; [`super::read::parse`] reads it back to the same space.

use serde::Serialize;
use serde_json::Value;

use super::axis::Values;
use super::space::Space;

/// The text of `search.toml`.
pub fn write(space: &Space) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("metric = {}", text(space.metric.name())));
    line(format!("seeds = {}", toml(&Value::from(space.seeds.clone()))));
    line(format!("num_samples = {}", space.num_samples));
    line(format!("sampler_seed = {}", space.sampler_seed));
    line("\n[base]".to_string());
    let base = &space.base;
    for (key, value) in [
        ("preset", &base.preset),
        ("model", &base.model),
        ("dataset", &base.dataset),
        ("dataset_unsup", &base.dataset_unsup),
        ("dataset_sup", &base.dataset_sup),
    ] {
        if let Some(value) = value {
            line(format!("{key} = {}", text(value)));
        }
    }
    if let Some(mode) = base.training_mode {
        line(format!("training_mode = {}", of(&mode)));
    }
    if let Some(blocks) = &base.training_blocks {
        line(format!("training_blocks = {}", of(blocks)));
    }
    if let Some(run) = &base.blocks_from {
        line(format!("blocks_from = {}", of(run)));
    }
    line(format!("validation_unsup = {}", base.validation_unsup));
    line(format!("validation_sup = {}", base.validation_sup));
    if !base.set.is_empty() {
        line("\n[base.set]".to_string());
        for set in &base.set {
            let (key, value) = set.split_once('=').unwrap_or((set, ""));
            line(format!("{} = {}", text(key.trim()), bare(value.trim())));
        }
    }
    let run = &space.run;
    line("\n[run]".to_string());
    line(format!("device = {}", text(&run.device.to_string())));
    line(format!("precision = {}", of(&run.precision)));
    line(format!("features_on_disk = {}", run.features_on_disk));
    line(format!("no_cache = {}", run.no_cache));
    line(format!("save_model = {}", run.save_model));
    line(format!("keep = {}", of(&run.keep)));
    line(format!("reuse_layers = {}", run.reuse_layers));
    line(format!("layers_dir = {}", of(&run.layers_dir)));
    if let Some(model_name) = &run.model_name {
        line(format!("model_name = {}", text(model_name)));
    }
    for (key, path) in [("data_dir", &run.data_dir), ("presets", &run.presets)] {
        if let Some(path) = path {
            line(format!("{key} = {}", of(path)));
        }
    }
    line("\n[space]".to_string());
    for axis in &space.axes {
        let mut parts = Vec::new();
        if axis.keys != [axis.name.clone()] {
            parts.push(format!("keys = {}", of(&axis.keys)));
        }
        if axis.if_present {
            parts.push("if_present = true".to_string());
        }
        parts.push(values(&axis.values));
        line(format!("{} = {{ {} }}", text(&axis.name), parts.join(", ")));
    }
    out
}

fn values(values: &Values) -> String {
    let real = |x: &f64| toml(&Value::from(*x));
    match values {
        Values::Grid(list) => format!("grid = {}", toml(&Value::from(list.clone()))),
        Values::Choice(list) => format!("choice = {}", toml(&Value::from(list.clone()))),
        Values::Geometric { base, from, to } => {
            format!("geometric = {{ base = {}, from = {from}, to = {to} }}", real(base))
        }
        Values::Uniform(lo, hi) => format!("uniform = [{}, {}]", real(lo), real(hi)),
        Values::LogUniform(lo, hi) => format!("log_uniform = [{}, {}]", real(lo), real(hi)),
        Values::IntUniform(lo, hi) => format!("int_uniform = [{lo}, {hi}]"),
        Values::Normal { mean, std } => format!("normal = {{ mean = {}, std = {} }}", real(mean), real(std)),
    }
}

fn text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A value of `--set`: a number or a truth value stands bare if it reads back as it was typed.
fn bare(value: &str) -> String {
    let json = serde_json::from_str::<Value>(value).ok().filter(|v| v.is_number() || v.is_boolean());
    let shown = json.as_ref().map(Value::to_string);
    match json.filter(|_| shown.as_deref() == Some(value)) {
        Some(json) => toml(&json),
        None => text(value),
    }
}

/// Anything plain as TOML.
fn of(value: &impl Serialize) -> String {
    toml(&serde_json::to_value(value).unwrap_or_default()) // plain data: cannot fail
}

/// A JSON value as TOML.
fn toml(value: &Value) -> String {
    match value {
        Value::String(s) => text(s),
        Value::Array(list) => format!("[{}]", list.iter().map(toml).collect::<Vec<_>>().join(", ")),
        // A whole float keeps its point, so that it reads back as one; `{:?}` writes exponents as TOML does.
        Value::Number(n) => match n.as_f64().filter(|_| n.is_f64()) {
            Some(x) => format!("{x:?}"),
            None => n.to_string(),
        },
        other => other.to_string(),
    }
}
