//! What a trial leaves of its reports: `progress.csv` and `result.json` (JSON lines).
//!
//! The columns are fixed before the first report, so that every line has all of them. A number that is none is `NaN` in
//! both files (as Python's json writes and reads it); what a phase does not measure is an empty cell and absent from the
//! JSON. Files are written whole and renamed, so that they read at any moment.

use std::io::Write;

use serde_json::Value;

use super::axis::plain;
use super::dir::TrialDir;
use super::metric::Metric;
use crate::files::write_atomic;
use crate::report::columns::{self, Row};
use crate::report::{Event, Metrics, PhaseInfo, ReportError, Subscriber, Table};

/// Writes `progress.csv` and `result.json`: `training_iteration` (reports until now), the columns of a run's table, and what
/// the trial searched.
#[derive(Debug)]
pub struct ProgressTable {
    dir: TrialDir,
    blocks: Vec<usize>,
    config: Vec<(String, Value)>,
    phase: Option<PhaseInfo>,
    table: Table,
}

impl ProgressTable {
    /// The table of this trial; `blocks` are the Hebbian blocks of its network, `config` the columns that say what it
    /// searched.
    pub fn new(dir: &TrialDir, blocks: &[usize], config: &[(String, Value)]) -> ProgressTable {
        let config_names = config.iter().map(|(name, _)| format!("config/{name}"));
        let header = std::iter::once("training_iteration".into()).chain(columns::names(blocks)).chain(config_names);
        let table = Table::new(dir.progress(), header.collect());
        ProgressTable { dir: dir.clone(), blocks: blocks.to_vec(), config: config.to_vec(), phase: None, table }
    }

    /// Takes over the rows of earlier attempts up to that step. A table that does not read is begun anew.
    pub fn take_over(&mut self, until: u64) {
        let _ = self.table.take_over(until); // then it is empty
    }

    /// Seconds that the attempts until now took.
    pub fn seconds(&self) -> f64 {
        self.table.last("seconds").unwrap_or(0.0)
    }

    /// Writes both files as they stand; the table is there with its header before anything is known.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self) -> Result<(), ReportError> {
        self.table.write()?;
        write_atomic(&self.dir.result(), |file| {
            for row in &self.table.rows {
                writeln!(file, "{}", self.json_line(row))?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// A row as one line of JSON; `NaN` stands bare, as Python writes it.
    fn json_line(&self, row: &[String]) -> String {
        let header = self.table.header();
        let measured = header.iter().zip(row).take(header.len() - self.config.len());
        let numbers = measured.filter(|(_, cell)| !cell.is_empty()).map(|(name, cell)| {
            let cell = match cell.as_str() {
                "inf" => "Infinity".into(),
                "-inf" => "-Infinity".into(),
                number if number.parse::<f64>().is_ok() => number.to_string(),
                word => Value::from(word).to_string(),
            };
            format!("{}: {cell}", Value::from(name.as_str()))
        });
        let config: serde_json::Map<String, Value> = self.config.iter().cloned().collect();
        let config = format!("\"config\": {}", Value::Object(config));
        format!("{{{}}}", numbers.chain([config]).collect::<Vec<_>>().join(", "))
    }

    fn add(&mut self, metrics: &Metrics) {
        let row = Row { phase: self.phase.as_ref(), metrics };
        let iteration = (self.table.rows.len() + 1).to_string();
        let config = self.config.iter().map(|(_, value)| plain(value));
        self.table.rows.push(std::iter::once(iteration).chain(row.cells(&self.blocks)).chain(config).collect());
    }

    /// The last line of a trial that came to NaN or infinity: where it did, and that the loss is none.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn note_not_finite(&mut self, phase: usize, epoch: u64, seconds: f64, loss: bool) -> Result<(), ReportError> {
        self.take_over(u64::MAX);
        let global_step = self.table.last("global_step").unwrap_or(0.0) as u64 + 1;
        let train_loss = loss.then_some(f64::NAN);
        self.add(&Metrics { phase, epoch, global_step, seconds, train_loss, ..Metrics::default() });
        if !loss {
            self.table.set("convergence", "NaN");
        }
        self.write()
    }
}

impl Subscriber for ProgressTable {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted { resumed_at, .. } => {
                self.take_over(*resumed_at);
                self.write()
            }
            Event::PhaseStarted(phase) => {
                self.phase = Some(phase.clone());
                Ok(())
            }
            Event::Report(metrics) if !metrics.between => {
                self.add(metrics);
                self.write()
            }
            _ => Ok(()),
        }
    }
}

/// The last value of each metric in a trial's table, in the order of [`Metric::ALL`], and the epochs that it tells of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Latest {
    /// The last value that was measured.
    pub metrics: [Option<f64>; Metric::COUNT],
    /// Epochs finished in the whole run.
    pub epochs: u64,
    /// Seconds of training until then.
    pub seconds: f64,
}

impl Latest {
    /// That of a trial; nothing where there is no table yet.
    pub fn read(dir: &TrialDir) -> Latest {
        let Some(table) = Table::read(&dir.progress()) else { return Latest::default() };
        Latest {
            metrics: Metric::ALL.map(|m| table.last(m.name())),
            epochs: table.last("global_step").unwrap_or(0.0) as u64,
            seconds: table.last("seconds").unwrap_or(0.0),
        }
    }

    /// One of them.
    pub fn of(&self, metric: Metric) -> Option<f64> {
        self.metrics[metric.place()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::BlockStats;
    use serde_json::json;

    fn report(step: u64, loss: Option<f64>) -> Event {
        let block = |block| BlockStats { block, convergence: 0.5, r1: 3, ..BlockStats::default() };
        Event::Report(Box::new(Metrics {
            phase: 1,
            epoch: step,
            global_step: step,
            seconds: step as f64,
            train_loss: loss,
            blocks: vec![block(0)],
            ..Metrics::default()
        }))
    }

    fn start(resumed_at: u64) -> Event {
        Event::RunStarted { title: String::new(), config: json!({}), folder: None, resumed_at }
    }

    #[test]
    fn columns_are_there_from_the_start_and_nan_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let dir = TrialDir::new(folder.path());
        let config = [("b0/layer/t_invert".to_string(), json!(0.5)), ("b0/pool".to_string(), json!("max_2_2_0"))];
        let mut table = ProgressTable::new(&dir, &[0], &config);
        table.on(&start(0)).unwrap();
        let header = std::fs::read_to_string(dir.progress()).unwrap();
        assert_eq!(header.lines().count(), 1);
        assert!(header.starts_with("training_iteration,phase,kind,epoch,global_step,train_loss,"), "{header}");
        assert!(header.trim_end().ends_with("b0_anti_winner,config/b0/layer/t_invert,config/b0/pool"), "{header}");
        table.on(&report(1, None)).unwrap();
        table.on(&report(2, Some(f64::NAN))).unwrap();
        let text = std::fs::read_to_string(dir.progress()).unwrap();
        let begin = |line: usize| text.lines().nth(line).unwrap().to_string();
        assert!(begin(1).starts_with("1,2,,1,1,,,,,0.5,3,0,0,0.0,1.000,0,0.5,3,"), "{text}");
        assert!(begin(2).starts_with("2,2,,2,2,NaN,,,,0.5,3,0,0,0.0,2.000,0,0.5,3,"), "{text}");
        assert!(text.lines().skip(1).all(|line| line.ends_with(",0.5,max_2_2_0")), "{text}");
        let lines = std::fs::read_to_string(dir.result()).unwrap();
        assert!(lines.lines().nth(1).unwrap().contains("\"train_loss\": NaN, \"convergence\": 0.5"), "{lines}");
        assert!(Latest::read(&dir).of(Metric::TrainLoss).unwrap().is_nan());
        assert_eq!(Latest::read(&dir).of(Metric::TestAcc), None);
    }

    #[test]
    fn an_earlier_attempts_table_with_other_columns_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let dir = TrialDir::new(folder.path());
        let earlier =
            "training_iteration,phase,epoch,global_step,seconds,train_loss,config/lr\n1,0,1,1,5.000,0.25,0.1\n";
        std::fs::write(dir.progress(), earlier).unwrap();
        let mut table = ProgressTable::new(&dir, &[0], &[("lr".to_string(), json!(0.1))]);
        table.on(&start(1)).unwrap();
        table.on(&report(2, None)).unwrap();
        let text = std::fs::read_to_string(dir.progress()).unwrap();
        let phases: Vec<_> = text.lines().skip(1).map(|line| line.split(',').take(2).collect::<Vec<_>>()).collect();
        assert_eq!(phases, [["1", "1"], ["2", "2"]], "phases count from 1: {text}");
        assert_eq!(Latest::read(&dir).of(Metric::TrainLoss), Some(0.25));
        let word = Event::PhaseStarted(PhaseInfo {
            index: 0,
            count: 1,
            kind: crate::report::PhaseKind::Hybrid,
            blocks: vec![0],
            epochs: 3,
            images: 1,
            batch_size: 1,
        });
        table.on(&word).unwrap();
        table.on(&report(3, None)).unwrap();
        for line in std::fs::read_to_string(dir.result()).unwrap().lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        }
    }

    #[test]
    fn a_resumed_table_has_no_row_twice() {
        let folder = tempfile::tempdir().unwrap();
        let dir = TrialDir::new(folder.path());
        let mut table = ProgressTable::new(&dir, &[0], &[]);
        table.on(&start(0)).unwrap();
        for step in 1..=3 {
            table.on(&report(step, Some(step as f64))).unwrap();
        }
        let mut table = ProgressTable::new(&dir, &[0], &[]);
        table.on(&start(2)).unwrap();
        assert_eq!((table.table.rows.len(), table.seconds()), (2, 2.0));
        table.on(&report(3, Some(9.0))).unwrap();
        assert_eq!(Latest::read(&dir).of(Metric::TrainLoss), Some(9.0));
        table.note_not_finite(1, 4, 7.0, true).unwrap();
        assert!(Latest::read(&dir).of(Metric::TrainLoss).unwrap().is_nan());
        table.note_not_finite(1, 4, 7.0, false).unwrap();
        assert!(Latest::read(&dir).of(Metric::Convergence).unwrap().is_nan());
        // What came to NaN is not a row of the attempt that follows.
        let mut table = ProgressTable::new(&dir, &[0], &[]);
        table.on(&start(3)).unwrap();
        assert_eq!(table.table.rows.len(), 3);
    }
}
