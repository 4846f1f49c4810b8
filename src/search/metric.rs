//! What trials are compared by: the columns of a report that say which of two values is the better one.

use std::str::FromStr;

use clap::builder::PossibleValue;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::report::columns::{Better, COLUMNS, Column};

/// A column of `progress.csv` that trials are compared by, at its last value; its place in [`COLUMNS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Metric(usize);

// Those that the program itself speaks of.
#[expect(non_upper_case_globals, reason = "named as the variants of an enum")]
impl Metric {
    /// Mean cross entropy on the training images.
    pub const TrainLoss: Metric = Metric::named("train_loss");
    /// Accuracy on the training images, percent.
    pub const TrainAcc: Metric = Metric::named("train_acc");
    /// Mean cross entropy on the test images.
    pub const TestLoss: Metric = Metric::named("test_loss");
    /// Accuracy on the test images, percent.
    pub const TestAcc: Metric = Metric::named("test_acc");
    /// mean |radius − 1| of the last Hebbian block that learned.
    pub const Convergence: Metric = Metric::named("convergence");
    /// Its units whose radius is 1.
    pub const R1: Metric = Metric::named("R1");
}

impl Metric {
    /// How many there are.
    pub const COUNT: usize = {
        let (mut count, mut i) = (0, 0);
        while i < COLUMNS.len() {
            count += COLUMNS[i].better.is_some() as usize;
            i += 1;
        }
        count
    };

    /// All of them, in the order of the tables.
    pub const ALL: [Metric; Metric::COUNT] = {
        let (mut all, mut found, mut i) = ([Metric(0); Metric::COUNT], 0, 0);
        while i < COLUMNS.len() {
            if COLUMNS[i].better.is_some() {
                (all[found], found) = (Metric(i), found + 1);
            }
            i += 1;
        }
        all
    };

    /// Their names.
    const NAMES: [&'static str; Metric::COUNT] = {
        let (mut names, mut i) = ([""; Metric::COUNT], 0);
        while i < Metric::COUNT {
            names[i] = COLUMNS[Metric::ALL[i].0].name;
            i += 1;
        }
        names
    };

    /// The column of this name; a build fails where there is none.
    const fn named(name: &str) -> Metric {
        let mut i = 0;
        while !same(COLUMNS[i].name.as_bytes(), name.as_bytes()) {
            i += 1;
        }
        Metric(i)
    }

    fn column(self) -> &'static Column {
        &COLUMNS[self.0]
    }

    /// The names of all, for messages: `train_loss, train_acc, … or R1`.
    pub fn names() -> String {
        let (last, others) = Metric::NAMES.split_last().unwrap_or((&"", &[]));
        format!("{} or {last}", others.join(", "))
    }

    /// Its place in [`Metric::ALL`].
    pub fn place(self) -> usize {
        Metric::ALL.iter().take_while(|m| m.0 < self.0).count()
    }

    /// Its column.
    pub fn name(self) -> &'static str {
        self.column().name
    }

    /// Whether less is better.
    pub fn is_minimised(self) -> bool {
        self.column().better == Some(Better::Lower)
    }

    /// Whether `a` is better than `b`; a number that is none is never better, and always worse than one that is.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        !a.is_nan() && (b.is_nan() || if self.is_minimised() { a < b } else { a > b })
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

impl Default for Metric {
    fn default() -> Metric {
        Metric::TestAcc
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Metric, String> {
        let same = |m: &Metric| m.name().eq_ignore_ascii_case(text);
        Metric::ALL.into_iter().find(same).ok_or_else(|| format!("unknown metric `{text}`: it is {}", Metric::names()))
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Metric, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::unknown_variant(&text, &Metric::NAMES))
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.name().to_string()
    }
}

impl clap::ValueEnum for Metric {
    fn value_variants<'a>() -> &'a [Metric] {
        &Metric::ALL
    }

    fn from_str(text: &str, _ignore_case: bool) -> Result<Metric, String> {
        text.parse()
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let better = if self.is_minimised() { "smaller" } else { "larger" };
        let about = format!("{}; the {better} the better", self.column().about);
        let value = PossibleValue::new(self.name()).help(about);
        // The one whose name is not all small letters.
        Some(if *self == Metric::R1 { value.alias("r1") } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_loss_and_more_accuracy_are_better() {
        let nan = f64::NAN;
        for (metric, a, b, want) in [
            (Metric::TestAcc, 80.0, 70.0, true),
            (Metric::TestAcc, 70.0, 80.0, false),
            (Metric::TestAcc, 70.0, 70.0, false),
            (Metric::TestLoss, 1.0, 2.0, true),
            (Metric::TrainLoss, 2.0, 1.0, false),
            (Metric::Convergence, 0.1, 0.2, true),
            (Metric::R1, 5.0, 4.0, true),
            (Metric::TestLoss, nan, 2.0, false),
            (Metric::TestLoss, 2.0, nan, true),
            (Metric::TestAcc, nan, nan, false),
        ] {
            assert_eq!(metric.is_better(a, b), want, "{metric:?} {a} {b}");
        }
    }

    #[test]
    fn names_read_back() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
        }
        assert!("accuracy".parse::<Metric>().is_err());
    }
}
