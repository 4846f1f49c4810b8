//! `softhebb robustness`: accuracy under noise and attacks of growing strength, as a table and a figure.

mod networks;
mod table;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Args;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::options::{DryRunArgs, FolderArgs, MachineArgs, Numbers, ResultsArgs, ResumeArgs, TalkArgs, typed_over};
use super::provenance;
use super::resume::{self, Kind};
use super::run::{INTERRUPTED, stop_flag};
use crate::device::{self, DeviceChoice, Precision};
use crate::files::{RunDir, write_atomic};
use crate::report::Verbosity;
use crate::report::format::shell;
use crate::robust::{Attack, How, attack, correct};
use crate::train::data::RunData;
use networks::{SOURCE, Subject, Work, subjects};
use table::{Row, figure, markdown};

/// Images attacked together.
const BATCH: usize = 250;
/// The folder of these runs below that of all.
const FOLDER: &str = "robustness";
/// The command.
const COMMAND: &str = "softhebb robustness";

/// Accuracy under Gaussian noise and under projected gradient descent, L2 and L∞, of growing strength.
#[derive(Debug, Args)]
pub struct RobustnessArgs {
    /// Folders of finished runs on the same data [default: SoftHebb, hard WTA and BP of one layer are trained].
    #[arg(value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Units of the default networks.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Network")]
    units: u32,
    /// MNIST, FashionMNIST or FashionMini: what the default networks are trained on.
    #[arg(long, value_name = "NAME", default_value = "FashionMNIST", help_heading = "Data")]
    dataset: String,
    /// At most so many test images, from the first.
    #[arg(long, value_name = "N", default_value_t = 1000, alias = "images", value_parser = crate::cli::number::count::<usize>, help_heading = "Data")]
    limit: usize,
    #[command(flatten)]
    folder: FolderArgs,
    /// Epochs of the default networks' supervised phases.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Training")]
    epochs: u64,
    /// Each default network is trained with so many seeds, from --seed.
    #[arg(long, value_name = "N", default_value_t = 1, alias = "seeds", value_parser = clap::value_parser!(u64).range(1..=1000), help_heading = "Training")]
    num_seeds: u64,
    /// Seed of the attacks and of the first default networks.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    seed: u64,
    /// Standard deviations of the noise.
    #[arg(long, value_name = "LIST", default_value = "0,0.1,0.2,0.3,0.4,0.6,0.8,1", allow_hyphen_values = true, value_parser = strengths, help_heading = "Attacks")]
    noise: Numbers,
    /// Radii of the attacks in the L2 norm.
    #[arg(long, value_name = "LIST", default_value = "0,0.25,0.5,1,1.5,2,3,4", allow_hyphen_values = true, value_parser = strengths, help_heading = "Attacks")]
    l2: Numbers,
    /// Radii of the attacks in the L∞ norm, of pixels in [0, 1].
    #[arg(long, value_name = "LIST", default_value = "0,0.01,0.02,0.04,0.06,0.08,0.12,0.16", allow_hyphen_values = true, value_parser = strengths, help_heading = "Attacks")]
    linf: Numbers,
    /// Steps of projected gradient descent.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = crate::cli::number::count::<usize>, help_heading = "Attacks")]
    steps: usize,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    resume: ResumeArgs,
    #[command(flatten)]
    results: ResultsArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Strengths: numbers of at least 0.
fn strengths(text: &str) -> Result<Numbers, String> {
    let numbers: Numbers = text.parse()?;
    match numbers.0.iter().find(|x| **x < 0.0) {
        Some(x) => Err(format!("{x} is below 0, and a strength must be at least 0")),
        None => Ok(numbers),
    }
}

/// Everything that is measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    command: String,
    runs: Vec<PathBuf>,
    dataset: String,
    units: u32,
    epochs: u64,
    num_seeds: u64,
    seed: u64,
    limit: usize,
    noise: Vec<f64>,
    l2: Vec<f64>,
    linf: Vec<f64>,
    steps: usize,
    device: DeviceChoice,
    threads: usize,
    data_dir: Option<PathBuf>,
}

impl RobustnessArgs {
    fn plan(&self) -> anyhow::Result<Plan> {
        Ok(Plan {
            command: FOLDER.to_string(),
            // From wherever it goes on.
            runs: self.runs.iter().map(std::path::absolute).collect::<io::Result<_>>()?,
            dataset: self.dataset.clone(),
            units: self.units,
            epochs: self.epochs,
            num_seeds: self.num_seeds,
            seed: self.seed,
            limit: self.limit,
            noise: self.noise.0.clone(),
            l2: self.l2.0.clone(),
            linf: self.linf.0.clone(),
            steps: self.steps,
            device: self.machine.choice(),
            threads: self.machine.threads(),
            data_dir: self.folder.data_dir.clone(),
        })
    }

    /// The plan, and the folder of the run that it goes on with.
    fn prepare(&self) -> anyhow::Result<(Plan, Option<RunDir>)> {
        let plan = self.plan()?;
        if self.resume.resume.is_none() {
            return Ok((plan, None));
        }
        let dir = match &self.resume.run_dir {
            Some(dir) => RunDir::new(dir),
            None => self.results.newest(FOLDER, &stem(&plan, &subjects(&plan)?))?,
        };
        let there: Plan = resume::read(&dir, Kind::Robustness)?;
        let asked: Plan = typed_over(&there, &plan, |none: &RobustnessArgs| none.plan())?;
        let neutral = |plan: &Plan| Plan { device: DeviceChoice::Auto, threads: 0, data_dir: None, ..plan.clone() };
        resume::same_plan(&dir, &neutral(&there), &neutral(&asked), COMMAND)?;
        Ok((asked, Some(dir)))
    }
}

/// Name of the folder: the data, and the units of the networks that are trained.
fn stem(plan: &Plan, all: &[Subject]) -> String {
    let data = all.first().map_or("", |s| &s.plan.dataset_sup.name).replace([':', '/'], "-");
    if plan.runs.is_empty() {
        format!("{data}-c{}-seed{}", plan.units, plan.seed)
    } else {
        format!("{data}-seed{}", plan.seed)
    }
}

/// Runs the subcommand.
///
/// # Errors
/// When a run, its data or a file fails.
pub fn run(args: &RobustnessArgs) -> anyhow::Result<ExitCode> {
    let (plan, found) = args.prepare()?;
    let mut all = subjects(&plan)?;
    if args.dry_run.dry_run {
        let below = found.as_ref().map_or(args.results.results_dir.join(FOLDER), |dir| dir.root().to_path_buf());
        let names: Vec<String> = all.iter().map(|s| format!("{} (seed {})", s.name, s.plan.seed)).collect();
        let title = format!("robustness of {}", names.join(", "));
        args.dry_run.print(&title, &plan, args.results.saves().then_some(below.as_path()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let stop = stop_flag()?;
    let on = plan.device.resolve(Precision::Float32)?;
    device::set_threads(plan.threads);
    let mut work = Work { on, stop: &stop, verbosity: args.talk.verbosity(), again: String::new() };
    let mut first = all[0].plan.clone();
    first.data_dir = plan.data_dir.clone().or(first.data_dir);
    let name = first.dataset_sup.name.clone();
    // Everything that is missing is known before a folder is made.
    first.dataset_unsup = first.dataset_sup.clone();
    let data = work.images(&first, args.folder.download, &format!("{COMMAND} --dataset FashionMini"))?;
    if !plan.runs.is_empty() {
        for it in &mut all {
            work.ready(it, None)?;
        }
    }
    let dir = match found {
        Some(dir) => Some(dir),
        None => args.results.create(FOLDER, &stem(&plan, &all))?,
    };
    let mut lock = None;
    if let Some(dir) = &dir {
        lock = Some(resume::lock(dir)?);
        let text = serde_json::to_string_pretty(&plan)?;
        write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
        provenance::record(dir, on)?;
        work.again = format!("{COMMAND} --resume all --run-dir {}", shell(&dir.root().display().to_string()));
    }
    let code = compare(&plan, &work, &mut all, &data, dir.as_ref(), &name)?;
    drop(lock);
    Ok(code)
}

/// Trains what is not trained, attacks all, and writes what came of it.
fn compare(
    plan: &Plan,
    work: &Work,
    all: &mut [Subject],
    data: &RunData,
    dir: Option<&RunDir>,
    name: &str,
) -> anyhow::Result<ExitCode> {
    let mut rows = dir.map_or(Ok(Vec::new()), earlier)?;
    let mut done = true;
    for it in all.iter_mut().filter(|it| it.network.is_none()) {
        done = done && work.ready(it, dir.map(RunDir::root))?;
    }
    done = done && measure(plan, work, all, data, &mut rows, dir)?;
    if !done {
        if dir.is_some() {
            say(work.verbosity, &format!("next, go on:  {}", work.again));
        }
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let mut screen = io::stdout().lock();
    let text = markdown(&rows, name, plan.steps);
    write!(screen, "{text}")?;
    let Some(dir) = dir else { return Ok(ExitCode::SUCCESS) };
    let table = dir.root().join("table.md");
    write_atomic(&table, |file| file.write_all(text.as_bytes()))?;
    let figure = figure(&rows, name).write(&dir.root().join("pictures").join(FOLDER))?;
    for path in [table, dir.metrics()].iter().chain(&figure) {
        writeln!(screen, "  {}", path.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line of progress; nobody who listens does not stop the work.
fn say(verbosity: Verbosity, text: &str) {
    if verbosity != Verbosity::Quiet {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// The rows that are measured already.
fn earlier(dir: &RunDir) -> anyhow::Result<Vec<Row>> {
    let path = dir.metrics();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let broken = |e: csv::Error| anyhow::anyhow!("cannot go on with {}: {e}", path.display());
    csv::Reader::from_path(&path).map_err(broken)?.deserialize().map(|row| row.map_err(broken)).collect()
}

/// Attacks all networks; false if the user stopped it.
fn measure(
    plan: &Plan,
    work: &Work,
    all: &mut [Subject],
    data: &RunData,
    rows: &mut Vec<Row>,
    dir: Option<&RunDir>,
) -> anyhow::Result<bool> {
    let test: Vec<i64> = data.sup.test.rows.iter().copied().take(plan.limit).collect();
    for i in 0..all.len() {
        let source =
            (0..all.len()).find(|j| all[*j].name == SOURCE && all[*j].plan.seed == all[i].plan.seed && *j != i);
        for kind in Attack::ALL {
            let strengths = match kind {
                Attack::Noise => &plan.noise,
                Attack::PgdL2 => &plan.l2,
                Attack::PgdLinf | Attack::TransferLinf => &plan.linf,
            };
            let guide = match (kind, source) {
                (Attack::TransferLinf, Some(j)) => j,
                (Attack::TransferLinf, None) => continue,
                _ => i,
            };
            for &strength in strengths {
                let (model, seed) = (all[i].name.clone(), all[i].plan.seed);
                let same = |r: &Row| r.model == model && r.seed == seed && r.attack == kind && r.strength == strength;
                if rows.iter().any(same) {
                    continue;
                }
                let how = How { attack: kind, strength, steps: plan.steps, seed: plan.seed };
                let Some(right) = attacked(work, all, [guide, i], data, &test, how)? else { return Ok(false) };
                let accuracy = 100.0 * right as f64 / test.len().max(1) as f64;
                say(work.verbosity, &format!("  {model}, seed {seed}, {}, {strength}: {accuracy:.2} %", kind.title()));
                rows.push(Row { model, seed, attack: kind, strength, accuracy, images: test.len() });
                if let Some(dir) = dir {
                    write_atomic(&dir.metrics(), |file| {
                        let mut table = csv::Writer::from_writer(file);
                        rows.iter().try_for_each(|r| table.serialize(r))?;
                        table.flush()
                    })?;
                }
            }
        }
    }
    Ok(true)
}

/// How many images the second network gives their label, after an attack along the gradient of the first; `None` if the user
/// stopped it.
fn attacked(
    work: &Work,
    all: &mut [Subject],
    [guide, under]: [usize; 2],
    data: &RunData,
    test: &[i64],
    how: How,
) -> anyhow::Result<Option<i64>> {
    let bank = &data.banks[data.sup.test.bank];
    let mut right = 0;
    for (n, chunk) in test.chunks(BATCH).enumerate() {
        if work.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let index = Tensor::from_slice(chunk);
        let how = How { seed: device::stream(how.seed, &["batch".into(), (n as u64).into()]), ..how };
        let (x, labels) = (bank.images(&index, work.on), bank.labels(&index).to_device(work.on));
        let Some(network) = &mut all[guide].network else { continue };
        let y = device::guard("attacking", || attack(network, &x, &labels, how))?;
        let Some(network) = &mut all[under].network else { continue };
        right += device::guard("attacking", || correct(network, &y, &labels))?;
    }
    Ok(Some(right))
}
