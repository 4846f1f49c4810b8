//! What trials are compared by.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A column of `progress.csv` that trials are compared by, at its last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[clap(rename_all = "snake_case")]
pub enum Metric {
    /// Mean cross entropy on the training images; the smaller the better.
    TrainLoss,
    /// Accuracy on the training images, percent.
    TrainAcc,
    /// Mean cross entropy on the test images; the smaller the better.
    TestLoss,
    /// Accuracy on the test images, percent.
    #[default]
    TestAcc,
    /// mean |radius − 1| of the last Hebbian block; the smaller the better.
    Convergence,
    /// Units of the last Hebbian block whose radius is 1.
    #[serde(rename = "R1")]
    #[clap(name = "R1", alias = "r1")]
    R1,
}

impl Metric {
    /// All of them, in the order of the tables.
    pub const ALL: [Metric; 6] =
        [Metric::TrainLoss, Metric::TrainAcc, Metric::TestLoss, Metric::TestAcc, Metric::Convergence, Metric::R1];

    /// Its column.
    pub fn name(self) -> &'static str {
        match self {
            Metric::TrainLoss => "train_loss",
            Metric::TrainAcc => "train_acc",
            Metric::TestLoss => "test_loss",
            Metric::TestAcc => "test_acc",
            Metric::Convergence => "convergence",
            Metric::R1 => "R1",
        }
    }

    /// Whether less is better.
    pub fn is_minimised(self) -> bool {
        matches!(self, Metric::TrainLoss | Metric::TestLoss | Metric::Convergence)
    }

    /// Whether `a` is better than `b`; a number that is none is never better, and always worse than one that is.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        !a.is_nan() && (b.is_nan() || if self.is_minimised() { a < b } else { a > b })
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Metric, String> {
        let same = |m: &Metric| m.name().eq_ignore_ascii_case(text);
        Metric::ALL.into_iter().find(same).ok_or_else(|| format!("unknown metric `{text}`"))
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
