//! A search that begins or goes on: its folder, its plans, its runner.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::screen::Screen;
use super::{SweepArgs, ask, dry, words};
use crate::cli::provenance;
use crate::data::{DataDirs, DataError, pictures, shared};
use crate::device::{self, DeviceChoice};
use crate::files::{FileError, RunDir};
use crate::preset::config::DatasetConfig;
use crate::report::format::shell;
use crate::search::dir::TrialDir;
use crate::search::launch::Local;
use crate::search::layers::shared_phases;
use crate::search::policy::{self, Machine};
use crate::search::runner::{Options, Runner, Watcher as _};
use crate::search::state::{State, Status};
use crate::search::store::{self, Arithmetic, Kind, Stored};
use crate::search::work::{TrialPlan, VERSION, forget_network};
use crate::search::{SearchDir, SearchError};
use crate::train::RunPlan;
use crate::train::data::digest;

/// Runs a sweep.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &SweepArgs) -> anyhow::Result<ExitCode> {
    let fixed = match &args.resume {
        // That there is none comes before what is asked of it.
        Some(folder) => Stored::read(&SearchDir::new(folder))?.arithmetic,
        None => None,
    };
    let (mut space, file) = ask::space(args)?;
    let catalogue = space.catalogue()?;
    let left_out = space.fit(&space.request(None).network(&catalogue)?);
    store::check(&space, &file, &catalogue)?;
    let base = store::plan(&space, &catalogue, None)?;
    let mut asked = Stored::new(space, base);
    let planned = store::plans(&asked.space, &catalogue, &asked.trials)?;
    if args.dry_run {
        return dry::run(args, &file, &asked, &planned, &left_out);
    }
    // Whatever can be wrong is told before there is a folder.
    images(&planned, |set, dirs| digest(set, dirs).map(|_| ()))?;
    let slots = slots(args, asked.space.run.device, fixed)?;
    let cores = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let memory = device::available_memory().unwrap_or(8 << 30);
    let machine = Machine { cores, memory, gpu_slots: slots.len(), asked: args.parallel, fixed: None };
    if args.resume.is_none() || fixed.is_some() {
        let device = kind(&slots);
        let threads = match fixed.filter(|fixed| fixed.device == device) {
            Some(fixed) => fixed.threads,
            None => policy::share(machine, planned.len(), most_memory(&planned)).1,
        };
        asked.arithmetic = Some(Arithmetic { threads, device, precision: asked.space.run.precision });
    }
    let (dir, stored, notes, _lock) = open(args, &file, asked)?;
    let plans = store::plans(&stored.space, &catalogue, &stored.trials)?;
    provenance::record(
        &RunDir::new(dir.root()),
        if slots.is_empty() { tch::Device::Cpu } else { tch::Device::Cuda(0) },
    )?;
    let mut rows = stored.rows(&dir)?;
    for row in &mut rows {
        row.state = policy::on_entering(row.state.clone(), args.retry_failed);
        if row.state.status == Status::Finished && !stored.space.run.save_model {
            forget_network(&dir.trial(&row.trial).run); // its process was killed before it did
        }
    }
    let waiting = rows.iter().filter(|row| row.state.status == Status::Pending).count();
    let machine = Machine { fixed: stored.arithmetic.map(|fixed| fixed.threads), ..machine };
    let (parallel, threads) = policy::share(machine, waiting, most_memory(&plans));
    if waiting > 0 {
        // Decoded once for all trials; without the file each decodes for itself.
        // Pictures are kept decoded beside the data in any case; the first trial that needs them decodes.
        images(&plans, |set, dirs| match pictures::is_pictures(&set.name) {
            true => Ok(()),
            false => shared::pack(&set.name, &set.split, dirs, &dir.images()).map(|_| ()),
        })?;
    }
    let plans = trial_plans(&dir, &stored, plans, threads, parallel, !slots.is_empty())?;
    let options = Options {
        parallel,
        gpu_slots: slots,
        max_retries: args.max_retries,
        timeout: args.timeout,
        fail_fast: args.fail_fast,
    };
    let mut screen = Screen::new(&dir, args.quiet)?;
    let title = words::title(&stored, &dir, waiting, parallel, threads, &options);
    screen.say(&title, false);
    for key in left_out {
        screen.say(&format!("note: {key} is left out: this network has no such Hebbian block"), false);
    }
    for note in notes {
        screen.say(&format!("note: {note}"), false);
    }
    let interrupts = interrupts()?;
    let mut launcher = Local::new()?;
    let runner = Runner::new(&dir, &stored.space, (plans, rows), options, &mut launcher, &mut screen, &interrupts);
    let rows = runner.run()?;
    let interrupted = interrupts.load(Ordering::Relaxed) > 0;
    words::close(&dir, &stored.space, &rows, screen, interrupted)
}

/// The devices of the slots. A search that goes on does so on the kind of device that it began on.
fn slots(args: &SweepArgs, wanted: DeviceChoice, fixed: Option<Arithmetic>) -> Result<Vec<String>, SearchError> {
    let Some(fixed) = fixed.filter(|_| !args.accept_changes) else { return ask::gpu_slots(args, wanted) };
    let free = wanted == DeviceChoice::Auto && args.gpus.is_none() && args.gpu_ids.is_empty();
    let wanted = if free && fixed.device == Kind::Cpu { DeviceChoice::Cpu } else { wanted };
    let slots = ask::gpu_slots(args, wanted)?;
    let (there, here) = (fixed.device.name(), kind(&slots).name());
    if there != here {
        let hint = format!("--accept-changes goes on there; trials that have not finished begin anew on {here}");
        return Err(SearchError::Usage(format!(
            "the search began on {there} and would go on on {here}, which computes other last digits\nhint: {hint}"
        )));
    }
    Ok(slots)
}

fn kind(slots: &[String]) -> Kind {
    if slots.is_empty() { Kind::Cpu } else { Kind::Cuda }
}

type Opened = (SearchDir, Stored, Vec<String>, fs::File);

/// The folder, locked, with the search that is to run in it, and what there is to say about what was found there.
fn open(args: &SweepArgs, file: &str, asked: Stored) -> Result<Opened, SearchError> {
    let Some(folder) = &args.resume else {
        let dir = SearchDir::new(self::folder(args, file, &asked));
        fs::create_dir_all(dir.root()).map_err(FileError::write(dir.root()))?;
        let lock = dir.lock()?;
        if dir.json().exists() {
            let path = shell(&dir.root().display().to_string());
            let hint = format!("`softhebb search --resume {path}` goes on with it; --folder-name starts another one");
            return Err(SearchError::Usage(format!("{path} holds a search already\nhint: {hint}")));
        }
        asked.write(&dir)?;
        return Ok((dir, asked, Vec::new(), lock));
    };
    let dir = SearchDir::new(folder);
    let mut stored = Stored::read(&dir)?;
    let lock = dir.lock()?;
    let _ = fs::remove_file(dir.runner()); // the one that it names has ended
    let differences = stored.differences(&asked.space, &asked.base);
    if !differences.is_empty() && !args.accept_changes {
        let list = differences.iter().take(20).map(|d| format!("\n  {d}")).collect::<String>();
        let path = dir.root().display();
        return Err(SearchError::Usage(format!(
            "the search in {path} is another one than is asked for:{list}\n\
             hint: --accept-changes goes on with what is asked for; trials that both have keep their results"
        )));
    }
    let mut notes = Vec::new();
    // Results of trials that are under way belong to what they were begun with.
    let mut anew = stored.arithmetic.is_some() && stored.arithmetic != asked.arithmetic;
    stored.arithmetic = asked.arithmetic;
    if differences.is_empty() {
        stored.space.run = asked.space.run;
    } else {
        anew |= !crate::train::compare::differences(&stored.base, &asked.base).is_empty();
        let gone = stored.change(asked.space, asked.base);
        notes.extend(gone.iter().map(|trial| format!("trial {} is no longer part of the space", trial.index)));
    }
    for trial in &stored.trials {
        let folder = dir.trial(trial);
        if let Some(aside) = State::set_aside(&folder)? {
            let (index, aside) = (trial.index, aside.display());
            notes.push(format!(
                "the state of trial {index} is damaged: it is kept as {aside}, and the trial runs again"
            ));
        }
        if anew && State::read(&folder)?.status != Status::Finished {
            folder.begin_anew()?;
        }
    }
    stored.write(&dir)?;
    Ok((dir, stored, notes, lock))
}

/// The search's folder.
pub(super) fn folder(args: &SweepArgs, file: &str, asked: &Stored) -> PathBuf {
    args.resume.clone().unwrap_or_else(|| args.search_dir.join(folder_name(args, file, asked)))
}

/// `MODEL-CONFIG`, unless another name was given.
fn folder_name(args: &SweepArgs, file: &str, asked: &Stored) -> PathBuf {
    args.folder_name.clone().map_or_else(
        || {
            let config = PathBuf::from(file).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            PathBuf::from(format!("{}-{config}", asked.base.model))
        },
        PathBuf::from,
    )
}

/// The plan files of all trials.
fn trial_plans(
    dir: &SearchDir,
    stored: &Stored,
    plans: Vec<RunPlan>,
    threads: usize,
    parallel: usize,
    on_gpu: bool,
) -> anyhow::Result<Vec<TrialPlan>> {
    let run = &stored.space.run;
    let shared = shared_phases(&plans);
    let absolute = |path: &std::path::Path| std::path::absolute(path);
    let layers = run.reuse_layers.then(|| absolute(&run.layers_dir)).transpose()?;
    let (images, data_dir) = (absolute(&dir.images())?, run.data_dir.as_deref().map(absolute).transpose()?);
    let plan = |((trial, plan), shared_phases): ((&crate::search::Trial, RunPlan), usize)| TrialPlan {
        version: VERSION,
        trial: trial.clone(),
        config: store::config(&stored.space, trial),
        run: RunPlan {
            threads,
            data_dir: data_dir.clone(),
            folder: dir.trial(trial).root().to_path_buf(),
            // A slot shows its trial one device, which is the first it sees.
            device: if on_gpu { DeviceChoice::Cuda(0) } else { DeviceChoice::Cpu },
            ..plan
        },
        save_model: run.save_model,
        layers: layers.clone(),
        shared_phases,
        images: Some(images.clone()),
        beside: parallel,
        events: (!dir.trial(trial).root().join("tensorboard").is_dir()).then(|| TrialDir::events_of(trial)),
    };
    Ok(stored.trials.iter().zip(plans).zip(shared).map(plan).collect())
}

/// That of the trial that takes most.
pub(super) fn most_memory(plans: &[RunPlan]) -> u64 {
    plans.iter().map(memory_of).max().unwrap_or(0)
}

/// Bytes of memory that a trial takes: libtorch, its images, and the outputs of frozen blocks that it stores.
fn memory_of(plan: &RunPlan) -> u64 {
    const PROGRAM: u64 = 600 << 20;
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    let images = [&plan.dataset_unsup, &plan.dataset_sup].map(|d| {
        let count = number(d.training_sample) + number(d.val_sample) + number(d.testing_sample);
        let pixels = number(d.channels) * number(d.height) * number(d.width);
        (count, count * pixels * if d.zca_whitened { 4 } else { 1 })
    });
    let stored = plan.network.blocks.iter().map(|b| b.out_shape.iter().map(|n| number(*n)).product::<u64>() * 4);
    let stored = if plan.features_on_disk { 0 } else { stored.max().unwrap_or(0) };
    let images_in_all = images.iter().map(|(n, _)| *n).max().unwrap_or(0);
    PROGRAM + images.iter().map(|(_, bytes)| bytes).max().copied().unwrap_or(0) + images_in_all * stored
}

/// Does something with each data set of these plans. What is missing is told with a way out.
fn images(
    plans: &[RunPlan],
    mut with: impl FnMut(&DatasetConfig, &DataDirs) -> Result<(), DataError>,
) -> anyhow::Result<()> {
    let data_dir = plans.first().and_then(|plan| plan.data_dir.clone());
    let dirs = DataDirs::resolve(data_dir.as_deref())?;
    let sets: BTreeMap<(&str, &str, Option<i64>), &DatasetConfig> =
        plans.iter().flat_map(RunPlan::sets_read).map(|d| ((d.name.as_str(), d.split.as_str(), d.px), d)).collect();
    for set in sets.into_values() {
        match with(set, &dirs) {
            Ok(()) => {}
            Err(missing @ DataError::NotFound { .. }) => {
                let hint = missing.hint().map(|h| format!("\nhint: {h}")).unwrap_or_default();
                let other = "\nhint: --dataset FashionMini searches on the images inside the program";
                return Err(anyhow::anyhow!("{missing}{hint}{other}"));
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

/// Counts Ctrl-C and SIGTERM.
fn interrupts() -> anyhow::Result<Arc<AtomicUsize>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let count = Arc::new(AtomicUsize::new(0));
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        for _ in signals.forever() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    Ok(count)
}

/// Whether standard error is a terminal.
pub(super) fn has_terminal() -> bool {
    io::stderr().is_terminal()
}
