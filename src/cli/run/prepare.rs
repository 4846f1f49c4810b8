//! Arguments to a plan, a plan to a folder.

use std::io::Write as _;

use super::{Resume, RunArgs};
use crate::cli::{Usage, resume};
use crate::device::DeviceChoice;
use crate::files::{RunDir, write_atomic};
use crate::preset::{Catalogue, PresetError, replaced_units};
use crate::train::plan::Keep;
use crate::train::{Baseline, Request, RunPlan, TrainError, TrainingMode, baseline, compare, plan};

/// How a run begins.
#[derive(Debug)]
pub enum Start {
    /// As planned.
    Fresh,
    /// With the run in this folder.
    GoOn(RunDir),
    /// With the blocks of the run in this folder.
    TakeBlocks(RunDir),
}

/// The arguments of the demo with what was typed beside it, where no network is named and no run goes on.
///
/// # Errors
/// When the catalogue does not read.
pub fn demo(args: &RunArgs) -> anyhow::Result<Option<RunArgs>> {
    if args.preset.is_some() || args.model.is_some() || args.resume.is_some() {
        return Ok(None);
    }
    let mut demo = args.clone();
    demo.preset = catalogue(args)?.demo().map(str::to_string);
    if demo.baseline.is_empty() && demo.training_blocks.is_none() {
        demo.baseline = vec![Baseline::Random, Baseline::Pixels];
    }
    Ok(demo.preset.is_some().then_some(demo))
}

/// What there is to say of a plan beside the plan itself.
///
/// # Errors
/// When the catalogue does not read.
pub fn notes(args: &RunArgs, plan: &RunPlan) -> anyhow::Result<Vec<String>> {
    Ok(match &args.model {
        Some(text) => replaced_units(&catalogue(args)?.custom_model(text)?, &plan.network).into_iter().collect(),
        None => Vec::new(),
    })
}

/// Adds the baselines that were asked for to those that the plan has.
fn with_baselines(args: &RunArgs, plan: &mut RunPlan) -> Result<(), TrainError> {
    for which in &args.baseline {
        baseline::plan(plan, *which)?; // whether there is one
        if !plan.baseline.contains(which) {
            plan.baseline.push(*which);
        }
    }
    Ok(())
}

/// Resolves everything; touches nothing.
pub fn plan(args: &RunArgs) -> anyhow::Result<(RunPlan, Start)> {
    if args.preset.is_none() && args.model.is_none() {
        if let (Some(Resume::All), Some(dir)) = (args.resume, &args.run_dir) {
            let dir = RunDir::new(dir);
            let mut plan = resume::read_plan(&dir)?;
            if let Some(typed) = args.of_a_new_plan() {
                return Err(Usage(format!(
                    "{typed} belongs to the plan of a run, and the one in {} has its plan\n\
                     hint: leave it out, or start a new run without --resume",
                    dir.root().display()
                ))
                .into());
            }
            here(args, &mut plan, &dir)?;
            with_baselines(args, &mut plan)?;
            return Ok((plan, Start::GoOn(dir)));
        }
        let hint = match args.resume {
            Some(_) => {
                "--resume goes on with the run in --run-dir DIR, or with the newest of --preset NAME or --model 'BLOCKS'"
            }
            None => "give --preset NAME or --model 'BLOCKS'; `softhebb show` lists all presets",
        };
        return Err(Usage(format!("no network is named\nhint: {hint}")).into());
    }
    let mut plan = typed_plan(args)?;
    match args.resume {
        None => {
            with_baselines(args, &mut plan)?;
            Ok((plan, Start::Fresh))
        }
        Some(Resume::All) => {
            let dir = RunDir::new(args.run_dir.clone().map_or_else(|| resume::latest(args.results_dir(), &plan), Ok)?);
            let mut there = resume::read_plan(&dir)?;
            let differences = compare::differences(&there, &plan);
            if !differences.is_empty() {
                let list = compare::list(&differences);
                let hint =
                    format!("`softhebb run --resume all --run-dir {}` goes on with it as it is", dir.root().display());
                return Err(Usage(format!(
                    "the run in {} has another plan:{list}\nhint: {hint}",
                    dir.root().display()
                ))
                .into());
            }
            here(args, &mut there, &dir)?;
            with_baselines(args, &mut there)?;
            Ok((there, Start::GoOn(dir)))
        }
        Some(Resume::WithoutClassifier) => {
            let dir = RunDir::new(args.run_dir.clone().map_or_else(|| resume::latest(args.results_dir(), &plan), Ok)?);
            let classifier = plan.network.blocks.len() - 1;
            plan.training_blocks = Some(vec![classifier]);
            plan.phases =
                plan::phases(&plan.network, &plan.dataset_unsup, &plan.dataset_sup, plan.mode, Some(&[classifier]))?;
            args.keys.check(&plan)?;
            plan.check_keep()?;
            plan.blocks_from = Some(std::path::absolute(dir.checkpoint())?);
            with_baselines(args, &mut plan)?;
            Ok((plan, Start::TakeBlocks(dir)))
        }
    }
}

/// Where and how a resumed run goes on may differ from where it began.
fn here(args: &RunArgs, plan: &mut RunPlan, dir: &RunDir) -> anyhow::Result<()> {
    plan.folder = dir.root().to_path_buf();
    plan.device = args.device().unwrap_or(plan.device);
    plan.features_on_disk |= args.features_on_disk;
    plan.no_cache |= args.no_cache;
    plan.threads = args.threads.unwrap_or(plan.threads);
    if args.data_dir.is_some() {
        plan.data_dir.clone_from(&args.data_dir);
    }
    if args.keep == Some(Keep::Best) {
        plan.keep = Keep::Best;
    }
    Ok(plan.check_keep()?)
}

fn catalogue(args: &RunArgs) -> Result<Catalogue, PresetError> {
    match &args.presets {
        Some(path) => Catalogue::load(path),
        None => Catalogue::embedded(),
    }
}

/// The plan that the arguments describe.
pub fn typed_plan(args: &RunArgs) -> anyhow::Result<RunPlan> {
    let catalogue = catalogue(args)?;
    let mut request = Request {
        preset: args.preset.clone(),
        model: args.model.clone(),
        dataset: args.dataset.clone(),
        dataset_unsup: args.dataset_unsup.clone(),
        dataset_sup: args.dataset_sup.clone(),
        mode: args.training_mode.unwrap_or(TrainingMode::Successive),
        training_blocks: args.training_blocks.clone(),
        set: [args.file.set.as_slice(), &args.set].concat(),
        validation_unsup: args.validation.unwrap_or(false),
        validation_sup: args.validation.unwrap_or(false),
        seed: args.seed.unwrap_or(0),
        device: args.device().unwrap_or(DeviceChoice::Auto),
        precision: args.precision.unwrap_or_default(),
        threads: args.threads.unwrap_or(0),
        features_on_disk: args.features_on_disk,
        no_cache: args.no_cache,
        record_every: args.record_every.unwrap_or(0),
        keep: args.keep.unwrap_or_default(),
        save: args.saves(),
        model_name: args.name.clone(),
        data_dir: args.data_dir.clone(),
    };
    // What is typed comes after the file, which it overrides.
    let network = || Ok(request.network(&catalogue)?);
    let of_file = args.file.keys.sets(&args.file.set, network)?;
    let typed = args.keys.sets(&args.set, network)?;
    request.set = [args.file.set.as_slice(), &of_file, &typed, &args.set].concat();
    let mut plan = request.plan(&catalogue)?;
    if let Some(name) = &args.file.network {
        plan.network.name.clone_from(name);
        plan.model = args.name.clone().unwrap_or_else(|| name.clone());
    }
    args.file.keys.check(&plan)?;
    args.keys.check(&plan)?;
    Ok(plan)
}

/// Makes the run's folder (or opens the one that is there), takes its lock and writes the plan.
pub fn claim(args: &RunArgs, plan: &mut RunPlan, start: &Start) -> anyhow::Result<Option<std::fs::File>> {
    if !plan.save {
        return Ok(None);
    }
    if !matches!(start, Start::GoOn(_)) {
        plan.folder = resume::new_folder(args.results_dir(), plan)?;
    }
    let dir = RunDir::new(&plan.folder);
    let lock = dir.lock()?.ok_or_else(|| {
        let folder = plan.folder.display();
        anyhow::anyhow!("another process is running in {folder}\nhint: wait for it, or stop it with Ctrl-C")
    })?;
    // A run that goes on keeps its plan as it was written; how it went on is in its provenance.
    let mut written = match start {
        Start::GoOn(_) => resume::read_plan(&dir)?,
        _ => plan.clone(),
    };
    // Unless it is asked for one more baseline.
    if !matches!(start, Start::GoOn(_)) || written.baseline != plan.baseline {
        written.baseline.clone_from(&plan.baseline);
        let text = serde_json::to_string_pretty(&written)?;
        write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
    }
    Ok(Some(lock))
}
