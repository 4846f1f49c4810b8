//! The trained network of a run, and the files of its pictures.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value, json};

use super::args::{Common, Images, Order};
use crate::cli::options::written;
use crate::cli::trained::Found;
use crate::cli::{Usage, images, progress};
use crate::data::DataDirs;
use crate::device::{self, Precision};
use crate::draw::scene::Scene;
use crate::files::RunDir;
use crate::layer::Network;
use crate::plot::drawn::Drawn;
use crate::report::format::shell;
use crate::train::data::RunData;
use crate::train::{RunPlan, TrainError, checkpoint};

/// Endings of the files of a drawing of tiles, and of one of points.
pub(super) const TILES: [&str; 4] = [".png", ".svg", "-tiles.png", ".json"];
pub(super) const POINTS: [&str; 4] = [".png", ".svg", ".csv", ".json"];

/// A trained network and what there is to know of it.
pub(super) struct Trained {
    pub(super) dir: RunDir,
    pub(super) plan: RunPlan,
    pub(super) network: Network,
    pub(super) block: usize,
    /// What is drawn: `plot-filters`.
    name: &'static str,
    /// The files, without their endings.
    path: PathBuf,
}

impl Trained {
    /// Opens a run for the drawing `name` of one block (`own` if none is typed, else the last that is no classifier), if its files
    /// may be written.
    pub(super) fn open(
        common: &Common,
        name: &'static str,
        own: Option<usize>,
        endings: [&str; 4],
    ) -> anyhow::Result<Trained> {
        let Found { dir, file: network_file, plan, .. } = Found::new(&common.run, common.best)?;
        let count = plan.network.blocks.len();
        let block = common.block.or(own).unwrap_or(count.saturating_sub(2));
        if block >= count {
            let last = count.saturating_sub(1);
            return Err(Usage(format!("--block is {block}; {} has blocks 0 to {last}", plan.model)).into());
        }
        let file = format!("{name}-b{block}");
        let path = match &common.out {
            None => dir.root().join("pictures").join(file),
            Some(folder) if folder.is_dir() || folder.as_os_str().to_string_lossy().ends_with('/') => folder.join(file),
            Some(path) => path.clone(),
        };
        let files = endings.map(|end| {
            let mut file = path.clone().into_os_string();
            file.push(end);
            PathBuf::from(file)
        });
        common.force.check(&files, "--out PATH")?;
        let on = common.machine.choice().resolve(Precision::Float32)?;
        device::set_threads(common.machine.threads());
        let mut network = Network::new(&plan.network, plan.seed, on);
        network.load(&checkpoint::read_network(&network_file)?.state, |_| true)?;
        Ok(Trained { dir, plan, network, block, name, path })
    }

    pub(super) fn units(&self) -> i64 {
        self.plan.network.blocks[self.block].layer.out_channels
    }

    /// A title: the model, what is shown of it, and how many units of the block have learned.
    pub(super) fn titled(&mut self, what: String) -> String {
        let learned = crate::train::learned(&mut self.network.blocks[self.block]).unwrap_or_default();
        format!("{}: {what}\n{learned}", self.plan.model)
    }

    /// The units in an order.
    pub(super) fn ordered(&self, order: Order) -> Vec<i64> {
        let all = (0..self.units()).collect();
        let state = self.network.state();
        match (order, state.get(&format!("blocks.{}.layer.weight", self.block))) {
            (Order::Learned, Some(w)) => crate::plot::least_varied(w),
            _ => all,
        }
    }

    /// The test images, and whether they are shown as they are.
    pub(super) fn images(&mut self, images_of: &Images, stop: &AtomicBool) -> anyhow::Result<(RunData, Vec<i64>)> {
        if let Some(name) = &images_of.dataset {
            let catalogue = crate::preset::Catalogue::embedded()?;
            let own = self.plan.dataset_sup.clone();
            let seed = self.plan.seed;
            let other = crate::preset::dataset_config(&catalogue, name, false, seed)?;
            if [other.channels, other.height, other.width] != [own.channels, own.height, own.width] {
                return Err(Usage(format!("the images of {name} have another shape than the run's")).into());
            }
            self.plan.dataset_sup = other;
        }
        self.plan.dataset_unsup = self.plan.dataset_sup.clone();
        let (plan, on) = (&self.plan, self.network.device());
        let data_dir = images_of.folder.data_dir.as_deref().or(plan.data_dir.as_deref());
        let load = || {
            let dirs = DataDirs::resolve(data_dir)?;
            Ok(progress::load(plan, &dirs, on, Some(stop)).map_err(TrainError::Data)?)
        };
        // Other images fit where they are of the same shape.
        let what = self.name.trim_start_matches("plot-");
        let run = shell(&self.dir.root().display().to_string());
        let instead = format!("softhebb plot {what} {run} --dataset FashionMini_50");
        let instead = (plan.network.in_shape == [1, 28, 28]).then_some(instead.as_str());
        let data = images::load(images_of.folder.download, data_dir, instead, load)?;
        let rows: Vec<i64> = data.sup.test.rows.iter().copied().take(images_of.limit).collect();
        Ok((data, rows))
    }

    /// Writes a drawing and what was drawn, and says where they are.
    pub(super) fn write(&self, scene: &Scene, drawn: &Drawn) -> anyhow::Result<()> {
        let about = self.about(self.name.trim_start_matches("plot-"))?;
        let way_out = "--out PATH writes elsewhere";
        let mut out = io::stdout().lock();
        let pictures = scene.write(&self.path).map_err(written(way_out))?;
        for path in pictures.into_iter().chain(drawn.write(&self.path, about).map_err(written(way_out))?) {
            writeln!(out, "{}", path.display())?;
        }
        Ok(())
    }

    /// What the picture is of, for whoever draws it again.
    fn about(&self, what: &str) -> anyhow::Result<Map<String, Value>> {
        let plan = &self.plan;
        let made = fs::read_to_string(self.dir.provenance()).unwrap_or_else(|_| "[]".to_string());
        let about = json!({
            "what": what,
            "model": plan.model,
            "block": self.block,
            "training_blocks": plan.training_blocks,
            "dataset_unsup": plan.dataset_unsup.config,
            "dataset_sup": plan.dataset_sup.config,
            "images": plan.dataset_unsup.training_sample,
            "validation": plan.dataset_sup.validation,
            "seed": plan.seed,
            "run": without_folders(serde_json::from_str(&made)?),
        });
        Ok(about.as_object().cloned().unwrap_or_default())
    }
}

/// The commands that made a run without the folders of one machine, which are nobody else's.
fn without_folders(mut made: Value) -> Value {
    const FOLDERS: [&str; 4] = ["--results-dir", "--search-dir", "--data-dir", "--run-dir"];
    for entry in made.as_array_mut().into_iter().flatten() {
        let Some(command) = entry["command"].as_str() else { continue };
        let mut words = command.split(' ');
        let mut kept = Vec::new();
        while let Some(word) = words.next() {
            if FOLDERS.contains(&word) {
                words.next();
            } else if !FOLDERS.iter().any(|f| word.starts_with(&format!("{f}="))) {
                kept.push(word);
            }
        }
        entry["command"] = json!(kept.join(" "));
    }
    made
}
