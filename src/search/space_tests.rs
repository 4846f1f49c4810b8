use super::axis::{Axis, Values};
use super::metric::Metric;
use super::read::parse;
use super::space::{Base, How, Space, Trial};
use super::write::write;
use crate::device::Precision;
use crate::train::TrainingMode;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

fn space(axes: Vec<Values>, seeds: Vec<u64>, num_samples: usize, sampler_seed: u64) -> Space {
    // Keys that exist, so that the space can be written and read back.
    let keys = ["b0.layer.t_invert", "b1.layer.lr", "dataset_sup.noise_std", "b0.layer.radius", "b2.dropout"];
    let axis = |(values, key): (Values, &str)| {
        let keys = vec![key.to_string()];
        Axis { name: key.to_string(), keys, if_present: false, values, line: 0 }
    };
    Space {
        base: Base { preset: Some("4SoftHebbCnnCIFAR".into()), ..Base::default() },
        axes: axes.into_iter().zip(keys).map(axis).collect(),
        seeds,
        num_samples,
        sampler_seed,
        metric: Metric::TestAcc,
        run: How::default(),
    }
}

fn listed() -> impl Strategy<Value = Values> {
    let grid = vec(-1e3..1e3f64, 1..5).prop_filter_map("distinct", |list| {
        let distinct: BTreeSet<String> = list.iter().map(ToString::to_string).collect();
        (distinct.len() == list.len()).then(|| Values::Grid(list.into_iter().map(Value::from).collect()))
    });
    let geometric = (1.01..3.0f64, -6..3i32, 0..4i32).prop_map(|(base, from, more)| Values::Geometric {
        base,
        from,
        to: from + more,
    });
    prop_oneof![grid, geometric]
}

fn drawn() -> impl Strategy<Value = Values> {
    prop_oneof![
        (-5.0..5.0f64, 0.1..5.0f64).prop_map(|(lo, more)| Values::Uniform(lo, lo + more)),
        (0.001..5.0f64, 0.1..5.0f64).prop_map(|(lo, more)| Values::LogUniform(lo, lo + more)),
        (-9..9i64, 1..9i64).prop_map(|(lo, more)| Values::IntUniform(lo, lo + more)),
        (-5.0..5.0f64, 0.1..5.0f64).prop_map(|(mean, std)| Values::Normal { mean, std }),
        Just(Values::Choice(vec!["max_2_2_0".into(), "avg_2_2_0".into()])),
    ]
}

fn seeds() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::btree_set(0u64..99, 1..4).prop_map(|set| set.into_iter().collect())
}

fn pick<'a>(trials: &'a [Trial], name: &str) -> Vec<&'a Value> {
    trials.iter().map(|t| &t.values[name]).collect()
}

proptest! {
    #[test]
    fn a_grid_has_every_combination_once(axes in vec(listed(), 0..5), seeds in seeds()) {
        let space = space(axes, seeds.clone(), 1, 0);
        let trials = space.trials();
        let product: usize = space.axes.iter().map(|a| a.values.listed().unwrap().len()).product();
        prop_assert_eq!(trials.len(), product * seeds.len());
        prop_assert_eq!(space.count(), Some(trials.len()));
        let distinct: BTreeSet<_> = trials.iter().map(Trial::key).collect();
        prop_assert_eq!(distinct.len(), trials.len());
        prop_assert!(trials.iter().enumerate().all(|(i, t)| t.index == i));
        for axis in &space.axes {
            let all = axis.values.listed().unwrap();
            prop_assert!(trials.iter().all(|t| all.contains(&t.values[&axis.name])));
        }
        // Trials of one combination stand side by side and differ in the seed alone.
        for group in trials.chunks(seeds.len()) {
            prop_assert!(group.iter().all(|t| t.values == group[0].values));
            prop_assert_eq!(group.iter().map(|t| t.seed).collect::<Vec<_>>(), seeds.clone());
        }
    }

    #[test]
    fn draws_follow_from_the_space_and_the_seed(
        axes in vec(prop_oneof![listed(), drawn()], 1..5), seeds in seeds(), samples in 1..4usize, seed in any::<u64>(),
    ) {
        let a = space(axes.clone(), seeds.clone(), samples, seed);
        let trials = a.trials();
        prop_assert_eq!(&trials, &a.trials());
        prop_assert_eq!(Some(trials.len()), a.count());
        // One more sample leaves the first ones as they are.
        let more = space(axes.clone(), seeds.clone(), samples + 1, seed).trials();
        prop_assert_eq!(&more[..trials.len()], &trials[..]);
        // Seeds of a combination share its draws.
        for group in trials.chunks(seeds.len()) {
            prop_assert!(group.iter().all(|t| t.values == group[0].values));
        }
        for axis in &a.axes {
            for value in pick(&trials, &axis.name) {
                let x = value.as_f64().unwrap_or(0.0);
                let is_one = match &axis.values {
                    Values::Uniform(lo, hi) => (*lo..*hi).contains(&x),
                    Values::LogUniform(lo, hi) => (*lo..=*hi).contains(&x),
                    Values::IntUniform(lo, hi) => value.as_i64().is_some_and(|n| (*lo..=*hi).contains(&n)),
                    Values::Normal { .. } => x.is_finite(),
                    Values::Choice(list) | Values::Grid(list) => list.contains(value),
                    Values::Geometric { .. } => axis.values.listed().unwrap().contains(value),
                };
                prop_assert!(is_one, "{} is none of {:?}", value, axis.values);
            }
        }
    }

    #[test]
    fn what_is_written_reads_back(
        axes in vec(prop_oneof![listed(), drawn()], 0..5), seeds in seeds(), samples in 1..4usize, seed in 0..i64::MAX as u64,
        set in prop::bool::ANY,
    ) {
        let mut space = space(axes, seeds, samples, seed);
        if set {
            space.base.set = vec!["b3.dropout=none".into(), "dataset_sup.nb_epoch=5".into(), "b0.layer.lr=0.10".into()];
            space.base.training_blocks = Some(vec![0, 3]);
            space.base.blocks_from = Some("results/runs/a b".into());
            space.base.training_mode = Some(TrainingMode::Consecutive);
            space.run.data_dir = Some("a b/ü\"x".into());
            space.run.precision = Precision::Bf16;
        }
        let text = write(&space);
        let mut back = parse("search.toml", &text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        back.axes.iter_mut().for_each(|axis| axis.line = 0);
        prop_assert_eq!(&back, &space);
        prop_assert_eq!(back.trials(), space.trials());
    }
}

#[test]
fn draws_of_a_normal_have_its_mean_and_deviation() {
    let n = 4000;
    let trials = space(vec![Values::Normal { mean: 3.0, std: 0.5 }], vec![0], n, 7).trials();
    let x: Vec<f64> = trials.iter().map(|t| t.values["b0.layer.t_invert"].as_f64().unwrap()).collect();
    let mean = x.iter().sum::<f64>() / n as f64;
    let std = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
    assert!((mean - 3.0).abs() < 0.05 && (std - 0.5).abs() < 0.05, "{mean} {std}");
}

#[test]
fn labels_say_what_was_varied_and_are_names_of_folders() {
    let label = |values: Value| {
        let Value::Object(values) = values else { unreachable!() };
        Trial { index: 12, hash: "9f86d081".into(), values, seed: 1 }.label()
    };
    for (values, want) in [
        (serde_json::json!({"t_invert": 0.5}), "0012 t_invert=0.5 seed=1"),
        (
            serde_json::json!({"b0.layer.t_invert": 1.0 / 3.0, "b0.pool": "max_2_2_0"}),
            "0012 b0.t_invert=0.3333 b0.pool=max_2_2_0 seed=1",
        ),
        (serde_json::json!({"a/b": "../x\ny z"}), "0012 a-b=..-x-y-z seed=1"),
        (serde_json::json!({}), "0012 seed=1"),
    ] {
        assert_eq!(label(values), want);
    }
    let long = label(serde_json::json!({"x": "ü".repeat(999)}));
    assert!(long.len() < 200 && long.ends_with(" seed=1"), "{long}");
}

#[test]
fn the_last_axis_runs_fastest_and_names_stay_short() {
    let grid = |list: &[f64]| Values::Grid(list.iter().map(|x| Value::from(*x)).collect());
    let trials = space(vec![grid(&[1.0, 2.0]), grid(&[0.1, 0.2])], vec![4], 1, 0).trials();
    let values: Vec<(f64, f64)> = trials
        .iter()
        .map(|t| (t.values["b0.layer.t_invert"].as_f64().unwrap(), t.values["b1.layer.lr"].as_f64().unwrap()))
        .collect();
    assert_eq!(values, [(1.0, 0.1), (1.0, 0.2), (2.0, 0.1), (2.0, 0.2)]);
    assert!(trials.iter().all(|t| t.name().len() == 13 && t.name().starts_with("000")), "{trials:?}");
}
