//! The baselines of a run: each is a run of its own in a folder below the run's, before the run's last words.

use std::io::Write as _;

use super::{Job, verbosity};
use crate::files::{RunDir, write_atomic};
use crate::layer::Network;
use crate::plot::before_after;
use crate::report::{Closing, Console, Event, Hub, LogFile, MetricsTable};
use crate::train::baseline::{self, Comparison};
use crate::train::data::RunData;
use crate::train::{Baseline, Outcome, RunPlan, Trainer, checkpoint, learned};

/// Runs what is left of the baselines, tells and writes how the trained network compares. False if the user stopped it.
pub fn run(
    job: &Job,
    hub: &mut Hub,
    trained: &Outcome,
    network: &Network,
    mut data: RunData,
) -> anyhow::Result<(bool, RunData)> {
    let plan = job.plan;
    let dir = RunDir::new(&plan.folder);
    let epochs = plan.epochs();
    let below = plan.network.blocks.split_last().map_or(&[][..], |(_, below)| below);
    let without_labels = below.iter().all(|b| b.layer.method.is_hebbian() && !b.layer.supervised);
    let images = data.sup.test.rows.len();
    let mut all = Comparison { images, without_labels, trained: trained.clone(), baselines: Vec::new() };
    let mut units = Vec::new();
    for &which in &plan.baseline {
        let own = baseline::plan(plan, which)?;
        // The outputs that are stored are those of the trained layers.
        data.banks.iter_mut().for_each(|bank| bank.release());
        let (outcome, other, rest) = one(job, which, &RunPlan { folder: folder(&dir, which), ..own }, data)?;
        data = rest;
        if outcome.interrupted {
            return Ok((false, data));
        }
        if let Some(value) = outcome.test_acc {
            hub.send(Event::Scalar { tag: format!("accuracy/{}", which.name()), global_step: epochs, value })?;
        }
        all.baselines.push((which, outcome));
        if plan.save {
            write_atomic(&dir.baselines(), |out| writeln!(out, "{:#}", all.json()))?;
        }
        if which == Baseline::Random {
            let learned = plan.hebbian_blocks().into_iter();
            units = learned.filter_map(|b| Some((b, learned::cosines(&other, network, b)?))).collect();
            if let Some(picture) = before_after::picture(&other, network) {
                hub.send(Event::Image { tag: "filters/b0-learned".to_string(), global_step: epochs, picture })?;
            }
        }
    }
    hub.send(Event::Table(format!("{}{}", all.text(), learned::units_text(&units))))?;
    Ok((true, data))
}

/// Where a baseline of a run is kept.
fn folder(dir: &RunDir, which: Baseline) -> std::path::PathBuf {
    dir.baseline(which.name()).root().to_path_buf()
}

/// Runs one, from where it stopped.
fn one(job: &Job, which: Baseline, plan: &RunPlan, mut data: RunData) -> anyhow::Result<(Outcome, Network, RunData)> {
    let dir = RunDir::new(&plan.folder);
    let mut hub = Hub::new();
    hub.add(Console::standard(verbosity(job.args), Closing::default()));
    if plan.save {
        let run = RunDir::new(&job.plan.folder);
        hub.add(LogFile::new(&run, Closing::default()));
        hub.add(MetricsTable::new(&dir, &plan.hebbian_blocks()));
        let text = serde_json::to_string_pretty(plan)?;
        write_atomic(&dir.config(), |out| writeln!(out, "{text}"))?;
    }
    data.notes.clear(); // they were told
    let mut trainer = Trainer::new(plan, data, job.on, &mut hub, job.stop);
    if plan.save && dir.checkpoint().exists() {
        let there = checkpoint::load(&dir)?;
        let done = there.progress.as_ref().map_or(0, |p| p.global_epoch);
        trainer.go_on(there, super::seconds_until(&dir, done))?;
    }
    trainer.announce(which.title().to_string())?;
    let outcome = trainer.learn();
    let (network, data) = trainer.into_parts();
    let closed = hub.close();
    let outcome = outcome?;
    closed?;
    Ok((outcome, network, data))
}
