//! Arguments to a plan, a plan to a folder.

use std::io::Write as _;

use super::{Resume, RunArgs};
use crate::cli::{Usage, resume};
use crate::device::DeviceChoice;
use crate::files::{RunDir, write_atomic};
use crate::preset::Catalogue;
use crate::train::plan::Keep;
use crate::train::{Request, RunPlan, TrainingMode, compare, plan};

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
            return Ok((plan, Start::GoOn(dir)));
        }
        let hint = "`softhebb run --preset 4SoftHebbCnnCIFAR`, or `softhebb show` for the names of all presets";
        return Err(Usage(format!("no network is named\nhint: give --preset NAME or --model 'BLOCKS': {hint}")).into());
    }
    let plan = typed_plan(args)?;
    match args.resume {
        None => Ok((plan, Start::Fresh)),
        Some(Resume::All) => {
            let dir = RunDir::new(args.run_dir.clone().map_or_else(|| resume::latest(&args.results_dir, &plan), Ok)?);
            let mut there = resume::read_plan(&dir)?;
            let differences = compare::differences(&there, &plan);
            if !differences.is_empty() {
                let list = differences.iter().map(|d| format!("\n  {d}")).collect::<String>();
                let hint =
                    format!("`softhebb run --resume all --run-dir {}` goes on with it as it is", dir.root().display());
                return Err(Usage(format!(
                    "the run in {} has another plan:{list}\nhint: {hint}",
                    dir.root().display()
                ))
                .into());
            }
            here(args, &mut there, &dir)?;
            Ok((there, Start::GoOn(dir)))
        }
        Some(Resume::WithoutClassifier) => {
            let dir = RunDir::new(args.run_dir.clone().map_or_else(|| resume::latest(&args.results_dir, &plan), Ok)?);
            let mut plan = plan;
            let classifier = plan.network.blocks.len() - 1;
            plan.training_blocks = Some(vec![classifier]);
            plan.phases =
                plan::phases(&plan.network, &plan.dataset_unsup, &plan.dataset_sup, plan.mode, Some(&[classifier]))?;
            plan.check_keep()?;
            plan.blocks_from = Some(std::path::absolute(dir.checkpoint())?);
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
    if args.threads > 0 {
        plan.threads = args.threads;
    }
    if args.data_dir.is_some() {
        plan.data_dir.clone_from(&args.data_dir);
    }
    if args.keep == Keep::Best {
        plan.keep = Keep::Best;
    }
    Ok(plan.check_keep()?)
}

/// The plan that the arguments describe.
pub fn typed_plan(args: &RunArgs) -> anyhow::Result<RunPlan> {
    let catalogue = match &args.presets {
        Some(path) => Catalogue::load(path)?,
        None => Catalogue::embedded()?,
    };
    let request = Request {
        preset: args.preset.clone(),
        model: args.model.clone(),
        dataset: args.dataset.clone(),
        dataset_unsup: args.dataset_unsup.clone(),
        dataset_sup: args.dataset_sup.clone(),
        mode: args.training_mode.unwrap_or(TrainingMode::Successive),
        training_blocks: args.training_blocks.clone(),
        set: args.set.clone(),
        validation_unsup: args.validation,
        validation_sup: args.validation,
        seed: args.seed.unwrap_or(0),
        device: args.device().unwrap_or(DeviceChoice::Auto),
        precision: args.precision,
        threads: args.threads,
        features_on_disk: args.features_on_disk,
        no_cache: args.no_cache,
        record_every: args.record_every,
        keep: args.keep,
        save: args.save,
        model_name: args.model_name.clone(),
        data_dir: args.data_dir.clone(),
    };
    Ok(request.plan(&catalogue)?)
}

/// Makes the run's folder (or opens the one that is there), takes its lock and writes the plan.
pub fn claim(args: &RunArgs, plan: &mut RunPlan, start: &Start) -> anyhow::Result<Option<std::fs::File>> {
    if !plan.save {
        return Ok(None);
    }
    if !matches!(start, Start::GoOn(_)) {
        plan.folder = resume::new_folder(&args.results_dir, plan)?;
    }
    let dir = RunDir::new(&plan.folder);
    let lock = dir.lock()?.ok_or_else(|| {
        let folder = plan.folder.display();
        anyhow::anyhow!("another process is running in {folder}\nhint: wait for it, or stop it with Ctrl-C")
    })?;
    // A run that goes on keeps its plan as it was written; how it went on is in its provenance.
    if !matches!(start, Start::GoOn(_)) {
        let text = serde_json::to_string_pretty(plan)?;
        write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
    }
    Ok(Some(lock))
}
