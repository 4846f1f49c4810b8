//! `trials.csv` and `summary.csv`: what a search found, a row a trial and a row a combination.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::axis::plain;
use super::dir::SearchDir;
use super::metric::Metric;
use super::progress::Latest;
use super::space::{Space, Trial};
use super::state::{State, Status};
use crate::files::{FileError, write_atomic};

/// One trial as tables see it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The trial.
    pub trial: Trial,
    /// How it stands.
    pub state: State,
    /// Its latest metrics.
    pub latest: Latest,
}

/// A combination of values over its seeds.
#[derive(Debug, Clone)]
pub struct Combination<'a> {
    /// Its finished trials, by number; at least one.
    pub trials: Vec<&'a Row>,
    /// How many trials it has, finished or not.
    pub of: usize,
    /// Whether a trial of it has still to end.
    pub is_open: bool,
    /// Mean and sample standard deviation of each metric, in the order of [`Metric::ALL`].
    pub metrics: [Option<(f64, Option<f64>)>; 6],
}

impl Combination<'_> {
    /// Mean and sample standard deviation of a metric; NaN if it was not measured.
    pub fn of(&self, metric: Metric) -> (f64, Option<f64>) {
        let at = Metric::ALL.iter().position(|m| *m == metric).unwrap_or(0);
        self.metrics[at].unwrap_or((f64::NAN, None))
    }

    /// The mean of a metric.
    pub fn mean(&self, metric: Metric) -> f64 {
        self.of(metric).0
    }
}

/// Trials by their combination, in the order of their numbers.
fn groups(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let key = serde_json::Value::Object(row.trial.values.clone()).to_string();
        groups.entry(key).or_default().push(row);
    }
    groups.into_values().collect()
}

/// The combinations that have a finished trial, best first.
pub fn combinations<'a>(space: &Space, rows: &'a [Row]) -> Vec<Combination<'a>> {
    let combination = |group: Vec<&'a Row>| {
        let (of, is_open) = (group.len(), group.iter().any(|row| !row.state.status.is_end()));
        let trials: Vec<&Row> = group.into_iter().filter(|row| row.state.status == Status::Finished).collect();
        let metrics = std::array::from_fn(|i| mean_and_std(trials.iter().filter_map(|row| row.latest.metrics[i])));
        (!trials.is_empty()).then_some(Combination { trials, of, is_open, metrics })
    };
    let mut all: Vec<Combination> = groups(rows).into_iter().filter_map(combination).collect();
    let metric = space.metric;
    all.sort_by(|a, b| {
        let (x, y) = (a.mean(metric), b.mean(metric));
        let order = if metric.is_better(x, y) {
            std::cmp::Ordering::Less
        } else if metric.is_better(y, x) {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Equal
        };
        order.then(a.trials[0].trial.index.cmp(&b.trials[0].trial.index))
    });
    all
}

/// Mean and sample standard deviation (which one value has not).
pub fn mean_and_std(values: impl Iterator<Item = f64>) -> Option<(f64, Option<f64>)> {
    let values: Vec<f64> = values.collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let std = || (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    (!values.is_empty()).then(|| (mean, (values.len() > 1).then(std)))
}

/// The values of a trial, in the order of the axes.
pub fn values(space: &Space, trial: &Trial) -> Vec<String> {
    space.axes.iter().map(|axis| trial.values.get(&axis.name).map(plain).unwrap_or_default()).collect()
}

/// What a search found.
#[derive(Debug)]
pub struct Best<'a> {
    /// The combination with the best mean.
    pub first: Combination<'a>,
    /// Others with the same mean.
    pub ties: Vec<Combination<'a>>,
    /// How many combinations the search has.
    pub of: usize,
}

/// The combination whose last values of the search's metric have the best mean over its seeds. One that has still a seed to
/// come does not take part where another has ended: its one seed may be a lucky one.
pub fn best<'a>(space: &Space, rows: &'a [Row]) -> Option<Best<'a>> {
    let mean = |c: &Combination| c.mean(space.metric);
    let mut all: Vec<Combination> = combinations(space, rows).into_iter().filter(|c| !mean(c).is_nan()).collect();
    if all.iter().any(|c| !c.is_open) {
        all.retain(|c| !c.is_open);
    }
    let top = mean(all.first()?);
    // The same values in another order may sum to a last bit more.
    all.retain(|c| mean(c) == top || (mean(c) / top - 1.0).abs() < 1e-12);
    all.sort_by_key(|c| c.trials[0].trial.index);
    let first = all.remove(0);
    Some(Best { first, ties: all, of: groups(rows).len() })
}

/// Writes both tables.
///
/// # Errors
/// When a file cannot be written.
pub fn write(dir: &SearchDir, space: &Space, rows: &[Row]) -> Result<(), FileError> {
    let names = || space.axes.iter().map(|axis| axis.name.clone());
    let text = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let number = |x: Option<f64>| x.map(|x| x.to_string()).unwrap_or_default();
    write_atomic(&dir.trials(), |file| {
        let mut out = csv::Writer::from_writer(file);
        let mut header = text(&["trial", "folder", "status"]);
        header.extend(names());
        header.push("seed".into());
        header.extend(Metric::ALL.map(|m| m.name().to_string()));
        header.extend(text(&["epochs", "seconds", "attempts", "reused", "cause"]));
        out.write_record(&header)?;
        for Row { trial, state, latest } in rows {
            let mut cells = vec![trial.index.to_string(), trial.name(), state.status.name().to_string()];
            cells.extend(values(space, trial));
            cells.push(trial.seed.to_string());
            cells.extend(latest.metrics.map(number));
            cells.extend([latest.epochs.to_string(), format!("{:.3}", latest.seconds), state.attempts.to_string()]);
            cells.extend([state.reused.clone().unwrap_or_default(), state.cause.clone().unwrap_or_default()]);
            out.write_record(&cells)?;
        }
        out.flush()
    })?;
    write_atomic(&dir.summary(), |file| {
        let mut out = csv::Writer::from_writer(&mut *file);
        let mut header = text(&["rank"]);
        header.extend(names());
        header.extend(text(&["trials", "numbers"]));
        header.extend(Metric::ALL.iter().flat_map(|m| [format!("{}_mean", m.name()), format!("{}_std", m.name())]));
        out.write_record(&header)?;
        for (rank, c) in combinations(space, rows).into_iter().enumerate() {
            let mut cells = vec![(rank + 1).to_string()];
            cells.extend(values(space, &c.trials[0].trial));
            let numbers: Vec<String> = c.trials.iter().map(|row| row.trial.index.to_string()).collect();
            cells.extend([c.trials.len().to_string(), numbers.join(" ")]);
            cells.extend(c.metrics.iter().flat_map(|m| [number(m.map(|m| m.0)), number(m.and_then(|m| m.1))]));
            out.write_record(&cells)?;
        }
        out.flush()?;
        drop(out);
        file.flush()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::read::parse;

    #[test]
    fn the_best_is_a_mean_of_combinations_that_have_ended() {
        const F: Status = Status::Finished;
        let space = parse("x", "seeds = [0, 1]\n[space]\n\"b0.layer.lr\" = { grid = [1, 2, 3] }\n").unwrap();
        // Accuracy and status of both seeds of three combinations; the best mean, the deviation, its trials and its ties.
        for (trials, want) in [
            (
                [(70.0, F), (72.0, F), (80.0, F), (50.0, F), (60.0, F), (60.0, F)],
                Some((71.0, Some(2.0), vec![0, 1], 0)),
            ),
            // A lucky seed whose twin has still to come does not count, one whose twin failed does.
            (
                [(70.0, F), (72.0, F), (80.0, F), (0.0, Status::Running), (60.0, F), (60.0, F)],
                Some((71.0, Some(2.0), vec![0, 1], 0)),
            ),
            (
                [(70.0, F), (72.0, F), (80.0, F), (0.0, Status::Failed), (60.0, F), (60.0, F)],
                Some((80.0, None, vec![2], 0)),
            ),
            (
                [
                    (70.0, F),
                    (0.0, Status::Pending),
                    (80.0, F),
                    (0.0, Status::Pending),
                    (0.0, Status::Pending),
                    (0.0, Status::Pending),
                ],
                Some((80.0, None, vec![2], 0)),
            ),
            // The same mean is a tie, in whatever order its values come.
            (
                [(70.1, F), (72.2, F), (72.2, F), (70.1, F), (71.15, F), (71.15, F)],
                Some((71.15, Some(2.205), vec![0, 1], 2)),
            ),
            ([(f64::NAN, F), (72.0, F), (1.0, F), (2.0, F), (0.0, F), (0.0, F)], Some((1.5, Some(0.5), vec![2, 3], 0))),
            ([(0.0, Status::Pending); 6], None),
        ] {
            let row = |(trial, (acc, status)): (Trial, (f64, Status))| Row {
                trial,
                state: State { status, ..State::default() },
                latest: Latest { metrics: [None, None, None, Some(acc), None, None], ..Latest::default() },
            };
            let rows: Vec<Row> = space.trials().into_iter().zip(trials).map(row).collect();
            let found = best(&space, &rows).map(|best| {
                let (mean, std) = best.first.of(Metric::TestAcc);
                let numbers: Vec<usize> = best.first.trials.iter().map(|row| row.trial.index).collect();
                assert_eq!(best.of, 3);
                // The sample variance of two values is half of their difference squared.
                (mean, std.map(|std| std * std), numbers, best.ties.len())
            });
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            match (&found, &want) {
                (Some(f), Some(w)) => {
                    let same = match (f.1, w.1) {
                        (Some(a), Some(b)) => near(a, b),
                        (a, b) => a == b,
                    };
                    assert!(near(f.0, w.0) && same && (&f.2, f.3) == (&w.2, w.3), "{found:?} {want:?}");
                }
                _ => assert_eq!(found, want),
            }
        }
    }

    #[test]
    fn deviations_are_those_of_a_sample() {
        assert_eq!(mean_and_std([].into_iter()), None);
        assert_eq!(mean_and_std([2.0].into_iter()), Some((2.0, None)));
        assert_eq!(mean_and_std([1.0, 2.0, 3.0].into_iter()), Some((2.0, Some(1.0))));
        let (mean, std) = mean_and_std([1.0, f64::NAN].into_iter()).unwrap();
        assert!(mean.is_nan() && std.unwrap().is_nan());
    }
}
