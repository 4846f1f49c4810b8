//! Words for the keys that most runs change; `run` and `search` share them. Each stands for keys of `--set`.
//!
//! A plain word means the supervised phases, `--hebbian-…` the Hebbian ones: `--epochs 5` is `--set dataset_sup.nb_epoch=5`.

use clap::Args;

use super::{Usage, number};
use crate::preset::ModelSpec;
use crate::preset::config::Method;
use crate::train::{Phase, RunPlan};

/// Words for single keys.
#[derive(Debug, Clone, Default, Args)]
pub struct Keys {
    /// Epochs of each supervised phase: the classifier's [dataset_sup.nb_epoch].
    #[arg(long, value_name = "N", value_parser = number::count::<u64>, help_heading = TRAINING)]
    epochs: Option<u64>,

    /// Epochs of each Hebbian phase [dataset_unsup.nb_epoch].
    #[arg(long, value_name = "N", value_parser = number::count::<u64>, help_heading = TRAINING)]
    hebbian_epochs: Option<u64>,

    /// Learning rate of all blocks that learn from labels: the classifier's [bN.layer.lr_sup].
    #[arg(long, value_name = "X", value_parser = number::above_zero, help_heading = TRAINING)]
    lr: Option<f64>,

    /// Learning rate of all Hebbian blocks [bN.layer.lr].
    #[arg(long, value_name = "X", value_parser = number::above_zero, help_heading = TRAINING)]
    hebbian_lr: Option<f64>,

    /// Images a step of the supervised phases [dataset_sup.batch_size].
    #[arg(long, value_name = "N", value_parser = number::count::<u64>, help_heading = TRAINING)]
    batch_size: Option<u64>,

    /// Images a step of the Hebbian phases [dataset_unsup.batch_size].
    #[arg(long, value_name = "N", value_parser = number::count::<u64>, help_heading = TRAINING)]
    hebbian_batch_size: Option<u64>,
}

/// Headings of the help, the same in `run` and `search`.
pub const NETWORK: &str = "Network";
/// What it learns from.
pub const DATA: &str = "Data";
/// How it learns.
pub const TRAINING: &str = "Training";
/// Where and how it is computed.
pub const MACHINE: &str = "Machine";
/// What is left behind, and gone on with.
pub const RESULTS: &str = "Results";
/// What is printed.
pub const OUTPUT: &str = "Output";

/// `b0.layer.lr` of `b0.layer.lr=0.1`.
pub fn key(set: &str) -> &str {
    set.split('=').next().unwrap_or_default().trim()
}

impl Keys {
    /// The first word that was typed.
    pub fn typed(&self) -> Option<&'static str> {
        self.words().into_iter().find(|(_, value)| value.is_some()).map(|(word, _)| word)
    }

    fn words(&self) -> [(&'static str, Option<String>); 6] {
        let text = |n: Option<u64>| n.map(|n| n.to_string());
        let real = |x: Option<f64>| x.map(|x| x.to_string());
        [
            ("--epochs", text(self.epochs)),
            ("--hebbian-epochs", text(self.hebbian_epochs)),
            ("--lr", real(self.lr)),
            ("--hebbian-lr", real(self.hebbian_lr)),
            ("--batch-size", text(self.batch_size)),
            ("--hebbian-batch-size", text(self.hebbian_batch_size)),
        ]
    }

    /// What the words set, `PATH=VALUE`, given what `--set` sets beside them. `network` is asked for if a word is for blocks.
    ///
    /// # Errors
    /// When a key is set twice, or no block of the network is meant.
    pub fn sets(
        &self,
        beside: &[String],
        network: impl FnOnce() -> anyhow::Result<ModelSpec>,
    ) -> anyhow::Result<Vec<String>> {
        let blocks = if self.lr.is_some() || self.hebbian_lr.is_some() { network()?.blocks } else { Vec::new() };
        let rates = |labels: bool| -> Vec<String> {
            let rate = |(i, block): (usize, &crate::preset::BlockEntry)| match block.block.method {
                Method::Bp => labels.then(|| format!("b{i}.layer.lr_sup")),
                Method::SupervisedSoftKrotov => labels.then(|| format!("b{i}.layer.lr")),
                _ => (!labels).then(|| format!("b{i}.layer.lr")),
            };
            blocks.iter().enumerate().filter_map(rate).collect()
        };
        let mut sets = Vec::new();
        for (word, value) in self.words() {
            let Some(value) = value else { continue };
            let keys = match word {
                "--epochs" => vec!["dataset_sup.nb_epoch".to_string()],
                "--hebbian-epochs" => vec!["dataset_unsup.nb_epoch".to_string()],
                "--batch-size" => vec!["dataset_sup.batch_size".to_string()],
                "--hebbian-batch-size" => vec!["dataset_unsup.batch_size".to_string()],
                word => rates(word == "--lr"),
            };
            if keys.is_empty() {
                let how = if word == "--lr" { "learns from labels" } else { "is Hebbian" };
                return Err(Usage(format!("{word} {value} is for no block: none of this network {how}")).into());
            }
            if let Some(twice) = beside.iter().find(|set| keys.iter().any(|k| k == key(set))) {
                let message = format!("{word} {value} and --set {twice} set the same key\nhint: leave one of them out");
                return Err(Usage(message).into());
            }
            sets.extend(keys.iter().map(|key| format!("{key}={value}")));
        }
        Ok(sets)
    }

    /// Checks that every word is for a phase of this plan.
    ///
    /// # Errors
    /// Names a word that would change nothing.
    pub fn check(&self, plan: &RunPlan) -> Result<(), Usage> {
        for (word, _) in self.words().into_iter().filter(|(_, value)| value.is_some()) {
            let hebbian = word.starts_with("--hebbian");
            // The rates of a hybrid phase's Hebbian blocks count; its epochs and batches are those of the supervised data.
            let meant = |phase: &Phase| match word {
                "--hebbian-lr" => phase.kind != crate::report::PhaseKind::Supervised,
                _ => phase.is_unsupervised() == hebbian,
            };
            if !plan.phases.iter().any(meant) {
                let what = if hebbian { "Hebbian" } else { "supervised" };
                let other = if hebbian { word.replace("hebbian-", "") } else { word.replace("--", "--hebbian-") };
                return Err(Usage(format!(
                    "{word} is for {what} phases, and this run has no such phase\nhint: {other} is for the others"
                )));
            }
        }
        Ok(())
    }
}
