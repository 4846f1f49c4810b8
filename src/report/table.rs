//! `metrics.csv`: a row a report, with columns that the network fixes from the first line on.
//!
//! An absent number is an empty cell, a number that is none is `NaN`. The file is written whole at each report and
//! renamed into place, so that it is readable at any moment; it is there, with its header, from the run's start.

use std::path::PathBuf;

use super::{BlockStats, Event, Metrics, PhaseKind, ReportError, Subscriber};
use crate::files::{RunDir, write_atomic};

/// Columns of every table. `convergence` and `R1` are those of the last Hebbian block, as published.
const COLUMNS: [&str; 13] = [
    "phase",
    "kind",
    "epoch",
    "global_step",
    "seconds",
    "images_per_second",
    "lr",
    "train_loss",
    "train_acc",
    "test_loss",
    "test_acc",
    "convergence",
    "R1",
];

/// Columns of each Hebbian block, after `b{block}_`.
const BLOCK_COLUMNS: [&str; 13] = [
    "lr",
    "convergence",
    "R1",
    "radius_mean",
    "radius_std",
    "radius_mean_dev",
    "radius_max_dev",
    "weight_mean",
    "weight_std",
    "bias_mean",
    "bias_std",
    "winner",
    "anti_winner",
];

/// Where `global_step` stands in [`COLUMNS`].
const STEP: usize = 3;

/// Writes `metrics.csv`.
#[derive(Debug)]
pub struct MetricsTable {
    path: PathBuf,
    blocks: Vec<usize>,
    rows: Vec<Vec<String>>,
    kind: Option<PhaseKind>,
}

impl MetricsTable {
    /// The table of this run; `hebbian_blocks` are those that every report describes, first to last.
    pub fn new(dir: &RunDir, hebbian_blocks: &[usize]) -> MetricsTable {
        MetricsTable { path: dir.metrics(), blocks: hebbian_blocks.to_vec(), rows: Vec::new(), kind: None }
    }

    fn header(&self) -> Vec<String> {
        let block_columns = self.blocks.iter().flat_map(|b| BLOCK_COLUMNS.map(|c| format!("b{b}_{c}")));
        COLUMNS.iter().map(ToString::to_string).chain(block_columns).collect()
    }

    fn write(&self) -> Result<(), ReportError> {
        write_atomic(&self.path, |file| {
            let mut out = csv::Writer::from_writer(file);
            out.write_record(self.header())?;
            for row in &self.rows {
                out.write_record(row)?;
            }
            out.flush()
        })?;
        Ok(())
    }

    /// Takes over the rows of an earlier part of this run up to that step; columns are found by name.
    fn take_over(&mut self, resumed_at: u64) -> Result<(), ReportError> {
        self.rows.clear();
        if resumed_at == 0 || !self.path.exists() {
            return Ok(());
        }
        let fail = |line: u64, cause: String| ReportError::Table { path: self.path.clone(), line, cause };
        let csv_fail = |e: csv::Error| fail(e.position().map_or(1, csv::Position::line), e.to_string());
        let mut reader = csv::Reader::from_path(&self.path).map_err(csv_fail)?;
        let found = reader.headers().map_err(csv_fail)?.clone();
        let columns: Vec<Option<usize>> =
            self.header().iter().map(|name| found.iter().position(|other| other == name)).collect();
        let Some(step) = columns[STEP] else { return Err(fail(1, "it has no column global_step".into())) };
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(csv_fail)?;
            let text = record.get(step).unwrap_or_default();
            let Ok(at) = text.parse::<u64>() else {
                let line = record.position().map_or(1, csv::Position::line);
                return Err(fail(line, format!("global_step is {text:?}, not a whole number")));
            };
            if at <= resumed_at {
                let cell = |column: &Option<usize>| column.and_then(|c| record.get(c)).unwrap_or_default().to_string();
                rows.push(columns.iter().map(cell).collect());
            }
        }
        self.rows = rows;
        Ok(())
    }

    fn row(&self, m: &Metrics) -> Vec<String> {
        let kind = self.kind.map_or("", |kind| match kind {
            PhaseKind::Unsupervised => "unsupervised",
            PhaseKind::Supervised => "supervised",
            PhaseKind::Hybrid => "hybrid",
            PhaseKind::Features => "features",
        });
        let of = |block: usize| m.blocks.iter().find(|b| b.block == block);
        let last = self.blocks.last().and_then(|b| of(*b));
        let mut row = vec![
            m.phase.to_string(),
            kind.into(),
            m.epoch.to_string(),
            m.global_step.to_string(),
            format!("{:.3}", m.seconds),
            format!("{:.1}", m.images_per_second),
            m.lr.to_string(),
            cell(m.train_loss),
            cell(m.train_acc),
            cell(m.test_loss),
            cell(m.test_acc),
            cell(last.map(|b| b.convergence)),
            last.map(|b| b.r1.to_string()).unwrap_or_default(),
        ];
        for block in &self.blocks {
            row.extend(of(*block).map(block_cells).unwrap_or_default());
        }
        row
    }
}

impl Subscriber for MetricsTable {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted { resumed_at, .. } => {
                self.take_over(*resumed_at)?;
                self.write()
            }
            Event::PhaseStarted(phase) => {
                self.kind = Some(phase.kind);
                Ok(())
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

fn block_cells(b: &BlockStats) -> [String; BLOCK_COLUMNS.len()] {
    let number = |x: f64| x.to_string();
    [
        number(b.lr),
        number(b.convergence),
        b.r1.to_string(),
        number(b.radius_mean),
        number(b.radius_std),
        number(b.radius_mean_dev),
        number(b.radius_max_dev),
        number(b.weight_mean),
        number(b.weight_std),
        cell(b.bias_mean),
        cell(b.bias_std),
        cell(b.winner),
        cell(b.anti_winner),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn start(resumed_at: u64) -> Event {
        Event::RunStarted { title: String::new(), config: serde_json::Value::Null, folder: None, resumed_at }
    }

    fn report(global_step: u64) -> Event {
        let block = |block| BlockStats { block, r1: block as i64, convergence: f64::NAN, ..Default::default() };
        Event::Report(Box::new(Metrics {
            global_step,
            train_loss: Some(0.1),
            test_acc: Some(f64::NAN),
            blocks: vec![block(0), block(2)],
            ..Default::default()
        }))
    }

    fn steps(dir: &RunDir) -> Vec<String> {
        let text = fs::read_to_string(dir.metrics()).unwrap();
        text.lines().skip(1).map(|line| line.split(',').nth(STEP).unwrap().to_string()).collect()
    }

    #[test]
    fn the_header_is_there_at_once_and_rows_are_as_wide() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path().join("run"));
        let mut table = MetricsTable::new(&dir, &[0, 2]);
        table.on(&start(0)).unwrap();
        let header = fs::read_to_string(dir.metrics()).unwrap();
        assert!(header.starts_with("phase,kind,epoch,global_step,") && header.contains(",b2_R1,"), "{header}");
        table.on(&report(1)).unwrap();
        let mut reader = csv::Reader::from_path(dir.metrics()).unwrap();
        let names = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        let get = |name: &str| row.get(names.iter().position(|n| n == name).unwrap()).unwrap();
        assert_eq!(row.len(), 13 + 2 * 13);
        assert_eq!((get("train_loss"), get("train_acc"), get("test_acc")), ("0.1", "", "NaN"));
        assert_eq!((get("convergence"), get("R1"), get("b0_R1"), get("b2_winner")), ("NaN", "2", "0", ""));
    }

    #[test]
    fn a_report_without_a_block_leaves_its_cells_empty() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        let mut table = MetricsTable::new(&dir, &[0, 1]);
        table.on(&report(1)).unwrap();
        let text = fs::read_to_string(dir.metrics()).unwrap();
        let widths: Vec<_> = text.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(widths, [39, 39]);
        assert!(text.ends_with(&format!("{}\n", ",".repeat(12))), "{text}");
    }

    #[test]
    fn a_resumed_run_keeps_what_is_still_true() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        let mut table = MetricsTable::new(&dir, &[0]);
        table.on(&start(0)).unwrap();
        (1..=4).for_each(|step| table.on(&report(step)).unwrap());
        let mut table = MetricsTable::new(&dir, &[0]);
        table.on(&start(2)).unwrap();
        assert_eq!(steps(&dir), ["1", "2"]);
        table.on(&report(3)).unwrap();
        assert_eq!(steps(&dir), ["1", "2", "3"]);
        MetricsTable::new(&dir, &[0]).on(&start(0)).unwrap();
        assert!(steps(&dir).is_empty(), "a new run begins anew");
    }

    #[test]
    fn an_earlier_table_with_other_columns_is_read_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        fs::write(dir.metrics(), "global_step,test_acc,unheard_of\n1,50.5,x\n").unwrap();
        MetricsTable::new(&dir, &[]).on(&start(1)).unwrap();
        let text = fs::read_to_string(dir.metrics()).unwrap();
        assert_eq!(text.lines().nth(1), Some(",,,1,,,,,,,50.5,,"));
    }

    #[test]
    fn a_table_that_is_none_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        for (text, part) in [
            ("a,b\n1,2\n", "line 1: it has no column global_step"),
            ("global_step,b\n1,2\nx,2\n", "line 3: global_step is \"x\", not a whole number"),
            ("global_step,b\n1,2\n3\n", "line 3: "),
        ] {
            fs::write(dir.metrics(), text).unwrap();
            let error = MetricsTable::new(&dir, &[]).on(&start(9)).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.to_string().contains("metrics.csv") && error.hint().is_some());
        }
    }
}
