//! What learning adds: the classifier of a run, trained again on what did not learn.
//!
//! `random` is the run of the same plan in which no weight below the classifier moves. Its batch norm sees the same images as the run's: layers whose
//! inputs were never normalised are worth some points less for that reason alone, and that is not what learning adds. (The paper's random
//! weights, `--training-blocks LAST`, are of that kind.) `pixels` is the run of the last block alone, as the only block of a network. Seed, data
//! and epochs are those of the run itself.
//!
//! Two accuracies p and q on n test images differ by chance, too, with the standard error √((p(1−p) + q(1−q))/n). That is
//! the one of independent test images; these are the same, which makes it an upper bound as long as both err on similar ones.

use serde_json::{Value, json};

use super::plan::{self, Baseline, RunPlan};
use super::{Outcome, TrainError};
use crate::preset::config::{BlockConfig, NetworkConfig, Operation};
use crate::report::format::{count, percent};

/// Differences below so many standard errors are what chance gives in 19 of 20 cases.
const CHANCE: f64 = 1.96;

impl Baseline {
    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Baseline::Random => "random",
            Baseline::Pixels => "pixels",
        }
    }

    /// What the classifier sees.
    pub fn layers(self) -> &'static str {
        match self {
            Baseline::Random => "random layers",
            Baseline::Pixels => "pixels",
        }
    }

    /// One line for people.
    pub fn title(self) -> &'static str {
        match self {
            Baseline::Random => "baseline random: the same classifier on layers that keep their initial weights",
            Baseline::Pixels => "baseline pixels: the same classifier on the images alone",
        }
    }
}

/// The plan of a baseline; its folder is left to the caller.
///
/// # Errors
/// When the run trains no classifier, or nothing but its classifier.
pub fn plan(of: &RunPlan, which: Baseline) -> Result<RunPlan, TrainError> {
    let name = which.name();
    let last = of.network.blocks.len().saturating_sub(1);
    if !of.phases.iter().any(|p| !p.is_unsupervised() && p.blocks.contains(&last)) {
        return Err(TrainError::Plan(format!(
            "--baseline {name} trains the classifier again, and this run trains none\n\
             hint: end the network in a classifier ('…; BP-c{}') and let it learn",
            of.network.classes
        )));
    }
    let below = of.phases.iter().any(|p| p.blocks.iter().any(|b| *b < last)) || of.blocks_from.is_some();
    if !below {
        return Err(TrainError::Plan(format!(
            "--baseline {name} shows what the layers below the classifier learned, and none of them learns in this run"
        )));
    }
    let (network, trained) = match which {
        Baseline::Random => still(of, last),
        Baseline::Pixels => {
            (NetworkConfig { blocks: vec![on_images(&of.network, last)], ..of.network.clone() }, vec![0])
        }
    };
    let hebbian = trained.len() > 1;
    let dataset_unsup = if hebbian { &of.dataset_unsup } else { &of.dataset_sup }.clone();
    Ok(RunPlan {
        phases: plan::phases(&network, &dataset_unsup, &of.dataset_sup, of.mode, Some(&trained))?,
        training_blocks: Some(trained),
        network,
        dataset_unsup,
        record_every: 0,
        baseline: Vec::new(),
        blocks_from: None,
        ..of.clone()
    })
}

/// The network with Hebbian rates of 0, and the blocks of its phases: the classifier, and those whose batch norm the run's phases move.
fn still(of: &RunPlan, last: usize) -> (NetworkConfig, Vec<usize>) {
    let mut network = of.network.clone();
    let mut trained = vec![last];
    for (i, block) in network.blocks.iter_mut().enumerate().take(last) {
        let in_a_phase = of.phases.iter().any(|p| p.blocks.contains(&i));
        let norm = |op: &Operation| matches!(op, Operation::BatchNorm1d | Operation::BatchNorm2d);
        if block.layer.method.is_hebbian() && !block.layer.supervised && in_a_phase {
            block.layer.lr = 0.0;
            if block.batch_norm || block.operations.iter().any(norm) {
                trained.push(i);
            }
        }
    }
    trained.sort_unstable();
    (network, trained)
}

/// The last block, on the images. Its initial range follows the number of its inputs, n^(−1/P).
fn on_images(network: &NetworkConfig, last: usize) -> BlockConfig {
    let mut block = network.blocks[last].clone();
    if !block.operations.contains(&Operation::Flatten) {
        block.operations.insert(0, Operation::Flatten);
    }
    let before = block.layer.in_channels as f64;
    block.in_shape = network.in_shape;
    block.layer.in_channels = network.in_shape.iter().product();
    let ratio = before / block.layer.in_channels as f64;
    block.layer.weight_init_range *= ratio.powf(1.0 / block.layer.lebesgue_p as f64);
    block
}

/// The standard error of the difference of two accuracies on so many images each, all in percent.
pub fn standard_error(a: f64, b: f64, images: usize) -> f64 {
    let variance = |p: f64| p * (100.0 - p);
    ((variance(a) + variance(b)) / images.max(1) as f64).sqrt()
}

/// A run beside its baselines.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Test images.
    pub images: usize,
    /// Whether the layers below the classifier learned without labels.
    pub without_labels: bool,
    /// How the run ended.
    pub trained: Outcome,
    /// How those of its baselines ended that ran to their end.
    pub baselines: Vec<(Baseline, Outcome)>,
}

impl Comparison {
    /// Baselines with their accuracy, the difference to the trained layers, and its standard error, percent.
    fn rows(&self) -> impl Iterator<Item = (Baseline, f64, f64, f64)> {
        let trained = self.trained.test_acc;
        self.baselines.iter().filter_map(move |(which, outcome)| {
            let (a, b) = (trained?, outcome.test_acc?);
            Some((*which, b, a - b, standard_error(a, b, self.images)))
        })
    }

    /// For programs: a row for the trained layers and each baseline.
    pub fn json(&self) -> Value {
        let trained = json!({"layers": "trained", "test_acc": self.trained.test_acc});
        let baselines = self.rows().map(|(which, accuracy, difference, error)| {
            json!({"layers": which.name(), "test_acc": accuracy, "difference": difference, "standard_error": error})
        });
        let rows: Vec<Value> = std::iter::once(trained).chain(baselines).collect();
        json!({"version": 1, "test_images": self.images, "rows": rows})
    }

    /// For people: the accuracies side by side, and what that says of the layers.
    pub fn text(&self) -> String {
        let Some(trained) = self.trained.test_acc else { return String::new() };
        let head = format!("accuracy on {} test images", count(self.images as u64));
        let mut text = format!("{head:<36} learning adds\n  {:<22} {:>9}\n", "trained layers", percent(trained));
        for (which, accuracy, difference, error) in self.rows() {
            let (name, accuracy) = (which.layers(), percent(accuracy));
            text += &format!("  {name:<22} {accuracy:>9}   {difference:+.2} points, standard error {error:.2}\n");
        }
        let how = if self.without_labels { "without labels, " } else { "" };
        for (_, _, difference, error) in self.rows().filter(|row| row.0 == Baseline::Random) {
            let by_chance = difference.abs() < CHANCE * error || difference == 0.0;
            let verdict = match (by_chance, difference > 0.0) {
                (true, _) => "no more than chance gives",
                (false, true) => "more than chance gives",
                (false, false) => "it makes them worse, and not by chance",
            };
            text += &format!("{how}learning is worth {difference:+.2} points over random layers: {verdict}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Catalogue;
    use crate::train::{Request, TrainingMode};

    fn of(model: &str, mode: TrainingMode, training_blocks: Option<Vec<usize>>) -> RunPlan {
        let request = Request { mode, training_blocks, ..Request::typed(model) };
        request.plan(&Catalogue::embedded().unwrap()).unwrap()
    }

    #[test]
    fn a_baseline_is_the_run_that_people_would_type() {
        let model = "Soft-c6-k5-s2; SoftKrotov-c20 flatten; BP-c10 dropout_0.25";
        for mode in [TrainingMode::Successive, TrainingMode::Consecutive, TrainingMode::Simultaneous] {
            let run = of(model, mode, None);
            let random = plan(&run, Baseline::Random).unwrap();
            let mut typed = of(model, mode, Some(vec![0, 2])); // the first block has a batch norm
            typed.network.blocks[..2].iter_mut().for_each(|b| b.layer.lr = 0.0);
            assert_eq!((&random.network, &random.phases), (&typed.network, &typed.phases));
            let pixels = plan(&run, Baseline::Pixels).unwrap();
            let typed = of("BP-c10 flatten dropout_0.25", mode, None);
            assert_eq!(pixels.phases, typed.phases);
            let mut network = pixels.network;
            // Nominal for backpropagation, and scaled by a power.
            let range = typed.network.blocks[0].layer.weight_init_range;
            assert!((network.blocks[0].layer.weight_init_range / range - 1.0).abs() < 1e-12);
            network.blocks[0].layer.weight_init_range = range;
            assert_eq!(network, typed.network);
        }
    }

    #[test]
    fn what_has_nothing_to_compare_is_refused() {
        for (model, blocks, part) in [
            ("Soft-c6-k5-s2", None, "trains none"),
            ("Soft-c6-k5-s2; BP-c10", Some(vec![0]), "trains none"),
            ("Soft-c6-k5-s2; BP-c10", Some(vec![1]), "none of them learns"),
            ("BP-c10 flatten", None, "none of them learns"),
        ] {
            for which in [Baseline::Random, Baseline::Pixels] {
                let error = plan(&of(model, TrainingMode::Successive, blocks.clone()), which).unwrap_err().to_string();
                assert!(error.contains(part) && error.contains(which.name()), "{model}: {error}");
            }
        }
    }

    #[test]
    fn the_error_is_the_binomial_one_and_the_verdict_follows_it() {
        // √(0.2·0.8/1000 + 0.5·0.5/1000) = 2.0248 %.
        assert!((standard_error(80.0, 50.0, 1000) - 2.024_845_673).abs() < 1e-8);
        assert_eq!(standard_error(100.0, 100.0, 10), 0.0);
        let said = |trained, random| {
            let outcome = |acc| Outcome { test_acc: Some(acc), ..Outcome::default() };
            let baselines = vec![(Baseline::Random, outcome(random)), (Baseline::Pixels, outcome(70.0))];
            Comparison { images: 1000, without_labels: true, trained: outcome(trained), baselines }.text()
        };
        for (trained, random, verdict) in [
            (87.0, 80.0, "+7.00 points over random layers: more than chance gives"),
            (87.0, 86.0, "+1.00 points over random layers: no more than chance gives"),
            (80.0, 87.0, "-7.00 points over random layers: it makes them worse, and not by chance"),
            (100.0, 100.0, "+0.00 points over random layers: no more than chance gives"),
        ] {
            let text = said(trained, random);
            assert!(text.ends_with(&format!("without labels, learning is worth {verdict}\n")), "{text}");
        }
        let table = "accuracy on 1,000 test images        learning adds\n  \
                     trained layers           87.00 %\n  \
                     random layers            80.00 %   +7.00 points, standard error 1.65\n  \
                     pixels                   70.00 %   +17.00 points, standard error 1.80\n";
        assert!(said(87.0, 80.0).starts_with(table), "{}", said(87.0, 80.0));
    }
}
