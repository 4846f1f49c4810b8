//! What a run says of itself before it begins.

use crate::device;
use crate::preset::{LayerConfig, describe};
use crate::report::format::plural;
use crate::train::{Phase, RunPlan, TrainError, baseline, learned};

/// One line for people.
pub fn title(plan: &RunPlan, on: tch::Device) -> String {
    let device = match on {
        tch::Device::Cpu => format!("cpu, {}", plural(device::threads() as u64, "thread")),
        tch::Device::Cuda(i) => format!("cuda:{i}"),
        other => format!("{other:?}"),
    };
    let (unsup, sup) = (&plan.dataset_unsup.config, &plan.dataset_sup.config);
    let validation = if plan.dataset_sup.validation { " · validation" } else { "" };
    format!("{} · {unsup} → {sup} · seed {} · {device}{validation}", plan.model, plan.seed)
}

/// The learning rates of a phase's blocks, each once.
fn rates(plan: &RunPlan, phase: &Phase) -> String {
    let rate = |layer: &LayerConfig| if layer.method.is_hebbian() { layer.lr } else { layer.lr_sup };
    let mut rates: Vec<String> = Vec::new();
    for rate in phase.blocks.iter().map(|i| rate(&plan.network.blocks[*i].layer).to_string()) {
        if !rates.contains(&rate) {
            rates.push(rate);
        }
    }
    rates.join(" and ")
}

/// The plan for people, with the notes that a run of it begins with.
///
/// # Errors
/// When it has a baseline that it cannot be compared with.
pub fn plan_text(plan: &RunPlan, notes: &[String]) -> Result<String, TrainError> {
    let mut text = describe::network_table(&plan.network, &plan.dataset_sup);
    text.push('\n');
    add_phases(&mut text, plan);
    for which in &plan.baseline {
        text.push_str(&format!("{}\n", which.title()));
        add_phases(&mut text, &baseline::plan(plan, *which)?);
    }
    text.push_str(&format!(
        "seed {}, device {}, results in a new folder below {}\n",
        plan.seed, plan.device, plan.model
    ));
    for note in notes.iter().cloned().chain(learned::no_accuracy(plan)) {
        text.push_str(&format!("note: {note}\n"));
    }
    Ok(text)
}

/// A line a phase.
fn add_phases(text: &mut String, plan: &RunPlan) {
    for (i, phase) in plan.phases.iter().enumerate() {
        let data = plan.dataset(phase);
        let info = crate::report::PhaseInfo {
            index: i,
            count: plan.phases.len(),
            kind: phase.kind,
            blocks: phase.blocks.clone(),
            epochs: phase.epochs,
            images: u64::try_from(data.training_sample).unwrap_or(0),
            batch_size: phase.batch_size,
        };
        text.push_str(&format!(
            "{} ({}, batches of {}, learning rate {})\n",
            crate::report::phase_title(&info),
            data.config,
            phase.batch_size,
            rates(plan, phase)
        ));
    }
}
