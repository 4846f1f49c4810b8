//! The trained network of a run, and the files of its pictures.

use std::fs;
use std::io::{self, Write};
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value, json};

use super::args::{Common, Images, Order};
use crate::cli::trained::Found;
use crate::cli::{Usage, progress};
use crate::data::DataDirs;
use crate::device::{self, Precision};
use crate::draw::scene::Scene;
use crate::files::RunDir;
use crate::layer::Network;
use crate::plot::drawn::Drawn;
use crate::train::data::RunData;
use crate::train::{RunPlan, checkpoint};

/// A trained network and what there is to know of it.
pub(super) struct Trained {
    pub(super) dir: RunDir,
    pub(super) plan: RunPlan,
    pub(super) network: Network,
    pub(super) block: usize,
}

impl Trained {
    pub(super) fn open(common: &Common) -> anyhow::Result<Trained> {
        let Found { dir, file, plan, .. } = Found::new(&common.run, common.best)?;
        let on = common.device.resolve(Precision::Float32)?;
        device::set_threads(common.threads);
        let mut network = Network::new(&plan.network, plan.seed, on);
        network.load(&checkpoint::read_network(&file)?.state, |_| true)?;
        let count = plan.network.blocks.len();
        let block = common.block.unwrap_or(count.saturating_sub(2));
        if block >= count {
            let last = count.saturating_sub(1);
            return Err(Usage(format!("--block is {block}; {} has blocks 0 to {last}", plan.model)).into());
        }
        Ok(Trained { dir, plan, network, block })
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
    pub(super) fn images(&mut self, images: &Images, stop: &AtomicBool) -> anyhow::Result<(RunData, Vec<i64>)> {
        if let Some(name) = &images.dataset {
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
        let dirs = DataDirs::resolve(images.data_dir.as_deref().or(self.plan.data_dir.as_deref()))?;
        let data = progress::load(&self.plan, &dirs, self.network.device(), Some(stop))?;
        let rows: Vec<i64> = data.sup.test.rows.iter().copied().take(images.images.max(1)).collect();
        Ok((data, rows))
    }

    /// Writes a drawing and what was drawn, and says where they are.
    pub(super) fn write(&self, common: &Common, name: &str, scene: &Scene, drawn: &Drawn) -> anyhow::Result<()> {
        let own = || self.dir.root().join("pictures").join(format!("{name}-b{}", self.block));
        let path = common.out.clone().unwrap_or_else(own);
        let about = self.about(name.trim_start_matches("plot-"))?;
        let mut out = io::stdout().lock();
        for path in scene.write(&path)?.into_iter().chain(drawn.write(&path, about)?) {
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
