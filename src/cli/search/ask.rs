//! What is asked for: the file of the space, and the command line, which wins.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use crate::cli::keys::key;
use crate::device;
use crate::files;
use crate::search::read;
use crate::search::space::Space;
use crate::search::{SearchDir, SearchError, store::Stored};

use super::SweepArgs;

/// The space that the arguments ask for, and what messages call its file. A search that goes on starts from its own
/// `search.toml`, unless `--config` names another.
///
/// # Errors
/// When the space cannot be read.
pub fn space(args: &SweepArgs) -> anyhow::Result<(Space, String)> {
    let (mut space, file) = match (&args.resume, &args.config) {
        (Some(folder), None) => {
            let dir = SearchDir::new(folder);
            (Stored::read_toml(&dir)?, dir.toml().display().to_string())
        }
        (_, config) => {
            let (file, text) = read::find(config.as_deref().unwrap_or("seed"))?;
            (read::parse(&file, &text)?, file)
        }
    };
    overlay(args, &mut space)?;
    Ok((space, file))
}

/// The command line over the file.
fn overlay(args: &SweepArgs, space: &mut Space) -> anyhow::Result<()> {
    fn over<T: Clone>(own: &mut Option<T>, given: &Option<T>) {
        if given.is_some() {
            own.clone_from(given);
        }
    }
    over(&mut space.run.presets, &args.presets);
    let base = &mut space.base;
    let preset = args.named.as_ref().or(args.preset.as_ref());
    if preset.is_some() || args.model.is_some() {
        (base.preset, base.model) = (preset.cloned(), args.model.clone());
    }
    // One data set for all phases takes the place of both.
    if args.dataset.is_some() {
        (base.dataset, base.dataset_unsup, base.dataset_sup) = (args.dataset.clone(), None, None);
    }
    over(&mut base.dataset_unsup, &args.dataset_unsup);
    over(&mut base.dataset_sup, &args.dataset_sup);
    over(&mut base.training_mode, &args.training_mode);
    over(&mut base.training_blocks, &args.training_blocks);
    over(&mut base.blocks_from, &args.blocks_from);
    let words = args.keys.sets(&args.set, || {
        let mut asked = space.clone();
        asked.base.set.extend(args.set.iter().cloned());
        Ok(asked.request(None).network(&asked.catalogue()?)?)
    })?;
    let base = &mut space.base;
    for set in words.iter().chain(&args.set) {
        let twin = space.axes.iter().find(|axis| axis.keys.iter().any(|k| k == key(set)));
        if let Some(axis) = twin {
            let message = format!("--set {set}: the space varies this key (axis `{}`)", axis.name);
            let hint = "copy the space's file and leave that axis out";
            return Err(SearchError::Usage(format!("{message}\nhint: {hint}")).into());
        }
        base.set.retain(|other| key(other) != key(set));
        base.set.push(set.clone());
    }
    base.validation_sup = args.validation_sup.unwrap_or(base.validation_sup);
    base.validation_unsup = args.validation_unsup.unwrap_or(base.validation_unsup);
    if let Some(seeds) = &args.seeds {
        if seeds.iter().collect::<BTreeSet<_>>().len() < seeds.len() {
            return Err(SearchError::Usage("--seeds names the same seed twice".to_string()).into());
        }
        space.seeds.clone_from(seeds);
    }
    space.num_samples = args.num_samples.map_or(space.num_samples, |n| usize::try_from(n).unwrap_or(usize::MAX));
    space.sampler_seed = args.seed.unwrap_or(space.sampler_seed);
    space.metric = args.metric.unwrap_or(space.metric);
    let run = &mut space.run;
    run.device = args.device.unwrap_or(run.device);
    run.precision = args.precision.unwrap_or(run.precision);
    run.features_on_disk |= args.features_on_disk;
    run.no_cache |= args.no_cache;
    run.save_model |= args.save_model;
    run.keep = args.keep.unwrap_or(run.keep);
    run.reuse_layers = args.reuse_layers.unwrap_or(run.reuse_layers);
    over(&mut run.model_name, &args.model_name);
    over(&mut run.data_dir, &args.data_dir);
    if let Some(name) = &run.model_name {
        files::name(name).map_err(|error| SearchError::Usage(format!("model_name {name:?}: {error}")))?;
    }
    if base.preset.is_none() && base.model.is_none() {
        let hint = "`softhebb search 4SoftHebbCnnCIFAR`, or `softhebb show` for the names of all presets";
        return Err(SearchError::Usage(format!("no network is named\nhint: {hint}")).into());
    }
    let drawn = space.axes.iter().any(|axis| axis.values.is_drawn());
    if space.num_samples > 1 && !drawn {
        let why = format!(
            "--num-samples {}: nothing is drawn in this space, so all samples would be the same",
            space.num_samples
        );
        return Err(SearchError::Usage(format!("{why}\nhint: --seeds 0,1,2 repeats it with other seeds")).into());
    }
    match space.count() {
        Some(n) if n <= crate::search::space::MOST_TRIALS => Ok(()),
        _ => {
            Err(SearchError::Usage(format!("these are more than {} trials", crate::search::space::MOST_TRIALS)).into())
        }
    }
}

/// The search that is asked for, as JSON: its space, the run that its trials vary, and the trials.
///
/// # Errors
/// When it cannot be printed.
pub fn json(asked: &Stored) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout().lock(), "{:#}", serde_json::to_value(asked)?)?)
}

/// The devices of the slots, as CUDA counts them; empty where trials run on the CPU.
///
/// # Errors
/// When GPUs were asked for that are not there.
pub fn gpu_slots(args: &SweepArgs, wanted: device::DeviceChoice) -> Result<Vec<String>, SearchError> {
    use device::DeviceChoice::{Auto, Cpu, Cuda};
    let asked = args.gpus.is_some() || !args.gpu_ids.is_empty();
    let usage = |why: String| SearchError::Usage(why);
    let one = match wanted {
        Cpu if asked && args.gpus != Some(0) => {
            return Err(usage("--device cpu and --gpus do not go together".to_string()));
        }
        Cpu => return Ok(Vec::new()),
        Cuda(n) => Some(n),
        Auto => None,
    };
    if args.gpus == Some(0) {
        return Ok(Vec::new());
    }
    let there = match device::load_cuda() {
        Ok(n) => n,
        Err(_) if !asked && one.is_none() => return Ok(Vec::new()),
        Err(cause) => return Err(usage(format!("no GPU can be used: {cause}\nhint: --device cpu runs anywhere"))),
    };
    let ids: Vec<usize> = match (args.gpus, args.gpu_ids.as_slice(), one) {
        (Some(n), _, _) => (0..n).collect(),
        (None, [], Some(n)) => vec![n],
        (None, [], None) => (0..there).collect(),
        (None, ids, _) => ids.to_vec(),
    };
    if let Some(missing) = ids.iter().find(|id| **id >= there) {
        return Err(usage(format!("there is no GPU {missing}: libtorch sees {there}")));
    }
    // Where some are hidden from this process, its numbers count those that are left.
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
    let names: Vec<&str> = visible.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let name = |id: &usize| names.get(*id).map_or_else(|| id.to_string(), ToString::to_string);
    // Each device once before any twice, so that few trials spread over all.
    Ok((0..args.trials_per_gpu).flat_map(|_| ids.iter().map(name)).collect())
}
