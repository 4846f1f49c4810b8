//! The networks that `softhebb robustness` compares: those of finished runs, or three of one layer that it trains.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use tch::Device;

use crate::cli::{Usage, images, progress, provenance, resume, run};
use crate::data::DataDirs;
use crate::files::{RunDir, write_atomic};
use crate::layer::Network;
use crate::preset::Catalogue;
use crate::report::{Console, Hub, LogFile, MetricsTable, PictureFiles, Tensorboard, Verbosity, closing};
use crate::train::data::RunData;
use crate::train::plan::Keep;
use crate::train::{Request, RunPlan, TrainError, Trainer, TrainingMode, checkpoint};

use super::Plan;

/// The networks of one layer that are trained if no run is named: name and blocks.
const MODELS: [(&str, &str); 3] = [
    ("SoftHebb", "Soft-cUNITS-t12-lr0.045-r35-v1 flatten triangle; BP-c10"),
    ("HardWTA", "Hard-cUNITS-lr0.045-r35-v1 flatten triangle; BP-c10"),
    ("BP", "BP-cUNITS flatten relu; BP-c10"),
];
/// Name of the network whose gradient attacks the others.
pub const SOURCE: &str = "BP";
/// The data sets that these networks are for.
const DATASETS: [&str; 3] = ["MNIST", "FashionMNIST", "FashionMini"];

/// A network under attack.
pub struct Subject {
    /// Its name in the table.
    pub name: String,
    /// Its plan.
    pub plan: RunPlan,
    /// Where it is; `None` if it is in memory only.
    pub dir: Option<RunDir>,
    /// Itself, once it is trained and read.
    pub network: Option<Network>,
}

/// The networks of a plan, of which nothing but the plans is read yet.
///
/// # Errors
/// When a run cannot be read, or they cannot be compared.
pub fn subjects(plan: &Plan) -> anyhow::Result<Vec<Subject>> {
    let mut all = if plan.runs.is_empty() { defaults(plan)? } else { Vec::new() };
    for run in &plan.runs {
        // As it was typed, where it is below the current folder.
        let typed = std::env::current_dir().ok().and_then(|here| run.strip_prefix(here).ok());
        let dir = RunDir::new(typed.unwrap_or(run));
        let there = resume::read_plan(&dir)?;
        let name = there.model.strip_prefix("robustness-").unwrap_or(&there.model).to_string();
        all.push(Subject { name, plan: there, dir: Some(dir), network: None });
    }
    // Runs of one model and seed are columns of their own.
    for i in 1..all.len() {
        let alike = |s: &&Subject| s.plan.model == all[i].plan.model && s.plan.seed == all[i].plan.seed;
        let n = all[..i].iter().filter(alike).count() + 1;
        if n > 1 {
            all[i].name = format!("{} ({n})", all[i].name);
        }
    }
    let Some(first) = all.first() else { return Err(Usage("there is no network to attack".into()).into()) };
    let sup = &first.plan.dataset_sup;
    if let Some(other) = all.iter().find(|s| s.plan.dataset_sup.name != sup.name) {
        let (a, b) = (&sup.name, &other.plan.dataset_sup.name);
        return Err(Usage(format!("the runs are on {a} and on {b}: only runs on the same data can be compared")).into());
    }
    if sup.zca_whitened || crate::data::pictures::is_pictures(&sup.name) {
        return Err(Usage("attacks are on pixels in [0, 1]: whitened or normalised images have others".into()).into());
    }
    Ok(all)
}

/// SoftHebb, hard WTA and BP of one layer, for each seed.
fn defaults(plan: &Plan) -> anyhow::Result<Vec<Subject>> {
    if !DATASETS.contains(&plan.dataset.as_str()) {
        let (name, known) = (&plan.dataset, DATASETS.join(", "));
        let hint = "for other data, name RUNs that are trained on them";
        return Err(
            Usage(format!("--dataset is {name}, but the default networks are for {known}\nhint: {hint}")).into()
        );
    }
    let catalogue = Catalogue::embedded()?;
    let mut all = Vec::new();
    for seed in plan.seed..plan.seed.saturating_add(plan.num_seeds) {
        for (name, blocks) in MODELS {
            let request = Request {
                preset: None,
                model: Some(blocks.replace("UNITS", &plan.units.to_string())),
                dataset: None,
                dataset_unsup: Some(format!("{}_1-32", plan.dataset)),
                dataset_sup: Some(format!("{}_20", plan.dataset)),
                // One joint phase for backpropagation through both layers.
                mode: if name == SOURCE { TrainingMode::Simultaneous } else { TrainingMode::Successive },
                training_blocks: None,
                set: vec![format!("dataset_sup.nb_epoch={}", plan.epochs)],
                validation_unsup: false,
                validation_sup: false,
                seed,
                device: plan.device,
                precision: crate::device::Precision::Float32,
                threads: plan.threads,
                features_on_disk: false,
                no_cache: false,
                record_every: 0,
                keep: Keep::Last,
                save: true,
                model_name: Some(name.to_string()),
                data_dir: plan.data_dir.clone(),
            };
            let plan = request.plan(&catalogue)?;
            all.push(Subject { name: name.to_string(), plan, dir: None, network: None });
        }
    }
    Ok(all)
}

/// What trains and reads networks.
pub struct Work<'a> {
    /// The device.
    pub on: Device,
    /// Set by Ctrl-C.
    pub stop: &'a AtomicBool,
    /// How much is said.
    pub verbosity: Verbosity,
    /// The command that goes on.
    pub again: String,
}

impl Work<'_> {
    /// The images of a plan, downloaded if they are missing and may be.
    ///
    /// # Errors
    /// When they are missing or broken.
    pub fn images(&self, plan: &RunPlan, download: bool, instead: &str) -> anyhow::Result<RunData> {
        let data_dir = plan.data_dir.as_deref();
        let load = || {
            let dirs = DataDirs::resolve(data_dir)?;
            Ok(progress::load(plan, &dirs, self.on, Some(self.stop)).map_err(TrainError::Data)?)
        };
        images::load(download, data_dir, Some(instead), load)
    }

    /// Reads the network of a finished run, or trains it, as a run of its own in `folder` if there is one. False if the user stopped it.
    ///
    /// # Errors
    /// When the run, its data or its files fail.
    pub fn ready(&self, it: &mut Subject, folder: Option<&Path>) -> anyhow::Result<bool> {
        if it.dir.is_none() {
            it.dir = folder.map(|f| RunDir::new(f.join("networks").join(format!("{}-seed{}", it.name, it.plan.seed))));
            it.plan.folder = it.dir.as_ref().map(|d| d.root().to_path_buf()).unwrap_or_default();
            it.plan.save = it.dir.is_some();
            if !it.dir.as_ref().is_some_and(|dir| finished(dir, &it.plan)) {
                it.network = self.train(it)?;
                if it.network.is_none() {
                    return Ok(false);
                }
            }
        }
        if let Some(dir) = &it.dir {
            // The network as it was saved, whether it was trained now or before.
            let mut network = Network::new(&it.plan.network, it.plan.seed, self.on);
            network.load(&checkpoint::load(dir)?.state, |_| true)?;
            it.network = Some(network);
        }
        Ok(true)
    }

    /// Trains; `None` if the user stopped it.
    fn train(&self, it: &Subject) -> anyhow::Result<Option<Network>> {
        let plan = &it.plan;
        let data = self.images(plan, false, "")?;
        let mut hub = Hub::new();
        let words = it.dir.as_ref().map(|dir| closing(dir, &[], &self.again));
        hub.add(Console::standard(self.verbosity, words.clone().unwrap_or_default()));
        let mut saved = None;
        if let Some(dir) = &it.dir {
            std::fs::create_dir_all(dir.root()).map_err(crate::files::FileError::write(dir.root()))?;
            hub.add(LogFile::new(dir, words.unwrap_or_default())).add(MetricsTable::new(dir, &plan.hebbian_blocks()));
            hub.add(Tensorboard::new(dir)).add(PictureFiles::new(dir));
            if dir.checkpoint().exists() {
                saved = Some(checkpoint::load(dir)?);
            }
            let text = serde_json::to_string_pretty(plan)?;
            write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
            provenance::record(dir, self.on)?;
        }
        let mut trainer = Trainer::new(plan, data, self.on, &mut hub, self.stop);
        if let (Some(saved), Some(dir)) = (saved, &it.dir) {
            let done = saved.progress.as_ref().map_or(0, |p| p.global_epoch);
            trainer.go_on(saved, run::seconds_until(dir, done))?;
        }
        trainer.announce(format!("{} · {} · seed {}", it.name, plan.dataset_sup.config, plan.seed))?;
        let outcome = trainer.run();
        let (network, _) = trainer.into_parts();
        let closed = hub.close();
        let outcome = outcome?;
        closed?;
        Ok((!outcome.interrupted).then_some(network))
    }
}

/// Whether the run in this folder came to its end.
fn finished(dir: &RunDir, plan: &RunPlan) -> bool {
    let progress = checkpoint::load(dir).ok().and_then(|checkpoint| checkpoint.progress);
    progress.is_some_and(|p| p.phase >= plan.phases.len())
}
