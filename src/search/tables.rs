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
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// The value of each axis.
    pub values: Vec<String>,
    /// Numbers of its finished trials.
    pub trials: Vec<usize>,
    /// Mean and sample standard deviation of each metric, in the order of [`Metric::ALL`].
    pub metrics: [Option<(f64, Option<f64>)>; Metric::COUNT],
}

impl Combination {
    /// The mean of a metric.
    pub fn mean(&self, metric: Metric) -> f64 {
        self.metrics[metric.place()].map_or(f64::NAN, |(mean, _)| mean)
    }
}

/// The combinations that have a finished trial, best first.
pub fn combinations(space: &Space, rows: &[Row]) -> Vec<Combination> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.state.status == Status::Finished) {
        let key = serde_json::Value::Object(row.trial.values.clone()).to_string();
        groups.entry(key).or_default().push(row);
    }
    let combination = |group: &Vec<&Row>| Combination {
        values: values(space, &group[0].trial),
        trials: group.iter().map(|row| row.trial.index).collect(),
        metrics: std::array::from_fn(|i| mean_and_std(group.iter().filter_map(|row| row.latest.metrics[i]))),
    };
    let mut all: Vec<Combination> = groups.values().filter(|g| !g.is_empty()).map(combination).collect();
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
        order.then(a.trials.cmp(&b.trials))
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

/// The finished trial with the best last value of the search's metric.
pub fn best<'a>(space: &Space, rows: &'a [Row]) -> Option<&'a Row> {
    let value = |row: &Row| row.latest.of(space.metric).unwrap_or(f64::NAN);
    let finished = rows.iter().filter(|row| row.state.status == Status::Finished && !value(row).is_nan());
    finished.reduce(|best, row| if space.metric.is_better(value(row), value(best)) { row } else { best })
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
            cells.extend(c.values.clone());
            let numbers: Vec<String> = c.trials.iter().map(ToString::to_string).collect();
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

    #[test]
    fn deviations_are_those_of_a_sample() {
        assert_eq!(mean_and_std([].into_iter()), None);
        assert_eq!(mean_and_std([2.0].into_iter()), Some((2.0, None)));
        assert_eq!(mean_and_std([1.0, 2.0, 3.0].into_iter()), Some((2.0, Some(1.0))));
        let (mean, std) = mean_and_std([1.0, f64::NAN].into_iter()).unwrap();
        assert!(mean.is_nan() && std.unwrap().is_nan());
    }
}
