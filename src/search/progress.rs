//! What a trial leaves of its reports: `progress.csv` and `result.json` (JSON lines).
//!
//! The columns are fixed before the first report, so that every line has all of them. A number that is none is `NaN` in
//! both files (as Python's json writes and reads it); what a phase does not measure is an empty cell and absent from the
//! JSON. Files are written whole and renamed, so that they read at any moment.

use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::axis::plain;
use super::dir::TrialDir;
use super::metric::Metric;
use crate::files::write_atomic;
use crate::report::{Event, Metrics, ReportError, Subscriber};

/// Columns before those of the blocks and of the configuration.
const COLUMNS: [&str; 11] = [
    "training_iteration",
    "phase",
    "epoch",
    "global_step",
    "seconds",
    "train_loss",
    "train_acc",
    "test_loss",
    "test_acc",
    "convergence",
    "R1",
];

/// Where `global_step` and `seconds` stand in [`COLUMNS`].
const STEP: usize = 3;
const SECONDS: usize = 4;

/// Writes `progress.csv` and `result.json`.
#[derive(Debug)]
pub struct ProgressTable {
    dir: TrialDir,
    blocks: Vec<usize>,
    config: Vec<(String, Value)>,
    rows: Vec<Vec<String>>,
}

impl ProgressTable {
    /// The table of this trial; `blocks` are the Hebbian blocks of its network, `config` the columns that say what it
    /// searched.
    pub fn new(dir: &TrialDir, blocks: &[usize], config: &[(String, Value)]) -> ProgressTable {
        ProgressTable { dir: dir.clone(), blocks: blocks.to_vec(), config: config.to_vec(), rows: Vec::new() }
    }

    fn header(&self) -> Vec<String> {
        let own = COLUMNS.iter().map(ToString::to_string);
        let blocks = self.blocks.iter().flat_map(|b| [format!("b{b}_convergence"), format!("b{b}_R1")]);
        own.chain(blocks).chain(self.config.iter().map(|(name, _)| format!("config/{name}"))).collect()
    }

    /// Takes over the rows of earlier attempts up to that step. A table that does not read is begun anew.
    pub fn take_over(&mut self, until: u64) {
        let header = self.header();
        self.rows = read(&self.dir.progress())
            .filter(|table| table.header == header)
            .map(|table| table.rows)
            .unwrap_or_default();
        self.rows.retain(|row| row.get(STEP).and_then(|s| s.parse::<u64>().ok()).is_some_and(|s| s <= until));
    }

    /// Seconds that the attempts until now took.
    pub fn seconds(&self) -> f64 {
        self.rows.iter().filter_map(|row| row.get(SECONDS)?.parse::<f64>().ok()).fold(0.0, f64::max)
    }

    /// Writes both files as they stand; the table is there with its header before anything is known.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self) -> Result<(), ReportError> {
        let header = self.header();
        write_atomic(&self.dir.progress(), |file| {
            let mut out = csv::Writer::from_writer(file);
            out.write_record(&header)?;
            for row in &self.rows {
                out.write_record(row)?;
            }
            out.flush()
        })?;
        write_atomic(&self.dir.result(), |file| {
            for row in &self.rows {
                writeln!(file, "{}", self.json_line(&header, row))?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// A row as one line of JSON; `NaN` stands bare, as Python writes it.
    fn json_line(&self, header: &[String], row: &[String]) -> String {
        let measured = header.iter().zip(row).take(header.len() - self.config.len());
        let numbers = measured.filter(|(_, cell)| !cell.is_empty()).map(|(name, cell)| {
            let cell = match cell.as_str() {
                "inf" => "Infinity",
                "-inf" => "-Infinity",
                other => other,
            };
            format!("{}: {cell}", Value::from(name.as_str()))
        });
        let config: serde_json::Map<String, Value> = self.config.iter().cloned().collect();
        let config = format!("\"config\": {}", Value::Object(config));
        format!("{{{}}}", numbers.chain([config]).collect::<Vec<_>>().join(", "))
    }

    fn row(&self, m: &Metrics) -> Vec<String> {
        let of = |block: usize| m.blocks.iter().find(|b| b.block == block);
        // Those of the last Hebbian block stand under the published names.
        let last = self.blocks.last().and_then(|b| of(*b));
        let mut row = vec![
            (self.rows.len() + 1).to_string(),
            m.phase.to_string(),
            m.epoch.to_string(),
            m.global_step.to_string(),
            format!("{:.3}", m.seconds),
            cell(m.train_loss),
            cell(m.train_acc),
            cell(m.test_loss),
            cell(m.test_acc),
            cell(last.map(|b| b.convergence)),
            last.map(|b| b.r1.to_string()).unwrap_or_default(),
        ];
        for block in self.blocks.iter().map(|b| of(*b)) {
            row.extend([cell(block.map(|b| b.convergence)), block.map(|b| b.r1.to_string()).unwrap_or_default()]);
        }
        row.extend(self.config.iter().map(|(_, value)| plain(value)));
        row
    }

    /// The last line of a trial that came to NaN or infinity: where it did, and that the loss is none.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn note_not_finite(&mut self, phase: usize, epoch: u64, seconds: f64, loss: bool) -> Result<(), ReportError> {
        self.take_over(u64::MAX);
        let step = self.rows.last().and_then(|row| row.get(STEP)?.parse::<u64>().ok()).unwrap_or(0) + 1;
        let nan = || Some(f64::NAN);
        let metrics = Metrics {
            phase,
            epoch,
            global_step: step,
            seconds,
            train_loss: loss.then_some(f64::NAN),
            ..Metrics::default()
        };
        let mut row = self.row(&metrics);
        if !loss {
            row[COLUMNS.len() - 2] = cell(nan());
        }
        self.rows.push(row);
        self.write()
    }
}

impl Subscriber for ProgressTable {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted { resumed_at, .. } => {
                if *resumed_at > 0 {
                    self.take_over(*resumed_at);
                } else {
                    self.rows.clear();
                }
                self.write()
            }
            Event::Report(metrics) => {
                self.rows.push(self.row(metrics));
                self.write()
            }
            _ => Ok(()),
        }
    }
}

/// The shortest text that reads back as the same number; empty if absent.
fn cell(value: Option<f64>) -> String {
    value.map(|x| x.to_string()).unwrap_or_default()
}

/// A table as read.
struct Read {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn read(path: &Path) -> Option<Read> {
    let mut reader = csv::Reader::from_path(path).ok()?;
    let cells = |record: &csv::StringRecord| record.iter().map(str::to_string).collect::<Vec<_>>();
    let header = cells(reader.headers().ok()?);
    let rows = reader.records().map(|r| r.ok().map(|r| cells(&r))).collect::<Option<_>>()?;
    Some(Read { header, rows })
}

/// The last value of each metric in a trial's table, in the order of [`Metric::ALL`], and the epochs that it tells of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Latest {
    /// The last value that was measured.
    pub metrics: [Option<f64>; 6],
    /// Epochs finished in the whole run.
    pub epochs: u64,
    /// Seconds of training until then.
    pub seconds: f64,
}

impl Latest {
    /// That of a trial; nothing where there is no table yet.
    pub fn read(dir: &TrialDir) -> Latest {
        let Some(table) = read(&dir.progress()) else { return Latest::default() };
        let column = |name: &str| table.header.iter().position(|h| h == name);
        let last = |name: &str| {
            let at = column(name)?;
            table.rows.iter().rev().find_map(|row| row.get(at)?.parse::<f64>().ok())
        };
        Latest {
            metrics: Metric::ALL.map(|m| last(m.name())),
            epochs: last("global_step").unwrap_or(0.0) as u64,
            seconds: last("seconds").unwrap_or(0.0),
        }
    }

    /// One of them.
    pub fn of(&self, metric: Metric) -> Option<f64> {
        Metric::ALL.iter().position(|m| *m == metric).and_then(|i| self.metrics[i])
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
        assert!(header.trim_end().ends_with("R1,b0_convergence,b0_R1,config/b0/layer/t_invert,config/b0/pool"));
        table.on(&report(1, None)).unwrap();
        table.on(&report(2, Some(f64::NAN))).unwrap();
        let text = std::fs::read_to_string(dir.progress()).unwrap();
        assert_eq!(text.lines().nth(1).unwrap(), "1,1,1,1,1.000,,,,,0.5,3,0.5,3,0.5,max_2_2_0");
        assert_eq!(text.lines().nth(2).unwrap(), "2,1,2,2,2.000,NaN,,,,0.5,3,0.5,3,0.5,max_2_2_0");
        let lines = std::fs::read_to_string(dir.result()).unwrap();
        assert!(lines.lines().nth(1).unwrap().contains("\"train_loss\": NaN, \"convergence\": 0.5"), "{lines}");
        assert!(Latest::read(&dir).of(Metric::TrainLoss).unwrap().is_nan());
        assert_eq!(Latest::read(&dir).of(Metric::TestAcc), None);
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
        assert_eq!((table.rows.len(), table.seconds()), (2, 2.0));
        table.on(&report(3, Some(9.0))).unwrap();
        assert_eq!(Latest::read(&dir).of(Metric::TrainLoss), Some(9.0));
        table.note_not_finite(1, 4, 7.0, true).unwrap();
        assert!(Latest::read(&dir).of(Metric::TrainLoss).unwrap().is_nan());
        // What came to NaN is not a row of the attempt that follows.
        let mut table = ProgressTable::new(&dir, &[0], &[]);
        table.on(&start(3)).unwrap();
        assert_eq!(table.rows.len(), 3);
    }
}
