//! Decisions of a runner, as pure functions: which trial is next, what follows a failure, how many run at once.

use std::time::Duration;

use super::state::{Failure, State, Status};

/// What follows a trial's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is started again.
    Retry,
    /// It stays failed; the others go on.
    GiveUp,
    /// It stays failed and ends the search.
    Stop,
}

/// What follows a failure after so many attempts. What cannot end otherwise is not tried again: the same numbers lead to
/// the same NaN, and a limit of time that starts anew is none.
pub fn after_failure(failure: Failure, attempts: u32, max_retries: u32, fail_fast: bool) -> Next {
    let worth_it = matches!(failure, Failure::Crash | Failure::Error);
    match (worth_it && attempts <= max_retries, fail_fast) {
        (true, _) => Next::Retry,
        (false, true) => Next::Stop,
        (false, false) => Next::GiveUp,
    }
}

/// How a trial enters a search that begins or goes on.
pub fn on_entering(state: State, retry_failed: bool) -> State {
    match state.status {
        Status::Finished => state,
        Status::Failed if !retry_failed => state,
        // Its runner died: that was no fault of its own, so it costs no attempt.
        Status::Running => State { status: Status::Pending, attempts: state.attempts.saturating_sub(1), ..state },
        Status::Stopped => State { status: Status::Pending, attempts: state.attempts.saturating_sub(1), ..state },
        Status::Pending => state,
        Status::Failed => State { status: Status::Pending, attempts: 0, cause: None, ..state },
    }
}

/// Whether an attempt starts from the beginning and not from its checkpoint: after NaN, which the checkpoint leads to.
pub fn begins_anew(state: &State) -> bool {
    state.failure == Some(Failure::NotFinite)
}

/// Of these trials (number, state, whether there is a checkpoint), the one to start next: first those that have begun, then
/// by number.
pub fn next(waiting: impl Iterator<Item = (usize, bool)>) -> Option<usize> {
    waiting.min_by_key(|(index, begun)| (!begun, *index)).map(|(index, _)| index)
}

/// What a machine and its user give.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// Cores.
    pub cores: usize,
    /// Memory that is free, bytes.
    pub memory: u64,
    /// GPU slots: devices times trials a device; 0 on the CPU.
    pub gpu_slots: usize,
    /// What `--parallel` says.
    pub asked: Option<usize>,
    /// Threads of a trial, where the search has fixed them.
    pub fixed: Option<usize>,
}

/// How many trials run at once, and how many threads each has. Without `--parallel`: one a core (small networks gain
/// little from more threads), as memory allows; one a GPU slot where there are GPUs. The numbers of a trial depend on its
/// threads, so a search that goes on has those that it began with, however many trials are left.
pub fn share(machine: Machine, trials: usize, trial_memory: u64) -> (usize, usize) {
    let cores = machine.cores.max(1);
    let by_memory = usize::try_from(machine.memory / 10 * 9 / trial_memory.max(1)).unwrap_or(usize::MAX);
    let fits = match machine.gpu_slots {
        0 => (cores / machine.fixed.unwrap_or(1).max(1)).min(by_memory),
        slots => slots,
    };
    let parallel = match (machine.asked, machine.gpu_slots) {
        (Some(n), 0) => n,
        (Some(n), slots) => n.min(slots),
        (None, _) => fits,
    };
    let parallel = parallel.clamp(1, trials.max(1));
    (parallel, machine.fixed.unwrap_or(cores / parallel).max(1))
}

/// Whether a trial has run longer than it may.
pub fn is_overdue(ran: Duration, timeout: Option<Duration>) -> bool {
    timeout.is_some_and(|limit| ran > limit)
}

/// Seconds that are left: those of the trials that ended, for those that have not, so many at once.
pub fn time_left(ended: &[f64], left: usize, running: &[f64], parallel: usize) -> Option<f64> {
    if ended.is_empty() {
        return None;
    }
    let mean = ended.iter().sum::<f64>() / ended.len() as f64;
    let begun: f64 = running.iter().map(|ran| (mean - ran).max(0.0)).sum();
    Some((begun + mean * left as f64) / parallel.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_failure() {
        use Failure::*;
        for (failure, attempts, max_retries, fail_fast, want) in [
            (Crash, 1, 0, false, Next::GiveUp),
            (Crash, 1, 0, true, Next::Stop),
            (Crash, 1, 2, false, Next::Retry),
            (Crash, 2, 2, true, Next::Retry),
            (Crash, 3, 2, false, Next::GiveUp),
            (Crash, 3, 2, true, Next::Stop),
            (Error, 1, 1, false, Next::Retry),
            (NotFinite, 1, 5, false, Next::GiveUp),
            (NotFinite, 1, 5, true, Next::Stop),
            (Timeout, 1, 5, false, Next::GiveUp),
        ] {
            assert_eq!(after_failure(failure, attempts, max_retries, fail_fast), want, "{failure:?} {attempts}");
        }
    }

    #[test]
    fn resuming_and_retrying_are_two_wishes() {
        use Status::*;
        for (status, retry_failed, want, attempts) in [
            (Finished, false, Finished, 2),
            (Finished, true, Finished, 2),
            (Failed, false, Failed, 2),
            (Failed, true, Pending, 0),
            (Running, false, Pending, 1),
            (Stopped, false, Pending, 1),
            (Stopped, true, Pending, 1),
            (Pending, false, Pending, 2),
        ] {
            let state = on_entering(State { status, attempts: 2, ..State::default() }, retry_failed);
            assert_eq!((state.status, state.attempts), (want, attempts), "{status:?} {retry_failed}");
        }
    }

    #[test]
    fn what_has_begun_goes_first() {
        for (waiting, want) in [
            (vec![], None),
            (vec![(3, false), (1, false)], Some(1)),
            (vec![(3, true), (1, false)], Some(3)),
            (vec![(3, true), (2, true), (0, false)], Some(2)),
        ] {
            assert_eq!(next(waiting.into_iter()), want);
        }
    }

    #[test]
    fn trials_share_cores_memory_and_gpus() {
        const GIB: u64 = 1 << 30;
        for (cores, gib, gpu_slots, asked, trials, each, want) in [
            (8, 32, 0, None, 100, 1, (8, 1)),
            (8, 4, 0, None, 100, 1, (3, 2)),
            (8, 0, 0, None, 100, 1, (1, 8)),
            (8, 32, 0, None, 3, 1, (3, 2)),
            (8, 32, 0, Some(2), 100, 1, (2, 4)),
            (8, 1, 0, Some(20), 100, 1, (20, 1)),
            (8, 32, 2, None, 100, 1, (2, 4)),
            (8, 32, 2, Some(8), 100, 1, (2, 4)),
            (8, 32, 4, Some(1), 100, 1, (1, 8)),
            (0, 0, 0, Some(0), 0, 0, (1, 1)),
        ] {
            let machine = Machine { cores, memory: gib * GIB, gpu_slots, asked, fixed: None };
            assert_eq!(share(machine, trials, each * GIB), want, "{machine:?} {trials}");
        }
    }

    #[test]
    fn threads_that_a_search_has_fixed_stay() {
        for (cores, gib, gpu_slots, asked, trials, fixed, want) in [
            (2, 32, 0, None, 1, 1, (1, 1)),
            (8, 32, 0, None, 100, 2, (4, 2)),
            (8, 1, 0, None, 100, 2, (1, 2)),
            (2, 32, 0, None, 100, 4, (1, 4)),
            (2, 32, 0, Some(3), 100, 4, (3, 4)),
            (8, 32, 2, None, 1, 4, (1, 4)),
        ] {
            let machine = Machine { cores, memory: gib << 30, gpu_slots, asked, fixed: Some(fixed) };
            assert_eq!(share(machine, trials, 1 << 30), want, "{machine:?} {trials}");
        }
    }

    #[test]
    fn time_is_told_from_what_ended() {
        assert_eq!(time_left(&[], 5, &[1.0], 2), None);
        assert_eq!(time_left(&[10.0, 20.0], 4, &[], 2), Some(30.0));
        assert_eq!(time_left(&[10.0], 0, &[4.0, 50.0], 1), Some(6.0));
        assert!(is_overdue(Duration::from_secs(2), Some(Duration::from_secs(1))));
        assert!(!is_overdue(Duration::from_secs(2), None));
    }
}
