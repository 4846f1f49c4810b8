//! Which images train, which are held out, and in which order: pure functions of the configuration and the seed.
//!
//! The generator is ChaCha with eight rounds, seeded with `seed_from_u64`; each use has a stream of its own, so that the order
//! of an epoch is known without having run the epochs before it. Permutations are Fisher-Yates with unbiased draws, written
//! out here so that a seed means the same images in every version of every library.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::preset::config::{DatasetConfig, TrainingClass};

/// Share of the training images that `validation` holds out: one in five.
const HELD_OUT: usize = 5;
/// Stream of the draw of test images.
const TESTED: u64 = u64::MAX;

/// The images of a phase, by their index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Training images, ascending.
    pub train: Vec<u32>,
    /// Training images that are the test set in place of it (`validation`), ascending.
    pub held_out: Option<Vec<u32>>,
    /// Test images, ascending; of no meaning if some are held out.
    pub test: Vec<u32>,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// Chooses the images: the indices of all training images are shuffled; with `validation` the first 20 % are held out; of the
/// others, those of `training_class` are taken, at most `training_sample`.
///
/// The held-out images are of all classes, as the test set is that they stand for. The result is sorted: the order of an epoch
/// is [`epoch_order`]'s affair.
///
/// Of the test images the first `testing_sample` are taken. Where they are stored class by class, as folders of pictures are,
/// these would be of a few classes: there, a draw is taken, the same one for every seed.
pub fn select(cfg: &DatasetConfig, train_labels: &[i64], test_labels: &[i64], seed: u64) -> Selection {
    let mut order = permutation(seed, 0, train_labels.len());
    let mut notes = Vec::new();
    let held_out = cfg.validation.then(|| {
        let mut first: Vec<u32> = order.drain(..order.len() / HELD_OUT).collect();
        first.sort_unstable();
        first
    });
    if let TrainingClass::Some(classes) = &cfg.training_class {
        order.retain(|&i| classes.contains(&train_labels[i as usize]));
    }
    let wanted = usize::try_from(cfg.training_sample).unwrap_or(0);
    if wanted > order.len() {
        let (which, left) = match (&cfg.training_class, cfg.validation) {
            (TrainingClass::Some(classes), _) => (format!(" of class {}", list(classes)), ""),
            (TrainingClass::All(_), true) => (String::new(), " beside those held out"),
            (TrainingClass::All(_), false) => (String::new(), ""),
        };
        let there = order.len();
        notes.push(format!("{} asks for {wanted} training images; there are {there}{which}{left}", cfg.config));
    }
    order.truncate(wanted);
    order.sort_unstable();
    let tested = usize::try_from(cfg.testing_sample).unwrap_or(0).min(test_labels.len());
    let mut test = match test_labels.is_sorted() {
        true => permutation(0, TESTED, test_labels.len()),
        false => (0..u32::try_from(test_labels.len()).unwrap_or(u32::MAX)).collect(),
    };
    test.truncate(tested);
    test.sort_unstable();
    if held_out.is_none() && tested < test_labels.len() && test_labels.is_sorted() {
        let there = test_labels.len();
        notes.push(format!("{} tests on {tested} of {there} images, drawn once for all seeds", cfg.config));
    }
    Selection { train: order, held_out, test, notes }
}

/// The order of an epoch's `n` images: a permutation of `0..n` that depends on nothing but its arguments. `phase` counts from
/// 0, `epoch` as its caller likes.
pub fn epoch_order(seed: u64, phase: u32, epoch: u32, n: usize) -> Vec<u32> {
    // Stream 0 is the selection's, so phases begin at 1.
    permutation(seed, ((u64::from(phase) + 1) << 32) | u64::from(epoch), n)
}

/// A permutation of `0..n` from a stream of a seed.
fn permutation(seed: u64, stream: u64, n: usize) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    let mut order: Vec<u32> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i as usize, below(&mut rng, i + 1) as usize);
    }
    order
}

/// A number below `bound` (> 0), each with the same probability: draws beyond the last whole multiple are rejected.
fn below(rng: &mut impl RngCore, bound: u32) -> u32 {
    let fair = u32::MAX - u32::MAX % bound;
    loop {
        let draw = rng.next_u32();
        if draw < fair {
            return draw % bound;
        }
    }
}

fn list(classes: &[i64]) -> String {
    classes.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn config(training_sample: i64, validation: bool, training_class: TrainingClass) -> DatasetConfig {
        DatasetConfig {
            config: "CIFAR10_x".into(),
            name: "CIFAR10".into(),
            split: "train".into(),
            channels: 3,
            width: 32,
            height: 32,
            px: None,
            out_channels: 10,
            training_sample,
            testing_sample: 10_000,
            val_sample: 0,
            nb_epoch: 1,
            batch_size: 10,
            print_freq: 1,
            augmentation: false,
            noise_std: 0.0,
            zca_whitened: false,
            training_class,
            validation,
            seed: 0,
        }
    }

    fn all() -> TrainingClass {
        TrainingClass::All("all".into())
    }

    fn labels(n: usize) -> Vec<i64> {
        (0..n).map(|i| (i * 7 % 10) as i64).collect()
    }

    #[test]
    fn table() {
        // validation, classes, asked for -> trained on, held out, notes
        let one = || TrainingClass::Some(vec![3]);
        let table = [
            (false, all(), 1000, 1000, None, 0),
            (false, all(), 200, 200, None, 0),
            (false, all(), 5000, 1000, None, 1),
            (true, all(), 800, 800, Some(200), 0),
            (true, all(), 1000, 800, Some(200), 1),
            (false, one(), 100, 100, None, 0),
            (false, one(), 1000, 100, None, 1),
            (false, TrainingClass::Some(vec![-5]), 10, 0, None, 1),
            (false, all(), -1, 0, None, 0),
        ];
        for (validation, classes, asked, train, held, notes) in table {
            let s = select(&config(asked, validation, classes), &labels(1000), &labels(500), 0);
            assert_eq!((s.train.len(), s.held_out.map(|h| h.len()), s.notes.len()), (train, held, notes), "{asked}");
            assert_eq!(s.test, (0..500).collect::<Vec<u32>>());
        }
    }

    #[test]
    fn test_images_stored_class_by_class_are_drawn_from_all_classes() {
        let by_class: Vec<i64> = (0..1000).flat_map(|class| [class; 50]).collect();
        let s = select(&config(10, false, all()), &labels(10), &by_class, 0);
        let classes: std::collections::BTreeSet<i64> = s.test.iter().map(|i| by_class[*i as usize]).collect();
        assert_eq!((s.test.len(), s.notes.len()), (10_000, 1));
        // Each class is missed with a probability of 0.8^50.
        assert_eq!(classes.len(), 1000);
        assert_eq!(
            s.test,
            select(&config(10, false, all()), &labels(10), &by_class, 1).test,
            "every seed tests on the same"
        );
    }

    #[test]
    fn unlabeled_images_are_of_no_class() {
        let mut some = labels(100);
        some.extend([-1; 50]);
        let s = select(&config(1000, false, TrainingClass::Some((0..10).collect())), &some, &[], 0);
        assert_eq!(s.train, (0..100).collect::<Vec<u32>>());
        assert_eq!(select(&config(1000, false, all()), &some, &[], 0).train.len(), 150);
    }

    #[test]
    fn a_seed_means_the_same_images_for_ever() {
        assert_eq!(permutation(0, 0, 10), PINNED[0]);
        assert_eq!(epoch_order(0, 0, 1, 10), PINNED[1]);
        assert_eq!(epoch_order(1, 2, 3, 10), PINNED[2]);
    }

    const PINNED: [[u32; 10]; 3] =
        [[5, 1, 3, 0, 2, 4, 6, 9, 7, 8], [4, 2, 1, 5, 3, 0, 6, 8, 7, 9], [6, 8, 2, 3, 4, 1, 7, 5, 9, 0]];

    #[test]
    fn every_epoch_has_its_own_order() {
        let orders: HashSet<Vec<u32>> = (0..4).flat_map(|p| (0..25).map(move |e| epoch_order(7, p, e, 50))).collect();
        assert_eq!(orders.len(), 100);
    }

    #[test]
    fn draws_are_even() {
        // The place where 0 ends up, over many seeds: each of five places within four standard deviations of its share.
        let mut counts = [0; 5];
        for seed in 0..5000 {
            counts[permutation(seed, 0, 5).iter().position(|&i| i == 0).unwrap()] += 1;
        }
        assert!(counts.iter().all(|c| (887..=1113).contains(c)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn chosen_images_are_disjoint_distinct_and_the_same_again(
            n in 0usize..400,
            asked in 0i64..500,
            validation: bool,
            only in proptest::option::of(proptest::collection::vec(0i64..10, 0..4)),
            seed: u64,
        ) {
            let labels = labels(n);
            let classes = only.clone().map_or_else(all, TrainingClass::Some);
            let cfg = config(asked, validation, classes);
            let s = select(&cfg, &labels, &[0; 10], seed);
            prop_assert_eq!(&s, &select(&cfg, &labels, &[0; 10], seed));
            let held = s.held_out.clone().unwrap_or_default();
            prop_assert_eq!(held.len(), if validation { n / 5 } else { 0 });
            prop_assert_eq!(s.held_out.is_some(), validation);
            prop_assert!(s.train.len() <= asked as usize);
            prop_assert_eq!(s.train.len() < asked as usize, !s.notes.is_empty());
            let distinct: HashSet<u32> = s.train.iter().chain(&held).copied().collect();
            prop_assert_eq!(distinct.len(), s.train.len() + held.len());
            prop_assert!(distinct.iter().all(|&i| (i as usize) < n));
            prop_assert!(s.train.is_sorted() && held.is_sorted());
            if let Some(only) = only {
                prop_assert!(s.train.iter().all(|&i| only.contains(&labels[i as usize])));
            }
        }

        #[test]
        fn an_epoch_sees_every_image_once(seed: u64, phase: u32, epoch: u32, n in 0usize..300) {
            let mut order = epoch_order(seed, phase, epoch, n);
            prop_assert_eq!(&order, &epoch_order(seed, phase, epoch, n));
            order.sort_unstable();
            prop_assert_eq!(order, (0..n as u32).collect::<Vec<_>>());
        }
    }
}
