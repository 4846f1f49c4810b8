//! `--config FILE`: a run from a file, over which the command line has its way.
//!
//! ```toml
//! preset = "2SoftMlpMNIST"      # the keys are the long options of `softhebb run`
//! dataset = "FashionMini"
//! epochs = 5
//! training_blocks = [0, 1]
//!
//! [set]
//! b0.layer.t_invert = 0.7
//! ```
//!
//! The other kind of file is the `config.json` that a run left: the same run again, but for what is typed.

use std::path::Path;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser};
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::place::{Key, Place, in_order};
use super::{Resume, RunArgs};
use crate::cli::Usage;
use crate::cli::keys::Keys;
use crate::cli::line::clearer;
use crate::data::pictures::PREFIX;
use crate::files::FileError;
use crate::preset::{BlockEntry, Catalogue, DatasetConfig, ModelSpec, NetworkConfig, dataset, parse_block, resolve_on};
use crate::search::SearchError;
use crate::search::axis::plain;
use crate::train::RunPlan;

/// What comes before the words that are typed.
#[derive(Debug, Default, Clone)]
pub struct Base {
    /// Words for single keys.
    pub keys: Keys,
    /// Overrides.
    pub set: Vec<String>,
    /// Name of the network that is typed here in full.
    pub network: Option<String>,
}

/// The options of a run as a command line of its own.
#[derive(Debug, Parser)]
#[command(name = "run", disable_help_flag = true)]
struct Line {
    #[command(flatten)]
    run: RunArgs,
}

/// Options that are about this start of the program, or about the file itself.
const TYPED_ONLY: [&str; 4] = ["config", "resume", "run-dir", "dry-run"];

/// Takes what was not typed from the file.
///
/// # Errors
/// Names the file and the place of a mistake.
pub fn take(args: &mut RunArgs, path: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).map_err(FileError::read(path)).map_err(|error| {
        let hint =
            if path.is_dir() { "hint: the file of a run is its config.json" } else { "hint: --config names a file" };
        Usage(format!("{error}\n{hint}"))
    })?;
    let file = if path.extension().is_some_and(|e| e == "json") {
        let plan: RunPlan = serde_json::from_str(&text).map_err(|error| {
            let hint = "hint: it is the config.json of a run that is expected; a file that people write is TOML";
            Usage(format!("{}: this is not the plan of a run: {error}\n{hint}", path.display()))
        })?;
        let catalogue = args.presets.as_ref().map_or_else(Catalogue::embedded, |path| Catalogue::load(path))?;
        of_plan(&plan, &catalogue).with_context(|| format!("{} cannot be typed again", path.display()))?
    } else {
        of_toml(&path.display().to_string(), &text)?
    };
    over(args, file);
    Ok(())
}

/// What was typed stays; what was not is the file's.
fn over(args: &mut RunArgs, file: RunArgs) {
    fn fill<T>(own: &mut Option<T>, file: Option<T>) {
        if own.is_none() {
            *own = file;
        }
    }
    args.file = Base { keys: file.keys, set: [file.file.set, file.set].concat(), network: None };
    let replaced = args.preset.is_some() || args.model.is_some();
    if !(replaced && file.file.network.is_some()) {
        fill(&mut args.name, file.name); // that of a plan is its network's
    }
    if !replaced {
        args.file.network = file.file.network;
        (args.preset, args.model) = (file.preset.or(file.named), file.model);
    }
    // One data set for all phases takes the place of both.
    if args.dataset.is_none() {
        args.dataset = file.dataset;
        fill(&mut args.dataset_unsup, file.dataset_unsup);
        fill(&mut args.dataset_sup, file.dataset_sup);
    }
    // What is typed takes the place of the file's, by whatever word the file says it.
    if args.device().is_none() {
        (args.device, args.gpu_id) = (file.device, file.gpu_id);
    }
    if !args.no_save {
        fill(&mut args.save, file.save.or(file.no_save.then_some(false)));
    }
    if !args.quiet && !args.verbose {
        (args.quiet, args.verbose) = (file.quiet, file.verbose);
    }
    if args.resume.is_none() {
        (args.resume, args.run_dir) = (file.resume, file.run_dir);
    }
    fill(&mut args.keep, file.keep);
    fill(&mut args.presets, file.presets);
    fill(&mut args.validation, file.validation);
    fill(&mut args.data_dir, file.data_dir);
    fill(&mut args.training_mode, file.training_mode);
    fill(&mut args.training_blocks, file.training_blocks);
    fill(&mut args.seed, file.seed);
    fill(&mut args.precision, file.precision);
    fill(&mut args.threads, file.threads);
    fill(&mut args.results_dir, file.results_dir);
    fill(&mut args.record_every, file.record_every);
    if args.baseline.is_empty() {
        args.baseline = file.baseline;
    }
    args.download |= file.download;
    args.features_on_disk |= file.features_on_disk;
    args.no_cache |= file.no_cache;
}

/// The options that a file in TOML names. Each is read as if it were typed, so that its mistakes are told in the same words.
fn of_toml(file: &str, text: &str) -> anyhow::Result<RunArgs> {
    let place = Place { file, text };
    let document = DeTable::parse(text)
        .map_err(|e| place.fail(e.span().unwrap_or(0..0), None, e.message().trim_end().replace('\n', ": ")))?;
    let command = Line::command();
    let options: Vec<&clap::Arg> =
        command.get_arguments().filter(|a| !a.is_positional() && (!a.is_hide_set() || a.get_id() == "save")).collect();
    let mut words = vec!["run".to_string()];
    for (key, value) in in_order(document.get_ref()) {
        let long = key.get_ref().replace('_', "-");
        let option = options.iter().find(|option| {
            option.get_long() == Some(&long) || option.get_all_aliases().unwrap_or_default().contains(&long.as_str())
        });
        let Some(option) = option else {
            if ["base", "space", "seeds"].contains(&key.get_ref().as_ref()) {
                let hint = "hint: `softhebb search --config FILE` runs it";
                return Err(place.at(key, format!("this is the file of a search\n{hint}")).into());
            }
            let known: Vec<String> = options.iter().filter_map(|o| Some(o.get_long()?.replace('-', "_"))).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).filter(|k| !TYPED_ONLY.contains(k)).collect();
            return Err(place.unknown(key, &known).into());
        };
        if TYPED_ONLY.contains(&long.as_str()) || long == "json" {
            return Err(place.at(key, format!("--{long} is for the command line")).into());
        }
        let own = words_of(&place, key, value, &long, option)?;
        let alone = std::iter::once("run".to_string()).chain(own.iter().cloned());
        if let Err(error) = Line::try_parse_from(alone) {
            let message = clearer(error).to_string();
            let message = message.lines().next().unwrap_or_default();
            return Err(place.at(key, message.strip_prefix("error: ").unwrap_or(message).to_string()).into());
        }
        words.extend(own);
    }
    let run = Line::try_parse_from(words).map_err(|error| {
        let message = error.to_string();
        Usage(format!("{file}: {}", message.lines().next().unwrap_or_default().trim_start_matches("error: ")))
    })?;
    Ok(run.run)
}

/// The words of one key of a file.
fn words_of(
    place: &Place,
    key: &Key,
    value: &Spanned<DeValue>,
    long: &str,
    option: &clap::Arg,
) -> Result<Vec<String>, SearchError> {
    if long == "set" && value.get_ref().as_table().is_some() {
        let mut sets = Vec::new();
        overrides(place, "", place.table(key, value)?, &mut sets)?;
        return Ok(sets.into_iter().map(|set| format!("--set={set}")).collect());
    }
    let is_switch = !option.get_action().takes_values();
    Ok(match place.json(key, value)? {
        Value::Bool(on) if is_switch => on.then(|| format!("--{long}")).into_iter().collect(),
        other if is_switch => return Err(place.at(key, format!("wrong value {other}; expected true or false"))),
        Value::Array(all) if long == "set" => all.iter().map(|set| format!("--set={}", plain(set))).collect(),
        Value::Array(all) => vec![format!("--{long}={}", all.iter().map(plain).collect::<Vec<_>>().join(","))],
        one => vec![format!("--{long}={}", plain(&one))],
    })
}

/// The overrides of a `[set]` table: a key with dots is a table of tables to TOML.
fn overrides(place: &Place, above: &str, table: &DeTable, sets: &mut Vec<String>) -> Result<(), SearchError> {
    for (key, value) in in_order(table) {
        let path = format!("{above}{}", key.get_ref());
        match value.get_ref().as_table() {
            Some(inner) => overrides(place, &format!("{path}."), inner, sets)?,
            None => sets.push(format!("{path}={}", plain(&place.json(key, value)?))),
        }
    }
    Ok(())
}

/// The options that make a plan again.
fn of_plan(plan: &RunPlan, catalogue: &Catalogue) -> anyhow::Result<RunArgs> {
    let mut args = Line::try_parse_from(["run"])?.run;
    args.model = Some(typed_network(&plan.network, catalogue)?);
    args.file.network = Some(plan.network.name.clone());
    args.name = (plan.model != plan.network.name).then(|| plan.model.clone());
    let sets = [("dataset_unsup", &plan.dataset_unsup), ("dataset_sup", &plan.dataset_sup)];
    for (target, config) in sets {
        let name = typed_dataset(config);
        let own = catalogue.dataset(name.split(':').next().unwrap_or(&name))?;
        args.set.extend(changed(target, config, &DatasetConfig { seed: plan.seed, ..own })?);
        *(if target == "dataset_sup" { &mut args.dataset_sup } else { &mut args.dataset_unsup }) = Some(name);
    }
    args.training_mode = Some(plan.mode);
    args.training_blocks.clone_from(&plan.training_blocks);
    args.baseline.clone_from(&plan.baseline);
    args.seed = Some(plan.seed);
    args.device = Some(plan.device);
    args.threads = (plan.threads > 0).then_some(plan.threads);
    args.precision = Some(plan.precision);
    args.features_on_disk = plan.features_on_disk;
    args.no_cache = plan.no_cache;
    args.record_every = (plan.record_every > 0).then_some(plan.record_every);
    args.keep = Some(plan.keep);
    args.save = Some(plan.save);
    args.data_dir.clone_from(&plan.data_dir);
    if let Some(checkpoint) = &plan.blocks_from {
        args.training_blocks = None;
        (args.resume, args.run_dir) = (Some(Resume::WithoutClassifier), checkpoint.parent().map(Path::to_path_buf));
    }
    Ok(args)
}

/// A network in the words of `--model`: its block strings, and each key of a layer that they do not tell.
fn typed_network(network: &NetworkConfig, catalogue: &Catalogue) -> anyhow::Result<String> {
    let entry = |b: &crate::preset::BlockConfig| -> anyhow::Result<BlockEntry> {
        Ok(BlockEntry {
            arch: b.arch,
            block: parse_block(&b.block)?,
            operations: b.operations.clone(),
            dropout: b.dropout,
            activation: b.activation,
            batch_norm: b.batch_norm,
            pool: b.pool,
            layer: Map::new(),
        })
    };
    let blocks = network.blocks.iter().map(entry).collect::<anyhow::Result<Vec<_>>>()?;
    let (name, dataset_unsup, dataset_sup) = (network.name.clone(), String::new(), String::new());
    let mut spec = ModelSpec { name, dataset_unsup, dataset_sup, blocks };
    let plain = resolve_on(catalogue, &spec, network.in_shape, network.classes)?;
    for ((entry, there), here) in spec.blocks.iter_mut().zip(&network.blocks).zip(&plain.blocks) {
        let (there, here) = (layer_keys(&there.layer)?, layer_keys(&here.layer)?);
        for (key, value) in there.into_iter().filter(|(key, value)| here.get(key) != Some(value)) {
            entry.set_layer(&key, &value)?;
        }
    }
    Ok(spec.blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The keys of a layer by the names that set them.
fn layer_keys(layer: &crate::preset::LayerConfig) -> anyhow::Result<Map<String, Value>> {
    let Value::Object(mut keys) = serde_json::to_value(layer)? else { return Ok(Map::new()) };
    if let Some(Value::Object(recorded)) = keys.remove("recorded") {
        keys.extend(recorded);
    }
    if let Some(supervised) = keys.remove("supervised") {
        let mode = if supervised == true { "supervised" } else { "unsupervised" };
        keys.insert("metric_mode".to_string(), mode.into());
    }
    Ok(keys)
}

/// The name by which a data set is typed: `CIFAR10_50`, `folder_50:/pictures`.
fn typed_dataset(config: &DatasetConfig) -> String {
    match (config.name.strip_prefix(PREFIX), config.config.rsplit_once('_')) {
        (Some(path), Some((_, short))) => format!("folder_{short}:{path}"),
        _ => config.config.clone(),
    }
}

/// The keys in which a configuration differs from its catalogue's, as overrides.
fn changed(target: &str, config: &DatasetConfig, own: &DatasetConfig) -> anyhow::Result<Vec<String>> {
    // The share that was held out is taken again.
    let whole = DatasetConfig { training_sample: config.training_sample + config.val_sample, ..config.clone() };
    let (there, here) = (serde_json::to_value(whole)?, serde_json::to_value(own)?);
    let differing = dataset::known_keys().filter(|key| there[key] != here[key]);
    Ok(differing.map(|key| format!("{target}.{key}={}", plain(&there[key]))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::run::prepare::typed_plan;

    fn plan(words: &[&str]) -> RunPlan {
        typed_plan(&Line::try_parse_from([&["run"], words].concat()).unwrap().run).unwrap()
    }

    #[test]
    fn the_plan_of_any_preset_makes_itself_again() {
        let catalogue = Catalogue::embedded().unwrap();
        let changes: [&[&str]; 3] = [
            &[],
            &[
                "--validation",
                "--seed",
                "7",
                "--training-mode",
                "consecutive",
                "--name",
                "other",
                "--precision",
                "bf16",
            ],
            &[
                "--set",
                "dataset_sup.training_sample=70",
                "--set",
                "dataset_unsup.seed=3",
                "--lr",
                "0.3",
                "--set",
                "b0.layer.weight_init=positive",
            ],
        ];
        let mut count = 0;
        for model in catalogue.models() {
            for change in changes {
                let words = [&["--preset", &model.name], change].concat();
                let before = plan(&words);
                let mut args = Line::try_parse_from(["run"]).unwrap().run;
                over(&mut args, of_plan(&before, &catalogue).unwrap());
                let after = typed_plan(&args).unwrap();
                assert_eq!(serde_json::to_value(&after).unwrap(), serde_json::to_value(&before).unwrap(), "{words:?}");
                count += 1;
            }
        }
        assert!(count > 90, "{count}");
    }
}
