//! What is right and what is taken for what.
//!
//! Recall of a class is the share of its images that are named right (its accuracy), precision the share of those named so that
//! are of it. The interval of a share is Wilson's (1927): with p̂ of n and z = 1.96,
//!
//! ```text
//! (p̂ + z²/2n ± z·√(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n)
//! ```

/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The interval that holds a share with 95 % confidence, percent.
pub fn wilson(correct: u64, n: u64) -> [f64; 2] {
    if n == 0 {
        return [0.0, 100.0]; // nothing is known
    }
    let (p, n) = (correct as f64 / n as f64, n as f64);
    let centre = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    [centre - half, centre + half].map(|x| (100.0 * x / (1.0 + Z * Z / n)).clamp(0.0, 100.0))
}

/// A share in percent; `None` of nothing.
fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| 100.0 * part as f64 / of as f64)
}

/// How often images of a class are named as a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `(classes, classes)`: row the class of the image, column the class that it is named.
    counts: Vec<u64>,
}

impl Confusion {
    /// Counts pairs of labels and predictions; those outside of `0..classes` are left out.
    pub fn new(classes: usize, pairs: impl Iterator<Item = (i64, i64)>) -> Confusion {
        let mut counts = vec![0; classes * classes];
        let index = |i: i64| usize::try_from(i).ok().filter(|i| *i < classes);
        for (label, named) in pairs {
            if let (Some(row), Some(column)) = (index(label), index(named)) {
                counts[row * classes + column] += 1;
            }
        }
        Confusion { classes, counts }
    }

    /// How many classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Images of class `label` that are named `named`.
    pub fn count(&self, label: usize, named: usize) -> u64 {
        self.counts[label * self.classes + named]
    }

    /// All images.
    pub fn n(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Images that are named right.
    pub fn correct(&self) -> u64 {
        (0..self.classes).map(|i| self.count(i, i)).sum()
    }

    /// Accuracy, percent, as a run computes its own.
    pub fn accuracy(&self) -> f64 {
        100.0 * self.correct() as f64 / self.n().max(1) as f64
    }

    /// Images of a class.
    pub fn of_class(&self, label: usize) -> u64 {
        (0..self.classes).map(|named| self.count(label, named)).sum()
    }

    /// Images that are named so.
    pub fn named(&self, named: usize) -> u64 {
        (0..self.classes).map(|label| self.count(label, named)).sum()
    }

    /// Share of a class's images that are named right, percent; `None` if it has no images.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.of_class(class))
    }

    /// Share of the images named so that are of the class, percent; `None` if none is named so.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.named(class))
    }

    /// Mistakes, most frequent first: class, what it is taken for, how often.
    pub fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let all = (0..self.classes).flat_map(|i| (0..self.classes).map(move |j| (i, j)));
        let wrong = all.filter(|(i, j)| i != j).map(|(i, j)| (i, j, self.count(i, j))).filter(|(.., n)| *n > 0);
        let mut wrong: Vec<_> = wrong.collect();
        wrong.sort_by_key(|(.., n)| std::cmp::Reverse(*n));
        wrong
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        // Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (correct, n, low, high) in
            [(81, 263, 25.53, 36.62), (15, 148, 6.24, 16.05), (0, 20, 0.0, 16.11), (1, 29, 0.61, 17.18)]
        {
            let [a, b] = wilson(correct, n);
            assert!((a - low).abs() < 0.006 && (b - high).abs() < 0.006, "{correct} of {n}: {a} {b}");
        }
        assert_eq!(wilson(0, 0), [0.0, 100.0]);
    }

    #[test]
    fn a_table_by_hand() {
        let pairs = [(0, 0), (0, 1), (0, 1), (1, 1), (2, 0), (2, 2), (2, 2), (-1, 0), (0, 7)];
        let c = Confusion::new(4, pairs.into_iter());
        assert_eq!((c.n(), c.correct(), c.count(0, 1), c.of_class(0), c.named(0)), (7, 4, 2, 3, 2));
        assert_eq!(c.accuracy(), 100.0 * 4.0 / 7.0);
        assert_eq!(c.recall(0), Some(100.0 / 3.0));
        assert_eq!(c.precision(1), Some(100.0 / 3.0));
        assert_eq!((c.recall(3), c.precision(3)), (None, None));
        assert_eq!(c.mistakes(), [(0, 1, 2), (2, 0, 1)]);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_share(n in 1u64..100_000, part in 0.0f64..1.0) {
            let correct = (part * n as f64) as u64;
            let [a, b] = wilson(correct, n);
            let p = 100.0 * correct as f64 / n as f64;
            prop_assert!(a <= p + 1e-9 && p <= b + 1e-9 && b - a < 100.0);
        }
    }
}
