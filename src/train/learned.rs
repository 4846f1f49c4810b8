//! How far layers came: what a run says of layers that hardly learned, and which units have learned.

use tch::{Kind, Tensor};

use super::plan::{Baseline, RunPlan};
use crate::layer::Network;
use crate::preset::config::Arch;
use crate::report::BlockStats;
use crate::report::format::{number, plural};

/// A unit has learned when its weights point elsewhere than at the start: this far, as the cosine of the angle (60°).
pub const TURNED: f64 = 0.5;

/// What to say at the end of a run of blocks that are nearly as they were initialised: no radius has come to 1, and on average
/// more than half of the way there is still to go. `images` an epoch.
pub fn nearly_initial(plan: &RunPlan, blocks: &[BlockStats], images: u64) -> Option<String> {
    let phase = |block: usize| plan.phases.iter().find(|p| p.blocks.contains(&block));
    let near = |b: &&BlockStats| {
        let layer = &plan.network.blocks[b.block].layer;
        let way = layer.radius - 1.0;
        phase(b.block).is_some() && layer.lr > 0.0 && way > 1.0 && b.r1 == 0 && b.convergence > way / 2.0
    };
    let near: Vec<&BlockStats> = blocks.iter().filter(near).collect();
    let epochs = plural(phase(near.first()?.block)?.epochs, "epoch");
    let (blocks, are) = if near.len() == 1 { ("block", "is") } else { ("blocks", "are") };
    let list = |of: &dyn Fn(&BlockStats) -> String| and(&near.iter().map(|b| of(b)).collect::<Vec<_>>());
    let show = match plan.baseline.contains(&Baseline::Random) {
        true => String::new(),
        false => "; --baseline random shows what they add".to_string(),
    };
    Some(format!(
        "{blocks} {} {are} nearly as initialised after {epochs} of {}: R1 0, mean radius {} of {} at the start, and 1 is the \
         goal; more epochs or images would take them further{show}",
        list(&|b| b.block.to_string()),
        plural(images, "image"),
        list(&|b| number(b.radius_mean)),
        list(&|b| number(plan.network.blocks[b.block].layer.radius)),
    ))
}

/// `0, 1 and 2`.
fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Why a run measures no accuracy, where it does not: nothing in it learns from labels.
pub fn no_accuracy(plan: &RunPlan) -> Option<String> {
    let scored = |p: &super::Phase| {
        let units = p.blocks.last().is_some_and(|b| plan.network.blocks[*b].arch == Arch::Mlp);
        !p.is_unsupervised() || units
    };
    if plan.phases.iter().any(scored) {
        return None;
    }
    let from_labels = |b: &crate::preset::config::BlockConfig| !b.layer.method.is_hebbian() || b.layer.supervised;
    Some(match plan.network.blocks.iter().rposition(from_labels) {
        Some(i) => {
            format!("no block learns from labels, so there is no accuracy; --training-blocks leaves out block {i}")
        }
        None => format!(
            "no block learns from labels, so there is no accuracy; a classifier at the end of the network adds one: '…; BP-c{}'",
            plan.network.classes
        ),
    })
}

/// The cosine between each unit's weights in two states of a network; `None` of a block that is not Hebbian.
pub fn cosines(before: &Network, after: &Network, block: usize) -> Option<Vec<f64>> {
    let weights = |n: &Network| -> Option<Tensor> {
        Some(n.blocks.get(block)?.hebbian()?.weight().to_kind(Kind::Double).flatten(1, -1))
    };
    let cosines = Tensor::cosine_similarity(&weights(before)?, &weights(after)?, 1, 1e-12);
    Vec::try_from(cosines.to_device(tch::Device::Cpu)).ok()
}

/// `units turned from their initial weights by 81° on average in block 0 (36 of 36 by 60° or more), 41° in block 1 (9 of 64)`; empty
/// without Hebbian blocks.
pub fn units_text(blocks: &[(usize, Vec<f64>)]) -> String {
    let of = |(i, (block, cosines)): (usize, &(usize, Vec<f64>))| {
        let learned = cosines.iter().filter(|c| **c < TURNED).count();
        let angles = cosines.iter().map(|c| c.clamp(-1.0, 1.0).acos().to_degrees());
        let mean = angles.sum::<f64>() / cosines.len().max(1) as f64;
        let (average, by) = if i == 0 { (" on average", " by 60° or more") } else { ("", "") };
        format!("{mean:.0}°{average} in block {block} ({learned} of {}{by})", cosines.len())
    };
    match blocks {
        [] => String::new(),
        some => format!(
            "units turned from their initial weights by {}\n",
            some.iter().enumerate().map(of).collect::<Vec<_>>().join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Catalogue;
    use crate::train::Request;

    fn plan(model: &str, blocks: Option<Vec<usize>>) -> RunPlan {
        let request = Request { training_blocks: blocks, ..Request::typed(model) };
        request.plan(&Catalogue::embedded().unwrap()).unwrap()
    }

    #[test]
    fn layers_that_hardly_moved_are_named() {
        let model = "Soft-c6-k5-s2; SoftKrotov-c20-k3; Soft-c4-k3-r2; BP-c10 flatten";
        let stats = |block, r1, radius_mean: f64| BlockStats {
            block,
            r1,
            radius_mean,
            convergence: (radius_mean - 1.0).abs(),
            ..Default::default()
        };
        for (blocks, names) in [
            (
                vec![stats(0, 0, 16.5), stats(1, 0, 21.2)],
                Some(
                    "blocks 0 and 1 are nearly as initialised after 1 epoch of 500 images: R1 0, mean radius 16.5 and 21.2 of 25 and 25",
                ),
            ),
            (vec![stats(0, 0, 16.5), stats(1, 3, 21.2)], Some("block 0 is nearly")),
            (vec![stats(0, 0, 12.9), stats(1, 0, 5.0)], None),
            // The third begins too near to its goal for its way to say anything.
            (vec![stats(0, 0, 1.2), stats(1, 0, 1.1), stats(2, 0, 1.9)], None),
        ] {
            let said = nearly_initial(&plan(model, None), &blocks, 500);
            match names {
                Some(names) => assert!(said.as_deref().is_some_and(|s| s.starts_with(names)), "{said:?}"),
                None => assert_eq!(said, None),
            }
        }
        let untouched = nearly_initial(&plan(model, Some(vec![3])), &[stats(0, 0, 25.0)], 500);
        assert_eq!(untouched, None, "it was not meant to learn");
        let mut compared = plan(model, None);
        assert!(nearly_initial(&compared, &[stats(0, 0, 25.0)], 500).unwrap().contains("--baseline random"));
        compared.baseline = vec![Baseline::Random];
        assert!(!nearly_initial(&compared, &[stats(0, 0, 25.0)], 500).unwrap().contains("--baseline"));
    }

    #[test]
    fn a_run_without_labels_says_what_is_missing() {
        for (model, blocks, part) in [
            ("Soft-c6-k5-s2", None, Some("'…; BP-c10'")),
            ("Soft-c6-k5-s2; BP-c10", Some(vec![0]), Some("--training-blocks leaves out block 1")),
            ("Soft-c6-k5-s2; BP-c10", None, None),
            ("Soft-c20 flatten", None, None),
        ] {
            let said = no_accuracy(&plan(model, blocks));
            assert_eq!(said.is_some(), part.is_some(), "{model}: {said:?}");
            assert!(said.unwrap_or_default().contains(part.unwrap_or_default()), "{model}");
        }
    }

    #[test]
    fn a_unit_has_learned_when_it_points_elsewhere() {
        let network =
            |seed| Network::new(&plan("Soft-c3-k5 batchnorm2d; BP-c10", None).network, seed, tch::Device::Cpu);
        let same = cosines(&network(0), &network(0), 0).unwrap();
        assert!(same.iter().all(|c| (c - 1.0).abs() < 1e-6), "{same:?}");
        assert!(cosines(&network(0), &network(1), 0).unwrap().iter().all(|c| c.abs() < 0.9));
        assert!(cosines(&network(0), &network(0), 1).is_none(), "a classifier is not Hebbian");
        assert_eq!(
            units_text(&[(0, vec![0.1, 0.9]), (2, vec![-1.0])]),
            "units turned from their initial weights by 55° on average in block 0 (1 of 2 by 60° or more), 180° in block 2 (1 of 1)\n"
        );
        assert_eq!(units_text(&[]), "");
    }
}
