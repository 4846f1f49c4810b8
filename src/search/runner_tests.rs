//! The runner with a launcher that starts nothing: slots, retries and order, without a process.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;

use super::dir::{SearchDir, TrialDir};
use super::error::SearchError;
use super::launch::{End, Job, Launcher, Process};
use super::read::parse;
use super::runner::{Options, Runner, Watcher};
use super::screen::View;
use super::space::Space;
use super::state::{Failure, State, Status};
use super::store::{Stored, config, plans};
use super::tables::Row;
use super::work::{TrialPlan, VERSION};

const SPACE: &str = "seeds = [0, 1, 2, 3, 4, 5, 6]\n[base]\npreset = \"2SoftMlpMNIST\"\n";

/// What the launcher saw: the devices in use whenever a trial started.
#[derive(Default)]
struct Seen {
    running: Vec<Option<String>>,
    starts: Vec<(String, Option<String>)>,
    most: usize,
}

/// Trials end at the second look, as `verdict` says by number and attempt.
struct Fake {
    seen: Rc<RefCell<Seen>>,
    verdict: fn(usize, u32) -> Option<Failure>,
}

struct FakeProcess {
    seen: Rc<RefCell<Seen>>,
    gpu: Option<String>,
    dir: TrialDir,
    looks: usize,
    end: Option<Failure>,
}

impl Launcher for Fake {
    fn start(&mut self, job: &Job) -> Result<Box<dyn Process>, SearchError> {
        let folder = job.plan.parent().unwrap_or(Path::new("."));
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut seen = self.seen.borrow_mut();
        if let Some(gpu) = &job.gpu {
            assert!(!seen.running.contains(&Some(gpu.clone())), "two trials on {gpu}");
        }
        seen.running.push(job.gpu.clone());
        seen.starts.push((name.clone(), job.gpu.clone()));
        seen.most = seen.most.max(seen.running.len());
        let dir = TrialDir::new(folder);
        assert!(dir.progress().exists() && dir.params().exists(), "a trial's files are there before it starts");
        let state = State::read(&dir)?;
        assert_eq!(state.status, Status::Running);
        let end = (self.verdict)(name[..4].parse().unwrap(), state.attempts);
        Ok(Box::new(FakeProcess { seen: Rc::clone(&self.seen), gpu: job.gpu.clone(), dir, looks: 0, end }))
    }
}

impl Process for FakeProcess {
    fn ended(&mut self) -> io::Result<Option<End>> {
        self.looks += 1;
        if self.looks < 2 {
            return Ok(None);
        }
        let mut seen = self.seen.borrow_mut();
        let at = seen.running.iter().position(|gpu| *gpu == self.gpu).unwrap();
        seen.running.remove(at);
        let state = State::read(&self.dir).unwrap();
        match self.end {
            // A crash ends without a word.
            Some(Failure::Crash) => return Ok(Some(End { code: None, signal: Some(11) })),
            Some(failure) => state.failed(failure, "so it was").write(&self.dir).unwrap(),
            None => State { status: Status::Finished, ..state }.write(&self.dir).unwrap(),
        }
        Ok(Some(End { code: Some(0), signal: None }))
    }

    fn stop(&mut self) {}

    fn kill(&mut self) {}
}

struct Silent;

impl Watcher for Silent {
    fn say(&mut self, _: &str, _: bool) {}
    fn show(&mut self, _: &View) {}
}

fn sweep(options: Options, verdict: fn(usize, u32) -> Option<Failure>) -> (Vec<Row>, Seen) {
    let folder = tempfile::tempdir().unwrap();
    let dir = SearchDir::new(folder.path());
    let space: Space = parse("x.toml", SPACE).unwrap();
    let catalogue = space.catalogue().unwrap();
    let base = space.request(None).plan(&catalogue).unwrap();
    let stored = Stored::new(space, base);
    let plans = plans(&stored.space, &catalogue, &stored.trials).unwrap();
    let plan = |(trial, run): (&super::Trial, _)| TrialPlan {
        version: VERSION,
        trial: trial.clone(),
        config: config(&stored.space, trial),
        run,
        save_model: false,
        layers: None,
        shared_phases: 0,
        images: None,
        beside: 1,
        events: None,
    };
    let plans = stored.trials.iter().zip(plans).map(plan).collect();
    let rows = stored.rows(&dir).unwrap();
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut launcher = Fake { seen: Rc::clone(&seen), verdict };
    let asked = AtomicUsize::new(0);
    let mut watcher = Silent;
    let runner = Runner::new(&dir, &stored.space, (plans, rows), options, &mut launcher, &mut watcher, &asked);
    let rows = runner.run().unwrap();
    drop(launcher);
    let seen = Rc::try_unwrap(seen).ok().unwrap().into_inner();
    (rows, seen)
}

fn options(parallel: usize, gpus: &[&str]) -> Options {
    Options {
        parallel,
        gpu_slots: gpus.iter().map(ToString::to_string).collect(),
        max_retries: 0,
        timeout: None,
        fail_fast: false,
    }
}

fn statuses(rows: &[Row]) -> Vec<Status> {
    rows.iter().map(|row| row.state.status).collect()
}

#[test]
fn every_slot_has_a_device_of_its_own() {
    // Two trials a GPU are four slots of two devices; as names they are told apart here.
    let (rows, seen) = sweep(options(3, &["0", "2", "5"]), |_, _| None);
    assert_eq!(statuses(&rows), [Status::Finished; 7]);
    assert_eq!((seen.most, seen.starts.len()), (3, 7));
    let used: BTreeSet<_> = seen.starts.iter().filter_map(|(_, gpu)| gpu.clone()).collect();
    assert_eq!(used, ["0", "2", "5"].map(String::from).into());
    let (_, seen) = sweep(options(2, &[]), |_, _| None);
    assert_eq!((seen.most, seen.starts.iter().all(|(_, gpu)| gpu.is_none())), (2, true));
}

#[test]
fn what_crashed_is_started_again_before_what_has_not_begun() {
    let retries = Options { max_retries: 2, ..options(1, &[]) };
    // Trial 1 crashes twice, trial 3 always, trial 5 comes to NaN.
    let (rows, seen) = sweep(retries, |trial, attempt| match trial {
        1 if attempt < 3 => Some(Failure::Crash),
        3 => Some(Failure::Error),
        5 => Some(Failure::NotFinite),
        _ => None,
    });
    let order: Vec<usize> = seen.starts.iter().map(|(name, _)| name[..4].parse().unwrap()).collect();
    assert_eq!(order, [0, 1, 1, 1, 2, 3, 3, 3, 4, 5, 6]);
    let failed: Vec<usize> = rows.iter().filter(|r| r.state.status == Status::Failed).map(|r| r.trial.index).collect();
    assert_eq!(failed, [3, 5]);
    assert_eq!(rows[1].state.attempts, 3);
    assert_eq!(rows[3].state.cause.as_deref(), Some("so it was"));
}

#[test]
fn a_crash_is_told_by_its_signal_and_may_end_the_search() {
    let fast = Options { fail_fast: true, ..options(1, &[]) };
    let (rows, seen) = sweep(fast, |trial, _| (trial == 2).then_some(Failure::Crash));
    assert_eq!(seen.starts.len(), 3);
    assert_eq!(rows[2].state.cause.as_deref(), Some("crashed with signal 11"));
    assert_eq!(statuses(&rows)[3..], [Status::Pending; 4]);
}
