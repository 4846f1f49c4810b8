//! Models that log steps: the table of them, and listeners that count in steps.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::{Event, ReportError, Subscriber};
use crate::files::{FileError, RunDir, write_atomic};

/// Writes `steps.csv`: `step`, from 0, and the numbers of each step. Rows are added as they come; a resumed run first takes
/// back those that it will make again.
#[derive(Debug)]
pub struct StepTable {
    path: PathBuf,
    columns: Vec<&'static str>,
    done: u64,
    out: Option<io::BufWriter<File>>,
}

impl StepTable {
    /// The table of a run that has finished so many steps.
    pub fn new(dir: &RunDir, columns: &[&'static str], done: u64) -> StepTable {
        StepTable { path: dir.steps(), columns: columns.to_vec(), done, out: None }
    }

    fn start(&mut self) -> Result<(), ReportError> {
        let earlier = match fs::read_to_string(&self.path) {
            Ok(text) if self.done > 0 => text,
            _ => String::new(),
        };
        // What has no end was being written when the run was killed.
        let mut lines = earlier.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let found: Vec<&str> = lines.next().map(|line| line.split(',').collect()).unwrap_or_default();
        // Tables without the last column counted phases from 0.
        let from_zero = !found.contains(&"radius_mean");
        let row = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            let step = cells.first()?.parse::<u64>().ok().filter(|s| *s < self.done)?;
            let cell = |name: &&str| {
                let cell =
                    found.iter().position(|n| n == name).and_then(|at| cells.get(at)).copied().unwrap_or_default();
                match cell.parse::<u64>() {
                    Ok(phase) if from_zero && *name == "phase" => phase.saturating_add(1).to_string(),
                    _ => cell.to_string(),
                }
            };
            Some(format!("{step},{}", self.columns.iter().map(cell).collect::<Vec<_>>().join(",")))
        };
        let kept: Vec<String> = lines.filter_map(row).collect();
        write_atomic(&self.path, |file| {
            writeln!(file, "step,{}", self.columns.join(","))?;
            kept.iter().try_for_each(|line| writeln!(file, "{line}"))
        })?;
        let file = OpenOptions::new().append(true).open(&self.path).map_err(FileError::write(&self.path))?;
        self.out = Some(io::BufWriter::new(file));
        Ok(())
    }

    fn row(&mut self, step: u64, values: &[(&'static str, f64)]) -> Result<(), ReportError> {
        let cell = |name: &&str| values.iter().find(|(n, _)| n == name).map(|(_, x)| x.to_string());
        let cells: Vec<String> = self.columns.iter().map(|c| cell(c).unwrap_or_default()).collect();
        self.write(|out| writeln!(out, "{step},{}", cells.join(",")))
    }

    fn write(&mut self, act: impl FnOnce(&mut io::BufWriter<File>) -> io::Result<()>) -> Result<(), ReportError> {
        match &mut self.out {
            Some(out) => Ok(act(out).map_err(FileError::write(&self.path))?),
            None => Ok(()),
        }
    }
}

impl Subscriber for StepTable {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted { .. } => self.start(),
            Event::Step { step, values, .. } => self.row(*step, values),
            Event::Record { step, values } => {
                self.row(*step, values)?;
                // Rare, and a checkpoint that follows must find it there.
                self.write(Write::flush)
            }
            Event::Report(_) | Event::RunFinished { .. } => self.write(Write::flush),
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), ReportError> {
        let closed = self.write(Write::flush);
        self.out = None;
        closed
    }
}

/// Tells a listener that its run goes on after so many steps, where the others hear of epochs; for tables and curves whose
/// axis is steps.
pub struct StepAxis<S> {
    inner: S,
    done: u64,
}

impl<S: Subscriber> StepAxis<S> {
    /// `done`: steps that an earlier part of the run finished.
    pub fn new(inner: S, done: u64) -> StepAxis<S> {
        StepAxis { inner, done }
    }
}

impl<S: Subscriber> Subscriber for StepAxis<S> {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted { title, config, folder, .. } => self.inner.on(&Event::RunStarted {
                title: title.clone(),
                config: config.clone(),
                folder: folder.clone(),
                resumed_at: self.done,
            }),
            other => self.inner.on(other),
        }
    }

    fn close(&mut self) -> Result<(), ReportError> {
        self.inner.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Event {
        Event::RunStarted { title: String::new(), config: serde_json::Value::Null, folder: None, resumed_at: 0 }
    }

    fn step(step: u64, energy: f64) -> Event {
        Event::Step { step, line: String::new(), values: vec![("norm", 0.5), ("energy", energy)] }
    }

    #[test]
    fn a_resumed_table_keeps_the_finished_steps() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        let tell = |done, events: &[Event]| {
            let mut table = StepTable::new(&dir, &["energy", "norm"], done);
            events.iter().for_each(|e| table.on(e).unwrap());
            table.close().unwrap();
            fs::read_to_string(dir.steps()).unwrap()
        };
        let text = tell(0, &[start(), step(0, 1.0), step(1, 2.0), step(2, 3.0)]);
        assert_eq!(text, "step,energy,norm\n0,1,0.5\n1,2,0.5\n2,3,0.5\n");
        let text = tell(2, &[start(), step(2, 9.0)]);
        assert_eq!(text, "step,energy,norm\n0,1,0.5\n1,2,0.5\n2,9,0.5\n");
        assert_eq!(tell(0, &[start()]), "step,energy,norm\n");
        // Killed in the middle of a line.
        fs::write(dir.steps(), "step,energy,norm\n0,1,0.5\n1,2").unwrap();
        assert_eq!(tell(2, &[start()]), "step,energy,norm\n0,1,0.5\n");
    }

    #[test]
    fn a_table_that_counted_phases_from_0_goes_on_from_1() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        fs::write(dir.steps(), "step,phase,epoch,R1\n10,0,1,3\n20,1,1,4\n30,1,2,5\n").unwrap();
        for done in [21, 31] {
            let mut table = StepTable::new(&dir, &["phase", "epoch", "R1", "radius_mean"], done);
            table.on(&start()).unwrap();
            table.on(&Event::Record { step: done + 9, values: vec![("phase", 2.0), ("radius_mean", 0.5)] }).unwrap();
            table.close().unwrap();
            let text = fs::read_to_string(dir.steps()).unwrap();
            let end = if done == 21 { "30,2,,,0.5\n" } else { "30,2,,,0.5\n40,2,,,0.5\n" };
            assert_eq!(text, format!("step,phase,epoch,R1,radius_mean\n10,1,1,3,\n20,2,1,4,\n{end}"));
        }
    }
}
