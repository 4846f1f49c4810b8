//! `softhebb robustness`: accuracy under noise and attacks of growing strength, as a table and a figure.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser};
use tch::Tensor;

use super::run::{self, RunArgs};
use super::{Usage, progress, resume};
use crate::data::DataDirs;
use crate::device::{self, DeviceChoice, Precision};
use crate::draw::chart::{Chart, Series};
use crate::draw::scene::Scene;
use crate::files::{RunDir, write_atomic};
use crate::layer::Network;
use crate::robust::{Attack, How, attack, correct};
use crate::train::checkpoint;

/// Interrupted by the user.
const INTERRUPTED: u8 = 130;
/// Images attacked together.
const BATCH: usize = 250;
/// The networks of one layer that are trained if no run is named: name and blocks.
const MODELS: [(&str, &str); 3] = [
    ("SoftHebb", "Soft-cUNITS-t12-lr0.045-r35-v1 flatten triangle; BP-c10"),
    ("HardWTA", "Hard-cUNITS-lr0.045-r35-v1 flatten triangle; BP-c10"),
    ("BP", "BP-cUNITS flatten relu; BP-c10"),
];
/// Name of the network whose gradient attacks the others.
const SOURCE: &str = "BP";

/// Accuracy under Gaussian noise and under projected gradient descent, L2 and L∞, of growing strength.
#[derive(Debug, Args)]
pub struct RobustnessArgs {
    /// Folders of finished runs on the same data [default: SoftHebb, hard WTA and BP of one layer are trained].
    #[arg(value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// MNIST, FashionMNIST or FashionMini: what the default networks are trained on.
    #[arg(long, value_name = "NAME", default_value = "FashionMNIST")]
    dataset: String,
    /// Seeds of the default networks, from 0.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Epochs of the default networks' supervised phases.
    #[arg(long, value_name = "N", default_value_t = 20)]
    epochs: u64,
    /// Units of the default networks.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    units: u32,
    /// At most so many test images.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    images: usize,
    /// Steps of projected gradient descent.
    #[arg(long, value_name = "N", default_value_t = 40)]
    steps: usize,
    /// Standard deviations of the noise.
    #[arg(long, value_name = "X", value_delimiter = ',', default_values_t = [0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0])]
    noise: Vec<f64>,
    /// Radii of the attacks in the L2 norm.
    #[arg(long, value_name = "X", value_delimiter = ',', default_values_t = [0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0])]
    l2: Vec<f64>,
    /// Radii of the attacks in the L∞ norm, of pixels in [0, 1].
    #[arg(long, value_name = "X", value_delimiter = ',', default_values_t = [0.0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.16])]
    linf: Vec<f64>,
    /// Table and figure: PATH.csv, PATH.md, PATH.png and PATH.svg [default: robustness-DATASET beside RESULTS_DIR].
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Folder of the runs that are trained; those that are there are used.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    results_dir: PathBuf,
    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
}

/// A row of the table.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    model: String,
    seed: u64,
    attack: Attack,
    strength: f64,
    accuracy: f64,
    images: usize,
}

/// A command line of `run` as a type of its own.
#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    run: RunArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When a run, its data or a file fails.
pub fn run(args: &RobustnessArgs) -> anyhow::Result<ExitCode> {
    let strengths = [&args.noise, &args.l2, &args.linf];
    if strengths.iter().any(|s| s.is_empty() || s.iter().any(|v| !v.is_finite() || *v < 0.0)) || args.steps == 0 {
        return Err(Usage("strengths must be numbers of at least 0, and --steps at least 1".into()).into());
    }
    let runs = match args.runs.as_slice() {
        [] => match train(args)? {
            Some(runs) => runs,
            None => return Ok(ExitCode::from(INTERRUPTED)),
        },
        named => named.to_vec(),
    };
    let stop = run::stop_flag()?;
    let on = args.device.resolve(Precision::Float32)?;
    device::set_threads(args.threads);
    let mut all = runs.iter().map(|run| Subject::open(run, on)).collect::<anyhow::Result<Vec<_>>>()?;
    let Some(rows) = measure(args, &mut all, &stop)? else { return Ok(ExitCode::from(INTERRUPTED)) };
    let name = all.first().map_or_else(String::new, |s| s.plan.dataset_sup.name.clone());
    let own = || {
        args.results_dir.parent().unwrap_or(Path::new("")).join(format!("robustness-{}", name.replace([':', '/'], "-")))
    };
    let out = args.out.clone().unwrap_or_else(own);
    write(&out, &rows, &name, args)?;
    Ok(ExitCode::SUCCESS)
}

/// Trains the default networks, or finds them trained; `None` if the user stopped.
fn train(args: &RobustnessArgs) -> anyhow::Result<Option<Vec<PathBuf>>> {
    let mut runs = Vec::new();
    for seed in 0..args.seeds.max(1) {
        for (name, model) in MODELS {
            let model = &model.replace("UNITS", &args.units.to_string());
            // One joint phase for backpropagation through both layers.
            let mode = if name == SOURCE { "simultaneous" } else { "successive" };
            let (model_name, set) = (format!("robustness-{name}"), format!("dataset_sup.nb_epoch={}", args.epochs));
            let (seed, results) = (seed.to_string(), args.results_dir.display().to_string());
            let (unsup, sup) = (format!("{}_1-32", args.dataset), format!("{}_20", args.dataset));
            let (device, threads) = (args.device.to_string(), args.threads.to_string());
            let mut words = vec![
                "run",
                "--model",
                model,
                "--model-name",
                &model_name,
                "--dataset-unsup",
                &unsup,
                "--dataset-sup",
                &sup,
                "--set",
                &set,
                "--seed",
                &seed,
                "--results-dir",
                &results,
                "--training-mode",
                mode,
                "--device",
                &device,
                "--threads",
                &threads,
            ];
            let data = args.data_dir.as_ref().map(|d| d.display().to_string());
            if let Some(data) = &data {
                words.extend(["--data-dir", data]);
            }
            let line = Line::try_parse_from(words).map_err(|e| Usage(e.to_string()))?;
            if let Some(done) = run::finished(&line.run)? {
                eprintln!("{} is trained", done.display());
                runs.push(done);
                continue;
            }
            let mut folder = None;
            let code = run::run_then(&line.run, "run", &mut |finished| {
                folder = Some(finished.plan.folder.clone());
                Ok(true)
            })?;
            match folder {
                Some(folder) if code == ExitCode::SUCCESS => runs.push(folder),
                _ => return Ok(None),
            }
        }
    }
    Ok(Some(runs))
}

/// A network under attack.
struct Subject {
    name: String,
    plan: crate::train::RunPlan,
    network: Network,
}

impl Subject {
    fn open(run: &Path, on: tch::Device) -> anyhow::Result<Subject> {
        let dir = RunDir::new(run);
        let plan = resume::read_plan(&dir)?;
        let mut network = Network::new(&plan.network, plan.seed, on);
        network.load(&checkpoint::load(&dir)?.state, |_| true)?;
        let name = plan.model.strip_prefix("robustness-").unwrap_or(&plan.model).to_string();
        Ok(Subject { name, plan, network })
    }
}

fn measure(args: &RobustnessArgs, all: &mut [Subject], stop: &AtomicBool) -> anyhow::Result<Option<Vec<Row>>> {
    let mut rows = Vec::new();
    let Some(first) = all.first() else { return Ok(Some(rows)) };
    let mut plan = first.plan.clone();
    plan.dataset_unsup = plan.dataset_sup.clone();
    if let Some(other) = all.iter().find(|s| s.plan.dataset_sup.name != plan.dataset_sup.name) {
        let (a, b) = (&plan.dataset_sup.name, &other.plan.dataset_sup.name);
        return Err(Usage(format!("the runs are on {a} and on {b}: only runs on the same data can be compared")).into());
    }
    if plan.dataset_sup.zca_whitened || crate::data::pictures::is_pictures(&plan.dataset_sup.name) {
        return Err(Usage("attacks are on pixels in [0, 1]: whitened or normalised images have others".into()).into());
    }
    let dirs = DataDirs::resolve(args.data_dir.as_deref().or(plan.data_dir.as_deref()))?;
    let data = progress::load(&plan, &dirs, all[0].network.device(), Some(stop))?;
    let bank = &data.banks[data.sup.test.bank];
    let test: Vec<i64> = data.sup.test.rows.iter().copied().take(args.images.max(1)).collect();
    for i in 0..all.len() {
        let source =
            (0..all.len()).find(|j| all[*j].name == SOURCE && all[*j].plan.seed == all[i].plan.seed && *j != i);
        for kind in Attack::ALL {
            let strengths = match kind {
                Attack::Noise => &args.noise,
                Attack::PgdL2 => &args.l2,
                Attack::PgdLinf | Attack::TransferLinf => &args.linf,
            };
            let guide = match kind {
                Attack::TransferLinf => match source {
                    Some(j) => j,
                    None => continue,
                },
                _ => i,
            };
            for &strength in strengths {
                let mut right = 0;
                for (n, chunk) in test.chunks(BATCH).enumerate() {
                    if stop.load(Ordering::Relaxed) {
                        return Ok(None);
                    }
                    let index = Tensor::from_slice(chunk);
                    let how = How {
                        attack: kind,
                        strength,
                        steps: args.steps,
                        seed: device::stream(0, &["batch".into(), (n as u64).into()]),
                    };
                    right += device::guard("attacking", || {
                        let x = bank.images(&index, all[i].network.device());
                        let labels = bank.labels(&index).to_device(all[i].network.device());
                        let y = attack(&mut all[guide].network, &x, &labels, how);
                        correct(&mut all[i].network, &y, &labels)
                    })?;
                }
                let accuracy = 100.0 * right as f64 / test.len().max(1) as f64;
                let (model, seed) = (all[i].name.clone(), all[i].plan.seed);
                eprintln!("  {model}, seed {seed}, {}, {strength}: {accuracy:.2} %", kind.title());
                rows.push(Row { model, seed, attack: kind, strength, accuracy, images: test.len() });
            }
        }
    }
    Ok(Some(rows))
}

/// Mean and standard deviation over seeds (0 for one) at each strength.
fn curve(rows: &[Row], model: &str, kind: Attack) -> Vec<(f64, f64, f64)> {
    let mut strengths: Vec<f64> =
        rows.iter().filter(|r| r.model == model && r.attack == kind).map(|r| r.strength).collect();
    strengths.sort_by(f64::total_cmp);
    strengths.dedup();
    let at = |strength: f64| {
        let of: Vec<f64> = rows
            .iter()
            .filter(|r| r.model == model && r.attack == kind && r.strength == strength)
            .map(|r| r.accuracy)
            .collect();
        let n = of.len() as f64;
        let mean = of.iter().sum::<f64>() / n.max(1.0);
        let variance = of.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        (strength, mean, variance.sqrt())
    };
    strengths.into_iter().map(at).collect()
}

fn models(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        if !names.contains(&row.model) {
            names.push(row.model.clone());
        }
    }
    names
}

fn write(out: &Path, rows: &[Row], dataset: &str, args: &RobustnessArgs) -> anyhow::Result<()> {
    let named = |end: &str| {
        let mut name = out.file_name().unwrap_or_default().to_os_string();
        name.push(end);
        out.with_file_name(name)
    };
    write_atomic(&named(".csv"), |file| {
        let mut table = csv::Writer::from_writer(file);
        rows.iter().try_for_each(|r| table.serialize(r))?;
        table.flush()
    })?;
    let text = markdown(rows, dataset, args);
    write_atomic(&named(".md"), |file| file.write_all(text.as_bytes()))?;
    let figure = figure(rows, dataset).write(out)?;
    let mut screen = io::stdout().lock();
    write!(screen, "{text}")?;
    for path in [named(".csv"), named(".md")].iter().chain(&figure) {
        writeln!(screen, "  {}", path.display())?;
    }
    Ok(())
}

fn markdown(rows: &[Row], dataset: &str, args: &RobustnessArgs) -> String {
    let names = models(rows);
    let seeds: std::collections::BTreeSet<u64> = rows.iter().map(|r| r.seed).collect();
    let list = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let images = rows.first().map_or(0, |r| r.images);
    let mut text = format!(
        "Accuracy, %, on {images} test images of {dataset}; seeds {list}; {} steps of projected gradient descent.\n\n",
        args.steps
    );
    for kind in Attack::ALL {
        let curves: Vec<_> = names.iter().map(|n| (n, curve(rows, n, kind))).filter(|(_, c)| !c.is_empty()).collect();
        let Some((_, first)) = curves.first() else { continue };
        let heads = curves.iter().map(|(n, _)| format!(" {n} |")).collect::<String>();
        text.push_str(&format!(
            "| {}, {} |{heads}\n|---:|{}\n",
            kind.title(),
            kind.strength(),
            "---:|".repeat(curves.len())
        ));
        for (i, (strength, ..)) in first.iter().enumerate() {
            let cell = |c: &[(f64, f64, f64)]| match c.get(i) {
                Some((_, mean, spread)) if seeds.len() > 1 => format!(" {mean:.2} ± {spread:.2} |"),
                Some((_, mean, _)) => format!(" {mean:.2} |"),
                None => " |".to_string(),
            };
            text.push_str(&format!("| {strength} |{}\n", curves.iter().map(|(_, c)| cell(c)).collect::<String>()));
        }
        text.push('\n');
    }
    text
}

fn figure(rows: &[Row], dataset: &str) -> Scene {
    const SIDE: f64 = 400.0;
    const HEIGHT: f64 = 340.0;
    let names = models(rows);
    let kinds: Vec<Attack> = Attack::ALL.into_iter().filter(|k| rows.iter().any(|r| r.attack == *k)).collect();
    let columns = kinds.len().clamp(1, 2);
    let lines = kinds.len().div_ceil(columns).max(1);
    let mut scene = Scene::new((SIDE * columns as f64) as u32, (HEIGHT * lines as f64) as u32);
    for (i, kind) in kinds.into_iter().enumerate() {
        // Every network is a series in every panel, so that its colour is the same; one without a curve has no name there.
        let series = names.iter().map(|name| {
            let curve = curve(rows, name, kind);
            Series {
                name: if curve.is_empty() { String::new() } else { name.clone() },
                points: curve.iter().map(|c| [c.0, c.1]).collect(),
                spread: curve.iter().map(|c| c.2).collect(),
                marks: true,
                ..Series::default()
            }
        });
        let chart = Chart {
            title: format!("{dataset}: {}", kind.title()),
            x: kind.strength().to_string(),
            y: "test accuracy, %".into(),
            y_range: Some([0.0, 100.0]),
            series: series.collect(),
            ..Chart::default()
        };
        chart.draw(&mut scene, [SIDE * (i % columns) as f64, HEIGHT * (i / columns) as f64, SIDE, HEIGHT]);
    }
    scene
}
