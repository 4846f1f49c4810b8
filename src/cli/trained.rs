//! RUN: a run's folder, a checkpoint file, or a search's folder; and which images are looked at.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::{Usage, progress, resume};
use crate::data::DataDirs;
use crate::device::{self, DeviceChoice, Precision};
use crate::files::RunDir;
use crate::layer::Network;
use crate::search::SearchDir;
use crate::search::state::Status;
use crate::search::store::Stored;
use crate::search::tables::{Row, best};
use crate::study::choice::{Chosen, Split};
use crate::train::checkpoint::{self, Kept};
use crate::train::data::RunData;
use crate::train::{RunPlan, TrainError};

/// A trained network by its files; nothing is read but the plan.
#[derive(Debug)]
pub struct Found {
    /// The run's folder.
    pub dir: RunDir,
    /// The network's file.
    pub file: PathBuf,
    /// The run's plan.
    pub plan: RunPlan,
    /// Which trial it is, if a search was named.
    pub trial: Option<usize>,
}

impl Found {
    /// Finds the network of a run: the last one, or the best one that the run kept.
    ///
    /// # Errors
    /// When there is none; says where to look.
    pub fn new(run: &Path, best: bool) -> anyhow::Result<Found> {
        if run.is_file() {
            return Found::file(run, best);
        }
        let search = SearchDir::new(run);
        let (dir, trial) = match search.json().is_file() {
            true => trial_of(&search, best)?,
            false => (RunDir::new(run), None),
        };
        let plan = resume::read_plan(&dir)?;
        let file = if best { dir.best() } else { dir.checkpoint() };
        if !file.is_file() {
            let hint = match best {
                true => "`softhebb run --keep best --validation` keeps it; without --best the last network is taken",
                false => "the run has not saved a network yet; a search keeps those of its trials with --save-model",
            };
            return Err(anyhow::anyhow!("there is no {}\nhint: {hint}", file.display()));
        }
        Ok(Found { dir, file, plan, trial })
    }

    fn file(path: &Path, best: bool) -> anyhow::Result<Found> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let dir = RunDir::new(folder);
        if best {
            return Err(Usage("--best chooses a file of a run's folder, and a file is named".into()).into());
        }
        if path.extension().is_none_or(|end| end != "safetensors") {
            let hint = "RUN is a run's folder, or a .safetensors file in it";
            return Err(Usage(format!("{} is no checkpoint\nhint: {hint}", path.display())).into());
        }
        Ok(Found { plan: resume::read_plan(&dir)?, dir, file: path.to_path_buf(), trial: None })
    }

    /// The network on a device, and what its file says. The device comes before the first tensor, so it is chosen here; a
    /// precision that it does not have gives way to 32-bit floats, with a note.
    ///
    /// # Errors
    /// When the device or the file cannot be used.
    pub fn network(&self, device: DeviceChoice, threads: usize) -> anyhow::Result<(Network, Kept)> {
        let wanted = self.plan.precision;
        let (on, precision) = match device.resolve(wanted) {
            Ok(on) => (on, wanted),
            Err(error) if wanted != Precision::Float32 => {
                let on = device.resolve(Precision::Float32)?;
                note(&format!("computed with 32-bit floats: {error}"));
                (on, Precision::Float32)
            }
            Err(error) => return Err(error.into()),
        };
        device::set_threads(threads);
        let kept = checkpoint::read_network(&self.file)?;
        let mut network = Network::new(&self.plan.network, self.plan.seed, on);
        network.set_precision(precision);
        network.load(&kept.state, |_| true).map_err(|e| {
            anyhow::anyhow!("{} does not fit the plan in {}: {e}", self.file.display(), self.dir.config().display())
        })?;
        Ok((network, kept))
    }

    /// One line: which network of which run.
    pub fn title(&self, kept: &Kept) -> String {
        let file = self.file.file_name().unwrap_or_default().to_string_lossy();
        let trial = self.trial.map(|n| format!("trial {n} · ")).unwrap_or_default();
        let at = match (&kept.best, &kept.progress) {
            (Some(best), _) => format!(" of epoch {}, validation {:.2} %", best.global_epoch, best.validation_acc),
            (None, Some(p)) if p.phase < self.plan.phases.len() => {
                format!(" of a run that stands in phase {}/{}", p.phase + 1, self.plan.phases.len())
            }
            (None, Some(p)) => format!(" of epoch {}", p.global_epoch),
            (None, None) => String::new(),
        };
        format!("{trial}{} · seed {} · {file}{at}", self.plan.model, self.plan.seed)
    }
}

/// Says something that is not the result.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "note: {text}"); // nobody is left to tell
}

/// The best trial of a search whose network is kept, or the first that has finished.
fn trial_of(search: &SearchDir, with_best: bool) -> anyhow::Result<(RunDir, Option<usize>)> {
    let stored = Stored::read(search)?;
    let has_network = |dir: &RunDir| if with_best { dir.best().is_file() } else { dir.checkpoint().is_file() };
    let mut rows = stored.rows(search)?;
    rows.retain(|row| row.state.status == Status::Finished && has_network(&search.trial(&row.trial).run));
    let Some(first) = rows.first() else {
        let hint = "`softhebb search --save-model` keeps the networks of trials, --keep best their best ones";
        let folder = search.root().display();
        return Err(anyhow::anyhow!("no finished trial of {folder} kept its network\nhint: {hint}"));
    };
    let metric = stored.space.metric;
    // Of the best combination, the seed with the best value.
    let value = |row: &Row| row.latest.metrics[metric.place()].unwrap_or(f64::NAN);
    let better = |a: &&Row, b: &&Row| {
        if metric.is_better(value(b), value(a)) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater }
    };
    let chosen = best(&stored.space, &rows).and_then(|found| found.first.trials.into_iter().max_by(better));
    let (row, why) = match chosen {
        Some(row) => (row, format!("the best by {} of those with a network", metric.name())),
        None => (first, format!("the first with a network: none has {}", metric.name())),
    };
    let dir = search.trial(&row.trial).run;
    note(&format!("trial {}, {why}: {}", row.trial.index, dir.root().display()));
    Ok((dir, Some(row.trial.index)))
}

/// Which network and which images.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// A run's folder, a checkpoint in it, or a search's folder (its best trial).
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// The network of the best validation score (`run --keep best`), not the last one.
    #[arg(long)]
    pub best: bool,

    /// Another data set of the same shape: MNIST, CIFAR10_50, folder:PATH [default: the run's].
    #[arg(long, value_name = "NAME", help_heading = "Images")]
    pub dataset: Option<String>,

    /// Which of its images.
    #[arg(long, value_enum, value_name = "SPLIT", default_value = "test", help_heading = "Images")]
    pub split: Split,

    /// At most so many, evenly through the split [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Images")]
    pub limit: Option<u64>,

    /// Folder of the data sets [default: the run's].
    #[arg(long, value_name = "DIR", help_heading = "Images")]
    pub data_dir: Option<PathBuf>,

    /// auto, cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Machine")]
    pub device: DeviceChoice,

    /// Threads [default: all cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, help_heading = "Machine")]
    pub threads: usize,

    /// Images at once.
    #[arg(
        long,
        value_name = "N",
        default_value = "500",
        value_parser = clap::value_parser!(u64).range(1..=100_000),
        help_heading = "Machine"
    )]
    pub batch_size: u64,
}

impl LookArgs {
    /// The most images.
    pub fn limit(&self) -> Option<usize> {
        self.limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX))
    }

    /// Reads the images of a choice.
    ///
    /// # Errors
    /// When they are not there, with a way out.
    pub fn load(&self, plan: &RunPlan, chosen: &Chosen, on: tch::Device, stop: &AtomicBool) -> anyhow::Result<RunData> {
        let dirs = DataDirs::resolve(self.data_dir.as_deref().or(plan.data_dir.as_deref()))?;
        let sets = [&chosen.learned, &chosen.shown];
        let data = progress::load_sets(sets, !plan.no_cache, &dirs, on, Some(stop)).map_err(TrainError::Data)?;
        chosen.notes.iter().for_each(|text| note(text));
        Ok(data)
    }

    /// What the images are called in names of files: `CIFAR10_50-test`, `CIFAR10_50-test-100-best`.
    pub fn stem(&self, chosen: &Chosen) -> String {
        let limit = self.limit.map(|n| format!("-{n}")).unwrap_or_default();
        let best = if self.best { "-best" } else { "" };
        format!("{}-{}{limit}{best}", chosen.shown.config, self.split.name())
    }
}
