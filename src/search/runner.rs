//! The loop of a search: starts trials, watches them, writes the tables, and stops in order.
//!
//! All that counts is in files: each trial's `state.json` says how it stands, so a runner that is killed at any moment
//! leaves a folder that another one goes on with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::dir::{SearchDir, TrialDir, read_json, write_json};
use super::error::SearchError;
use super::launch::{End, Job, Launcher, Process};
use super::live::{Position, Worker};
use super::policy::{self, Next};
use super::progress::Latest;
use super::screen::{Counts, Running, View};
use super::space::Space;
use super::state::{Failure, State, Status};
use super::tables::{self, Row};
use super::work::{TrialPlan, prepare};
use crate::files::FileError;

/// Between two looks at the trials.
const TICK: Duration = Duration::from_millis(50);
/// Between two looks at how far they are.
const LOOK: Duration = Duration::from_millis(500);
/// After this a trial that was asked to stop is killed.
const GRACE: Duration = Duration::from_secs(60);

/// What a user asks of a runner.
#[derive(Debug, Clone)]
pub struct Options {
    /// Trials at once.
    pub parallel: usize,
    /// The devices of the slots, as CUDA counts them; empty on the CPU.
    pub gpu_slots: Vec<String>,
    /// How often a trial that crashed or failed is started again.
    pub max_retries: u32,
    /// How long an attempt may run.
    pub timeout: Option<Duration>,
    /// Whether the first trial that fails for good ends the search.
    pub fail_fast: bool,
}

/// What a runner tells while it works.
pub trait Watcher {
    /// Something happened: a trial started, ended, failed.
    fn say(&mut self, line: &str, is_failure: bool);
    /// How things stand; called a few times a second.
    fn show(&mut self, view: &View);
}

/// A trial that runs.
struct Active {
    process: Box<dyn Process>,
    since: Instant,
    slot: usize,
    /// Since when it was asked to stop, and whether because of its time.
    stopping: Option<(Instant, bool)>,
}

/// A search under way.
pub struct Runner<'a> {
    dir: &'a SearchDir,
    space: &'a Space,
    plans: Vec<TrialPlan>,
    rows: Vec<Row>,
    options: Options,
    launcher: &'a mut dyn Launcher,
    watcher: &'a mut dyn Watcher,
    /// How often the user asked to stop.
    asked: &'a AtomicUsize,
    /// By the trial's place in `plans` and `rows`.
    active: BTreeMap<usize, Active>,
    /// What `runner.json` says.
    worker: Worker,
    began: Instant,
    looked: Option<Instant>,
    live: BTreeMap<usize, Running>,
    /// No more trials are started.
    closing: bool,
}

impl<'a> Runner<'a> {
    /// A runner of these trials; `plans` and `rows` are in the same order.
    pub fn new(
        dir: &'a SearchDir,
        space: &'a Space,
        (plans, rows): (Vec<TrialPlan>, Vec<Row>),
        options: Options,
        launcher: &'a mut dyn Launcher,
        watcher: &'a mut dyn Watcher,
        asked: &'a AtomicUsize,
    ) -> Runner<'a> {
        Runner {
            dir,
            space,
            plans,
            rows,
            options,
            launcher,
            watcher,
            asked,
            active: BTreeMap::new(),
            worker: Worker::default(),
            began: Instant::now(),
            looked: None,
            live: BTreeMap::new(),
            closing: false,
        }
    }

    /// Works until every trial has ended, or the user stops it. Returns the rows as they stand then.
    ///
    /// # Errors
    /// When the search's own files cannot be written. Trials that run are then stopped.
    pub fn run(mut self) -> Result<Vec<Row>, SearchError> {
        let result = self.work();
        if result.is_err() {
            self.active.values_mut().for_each(|active| active.process.stop());
            let until = Instant::now() + GRACE;
            while !self.active.is_empty() && Instant::now() < until {
                self.active.retain(|_, active| matches!(active.process.ended(), Ok(None)));
                std::thread::sleep(TICK);
            }
            self.active.values_mut().for_each(|active| active.process.kill());
        }
        result.map(|()| self.rows)
    }

    fn work(&mut self) -> Result<(), SearchError> {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        self.worker = Worker { pid: std::process::id(), began, parallel: self.options.parallel, ended: Vec::new() };
        write_json(&self.dir.runner(), &self.worker)?;
        self.write_tables()?;
        loop {
            self.heed();
            let ended = self.collect()?;
            let started = self.fill()?;
            if ended {
                self.write_tables()?;
            }
            self.look(ended || started);
            if self.active.is_empty() && (self.closing || self.next(&[]).is_none()) {
                return self.write_tables();
            }
            std::thread::sleep(TICK);
        }
    }

    /// Does as the user asks: once, running trials stop and save; twice, they are killed.
    fn heed(&mut self) {
        let asked = self.asked.load(Ordering::Relaxed);
        if asked == 0 {
            return;
        }
        if !self.closing {
            let n = self.active.len();
            if n > 0 {
                self.watcher
                    .say(&format!("stopping: {n} running trials save and stop (Ctrl-C again kills them)"), false);
            }
            self.closing = true;
        }
        for active in self.active.values_mut() {
            active.stopping.get_or_insert((Instant::now(), false));
            active.process.stop();
            if asked > 1 {
                active.process.kill();
            }
        }
    }

    /// Takes in the trials that ended; stops and kills those that must. Whether there was one.
    fn collect(&mut self) -> Result<bool, SearchError> {
        let mut ended = Vec::new();
        for (at, active) in &mut self.active {
            if active.stopping.is_none() && policy::is_overdue(active.since.elapsed(), self.options.timeout) {
                active.stopping = Some((Instant::now(), true));
                active.process.stop();
            }
            if active.stopping.is_some_and(|(since, _)| since.elapsed() > GRACE) {
                active.process.kill();
            }
            match active.process.ended() {
                Ok(None) => {}
                Ok(Some(end)) => ended.push((*at, end)),
                Err(_) => ended.push((*at, End { code: None, signal: None })),
            }
        }
        for (at, end) in &ended {
            if let Some(active) = self.active.remove(at) {
                self.live.remove(at);
                self.settle(*at, *end, &active)?;
            }
        }
        Ok(!ended.is_empty())
    }

    /// What follows from how a trial ended.
    fn settle(&mut self, at: usize, end: End, active: &Active) -> Result<(), SearchError> {
        let dir = self.dir.trial(&self.rows[at].trial);
        let latest = Latest::read(&dir);
        let told = State::read(&dir).unwrap_or_else(|_| self.rows[at].state.clone());
        let ran = active.since.elapsed().as_secs_f64();
        let state = match (told.status, active.stopping) {
            (Status::Finished | Status::Failed, _) => told,
            (_, Some((_, true))) => {
                let limit = crate::report::format::duration(self.options.timeout.unwrap_or_default().as_secs_f64());
                told.failed(Failure::Timeout, format!("ran longer than --timeout {limit}"))
            }
            (_, Some((_, false))) => State { status: Status::Stopped, ..told },
            // Somebody else stopped it (a system that shuts down tells trials and runner at once): it goes on when asked.
            (Status::Stopped, None) => told,
            (_, None) => {
                let said = last_words(&dir).map(|words| format!(": {words}")).unwrap_or_default();
                told.failed(Failure::Crash, format!("{}{said}", end.cause()))
            }
        };
        let state = State { seconds: state.seconds.max(latest.seconds), ..state };
        self.conclude(at, state, latest, ran, &dir)
    }

    fn conclude(
        &mut self,
        at: usize,
        mut state: State,
        latest: Latest,
        ran: f64,
        dir: &TrialDir,
    ) -> Result<(), SearchError> {
        let name = format!("trial {}", self.rows[at].trial.index);
        match state.status {
            Status::Finished => {
                if ran > 0.0 {
                    self.worker.ended.push(ran);
                    write_json(&self.dir.runner(), &self.worker)?;
                }
                if dir.stderr().metadata().is_ok_and(|meta| meta.len() == 0) {
                    let _ = std::fs::remove_file(dir.stderr()); // it had nothing to say
                }
                let metric = self.space.metric;
                let value = latest.of(metric).map_or("not measured".into(), |x| super::screen::metric(metric, x));
                let reused = state.reused.as_ref().map(|blocks| format!(", {blocks} reused")).unwrap_or_default();
                let took = crate::report::format::duration(state.seconds);
                let text = format!("{name} finished: {} {value}, in {took}{reused}", metric.name());
                self.watcher.say(&text, false);
            }
            Status::Failed => {
                let failure = state.failure.unwrap_or(Failure::Crash);
                let cause = state.cause.clone().unwrap_or_default();
                let (retries, fail_fast) = (self.options.max_retries, self.options.fail_fast);
                match policy::after_failure(failure, state.attempts, retries, fail_fast) {
                    Next::Retry if !self.closing => {
                        let again = format!("started again ({} of {retries})", state.attempts);
                        self.watcher.say(&format!("{name} failed: {cause}; {again}"), true);
                        state.status = Status::Pending;
                    }
                    Next::Retry | Next::GiveUp => self.watcher.say(&format!("{name} failed: {cause}"), true),
                    Next::Stop => {
                        self.watcher.say(&format!("{name} failed: {cause}; --fail-fast ends the search"), true);
                        self.closing = true;
                        for active in self.active.values_mut() {
                            active.stopping.get_or_insert((Instant::now(), false));
                            active.process.stop();
                        }
                    }
                }
            }
            Status::Stopped => self.watcher.say(&format!("{name} stopped"), false),
            Status::Pending | Status::Running => {}
        }
        state.write(dir)?;
        (self.rows[at].state, self.rows[at].latest) = (state, latest);
        Ok(())
    }

    /// The place of the trial to start next, of those that nobody else holds.
    fn next(&self, held: &[usize]) -> Option<usize> {
        let waits = |(at, row): (usize, &Row)| {
            let free = !self.active.contains_key(&at) && !held.contains(&at);
            let idle = row.state.status == Status::Pending && free;
            idle.then_some((at, row.state.attempts > 0 || row.latest.epochs > 0))
        };
        policy::next(self.rows.iter().enumerate().filter_map(waits))
    }

    /// Starts trials in the slots that are free. Whether it started one.
    fn fill(&mut self) -> Result<bool, SearchError> {
        let (mut started, mut held) = (false, Vec::new());
        while !self.closing && self.active.len() < self.options.parallel {
            let Some(at) = self.next(&held) else { break };
            if self.start(at)? {
                started = true;
            } else {
                held.push(at);
            }
        }
        Ok(started)
    }

    /// Starts a trial, unless the process of a runner that died still has it, or finished it meanwhile.
    fn start(&mut self, at: usize) -> Result<bool, SearchError> {
        let dir = self.dir.trial(&self.rows[at].trial);
        std::fs::create_dir_all(dir.root()).map_err(FileError::write(dir.root()))?;
        // While this is held nobody else writes the state.
        let Some(lock) = dir.run.lock()? else { return Ok(false) };
        let now = State::read_or_pending(&dir)?;
        if now.status == Status::Finished {
            self.conclude(at, now, Latest::read(&dir), 0.0, &dir)?;
            return Ok(true);
        }
        let before = self.rows[at].state.clone();
        if policy::begins_anew(&before) {
            dir.begin_anew()?;
        }
        prepare(&dir, &self.plans[at])?;
        let attempts = before.attempts + 1;
        let state = State { status: Status::Running, attempts, failure: None, cause: None, ..before };
        state.write(&dir)?;
        let taken: Vec<usize> = self.active.values().map(|active| active.slot).collect();
        let slot = (0..).find(|slot| !taken.contains(slot)).unwrap_or(0);
        let gpu = self.options.gpu_slots.get(slot).cloned();
        drop(lock);
        let on = gpu.as_ref().map(|gpu| format!(" on GPU {gpu}")).unwrap_or_default();
        let process = self.launcher.start(&Job { plan: dir.plan(), stderr: dir.stderr(), gpu })?;
        self.watcher.say(&format!("trial {} started{on}", self.rows[at].trial.index), false);
        self.rows[at].state = state;
        self.active.insert(at, Active { process, since: Instant::now(), slot, stopping: None });
        self.live.insert(at, Running::default());
        Ok(true)
    }

    /// Reads how far the running trials are, and shows it.
    fn look(&mut self, now: bool) {
        if !now && self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        for (at, active) in &self.active {
            let dir = self.dir.trial(&self.rows[*at].trial);
            let position: Option<Position> = read_json(&dir.live(), "the place of a trial").ok().flatten();
            self.rows[*at].latest = Latest::read(&dir);
            self.live.insert(*at, Running { position, seconds: active.since.elapsed().as_secs_f64() });
        }
        let counts = Counts::of(&self.rows);
        let running: Vec<f64> = self.live.values().map(|r| r.seconds).collect();
        let left = policy::time_left(&self.worker.ended, counts.pending, &running, self.options.parallel)
            .filter(|_| counts.pending + counts.running > 0 && !self.closing);
        let seconds = Some(self.began.elapsed().as_secs_f64());
        let running = self.live.iter().map(|(at, r)| (self.rows[*at].trial.index, r.clone())).collect();
        self.watcher.show(&View { space: self.space, rows: &self.rows, running: &running, seconds, left });
    }

    fn write_tables(&self) -> Result<(), SearchError> {
        Ok(tables::write(self.dir, self.space, &self.rows)?)
    }
}

/// The last line that a trial's process wrote to standard error.
fn last_words(dir: &TrialDir) -> Option<String> {
    let text = std::fs::read(dir.stderr()).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(|line| line.chars().take(300).collect())
}
