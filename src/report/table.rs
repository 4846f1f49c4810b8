//! `metrics.csv`: a row an epoch, with columns that the network fixes from the first line on.
//!
//! An absent number is an empty cell, a number that is none is `NaN`. The file is written whole at each report and
//! renamed into place, so that it is readable at any moment; it is there, with its header, from the run's start.

use std::path::{Path, PathBuf};

use super::columns::{self, Row};
use super::{Event, PhaseInfo, ReportError, Subscriber};
use crate::files::{RunDir, write_atomic};

/// A table of reports in a file, with a column `global_step`.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    header: Vec<String>,
    /// The lines below the header.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table; nothing is touched yet.
    pub fn new(path: PathBuf, header: Vec<String>) -> Table {
        Table { path, header, rows: Vec::new() }
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The last number in a column.
    pub fn last(&self, name: &str) -> Option<f64> {
        let at = self.header.iter().position(|h| h == name)?;
        self.rows.iter().rev().find_map(|row| row.get(at)?.parse::<f64>().ok())
    }

    /// Replaces a cell of the last row.
    pub fn set(&mut self, name: &str, cell: &str) {
        let at = self.header.iter().position(|h| h == name);
        if let Some(old) = at.and_then(|at| self.rows.last_mut()?.get_mut(at)) {
            *old = cell.to_string();
        }
    }

    /// The table in a file as it stands; `None` where there is none that reads.
    pub fn read(path: &Path) -> Option<Table> {
        let mut reader = csv::Reader::from_path(path).ok()?;
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_string).collect::<Vec<_>>();
        let header = cells(reader.headers().ok()?);
        let rows = reader.records().map(|r| r.ok().map(|r| cells(&r))).collect::<Option<_>>()?;
        Some(Table { path: path.to_path_buf(), header, rows })
    }

    /// Writes the file whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<(), ReportError> {
        write_atomic(&self.path, |file| {
            let mut out = csv::Writer::from_writer(file);
            out.write_record(&self.header)?;
            for row in &self.rows {
                out.write_record(row)?;
            }
            out.flush()
        })?;
        Ok(())
    }

    /// Takes over the rows of an earlier part of this run up to that step; columns are found by name. Tables without the
    /// column `block` counted phases from 0.
    ///
    /// # Errors
    /// When the file is no such table.
    pub fn take_over(&mut self, until: u64) -> Result<(), ReportError> {
        self.rows.clear();
        if until == 0 || !self.path.exists() {
            return Ok(());
        }
        let fail = |line: u64, cause: String| ReportError::Table { path: self.path.clone(), line, cause };
        let csv_fail = |e: csv::Error| fail(e.position().map_or(1, csv::Position::line), e.to_string());
        let mut reader = csv::Reader::from_path(&self.path).map_err(csv_fail)?;
        let found = reader.headers().map_err(csv_fail)?.clone();
        let at = |name: &str| found.iter().position(|other| other == name);
        let columns: Vec<Option<usize>> = self.header.iter().map(|name| at(name)).collect();
        let Some(step) = at("global_step") else { return Err(fail(1, "it has no column global_step".into())) };
        let from_zero = if at("block").is_none() { at("phase") } else { None };
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(csv_fail)?;
            let whole = |column: usize| {
                let text = record.get(column).unwrap_or_default();
                let cause = || format!("{} is {text:?}, not a whole number", found.get(column).unwrap_or_default());
                text.parse::<u64>().map_err(|_| fail(record.position().map_or(1, csv::Position::line), cause()))
            };
            if whole(step)? > until {
                continue;
            }
            let mut row = Vec::with_capacity(columns.len());
            for column in &columns {
                row.push(match column {
                    Some(c) if from_zero == Some(*c) => whole(*c)?.saturating_add(1).to_string(),
                    Some(c) => record.get(*c).unwrap_or_default().to_string(),
                    None => String::new(),
                });
            }
            rows.push(row);
        }
        self.rows = rows;
        Ok(())
    }
}

/// Writes `metrics.csv`.
#[derive(Debug)]
pub struct MetricsTable {
    table: Table,
    blocks: Vec<usize>,
    phase: Option<PhaseInfo>,
}

impl MetricsTable {
    /// The table of this run; `hebbian_blocks` are those that every report describes, first to last.
    pub fn new(dir: &RunDir, hebbian_blocks: &[usize]) -> MetricsTable {
        let table = Table::new(dir.metrics(), columns::names(hebbian_blocks).collect());
        MetricsTable { table, blocks: hebbian_blocks.to_vec(), phase: None }
    }
}

impl Subscriber for MetricsTable {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted { resumed_at, .. } => {
                self.table.take_over(*resumed_at)?;
                self.table.write()
            }
            Event::PhaseStarted(phase) => {
                self.phase = Some(phase.clone());
                Ok(())
            }
            Event::Report(metrics) => {
                let row = Row { phase: self.phase.as_ref(), metrics };
                self.table.rows.push(row.cells(&self.blocks));
                self.table.write()
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BlockStats, Metrics};
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
        text.lines().skip(1).map(|line| line.split(',').nth(3).unwrap().to_string()).collect()
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
        assert_eq!(row.len(), 14 + 2 * 13);
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
        assert_eq!(widths, [40, 40]);
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
        assert_eq!(text.lines().nth(1), Some(",,,1,,,,50.5,,,,,,"));
    }

    #[test]
    fn a_table_that_counted_phases_from_0_goes_on_from_1() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        fs::write(dir.metrics(), "phase,epoch,global_step\n0,1,1\n1,1,2\n1,2,3\n").unwrap();
        for done in [2, 3] {
            let mut table = MetricsTable::new(&dir, &[]);
            table.on(&start(done)).unwrap();
            table.on(&Event::Report(Box::new(Metrics { phase: 1, global_step: 3, ..Default::default() }))).unwrap();
            let text = fs::read_to_string(dir.metrics()).unwrap();
            let phases: Vec<_> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
            assert_eq!(phases, ["1", "2", "2", "2"][..done as usize + 1], "{text}");
        }
        fs::write(dir.metrics(), "phase,global_step\nfirst,1\n").unwrap();
        let error = MetricsTable::new(&dir, &[]).on(&start(1)).unwrap_err().to_string();
        assert!(error.contains("line 2: phase is \"first\", not a whole number"), "{error}");
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
