//! How long a run still takes, over all its phases and the storing of features between them: from the operations that are left
//! and the speeds measured so far.

use std::time::{Duration, Instant};

use super::RunPlan;
use super::bank;
use super::data::{RunData, Sets};
use crate::preset::describe::cost;
use crate::report::PhaseKind;

/// A speed that was measured over less is none yet.
const LEAST: f64 = 0.2;
/// The time left is told so often at most.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// A phase, or a storing of features before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// The phase, from 0.
    pub phase: usize,
    /// What kind of work.
    pub kind: PhaseKind,
    /// Operations in all.
    pub flop: f64,
}

/// Work that was done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// What kind.
    pub kind: PhaseKind,
    /// Its operations.
    pub flop: f64,
    /// The seconds that they took.
    pub seconds: f64,
}

/// Seconds that these stages take: each at the speed of the latest work of its kind, or of all work where there was no such;
/// `None` as long as nothing was measured.
pub fn seconds(ahead: &[Stage], measured: &[Measured]) -> Option<f64> {
    let sum = |of: fn(&Measured) -> f64| measured.iter().map(of).sum::<f64>();
    let all = sum(|m| m.flop) / sum(|m| m.seconds);
    let speed = |kind| measured.iter().rfind(|m| m.kind == kind).map_or(all, |m| m.flop / m.seconds);
    let seconds =
        ahead.iter().map(|stage| if stage.flop > 0.0 { stage.flop / speed(stage.kind) } else { 0.0 }).sum::<f64>();
    seconds.is_finite().then_some(seconds)
}

/// What is left of a run from this phase on. An update of a Hebbian block costs as much as its output, and backpropagation twice
/// that.
pub fn stages(plan: &RunPlan, data: &RunData, from: usize) -> Vec<Stage> {
    let flop: Vec<f64> = plan.network.blocks.iter().map(|block| cost(block).flop as f64).collect();
    let of = |blocks: std::ops::Range<usize>| flop.get(blocks).unwrap_or_default().iter().sum::<f64>();
    let mut depth: Vec<usize> = data.banks.iter().map(bank::Bank::depth).collect();
    let mut out = Vec::new();
    for (index, phase) in plan.phases.iter().enumerate().skip(from) {
        let Sets { train, test } = if phase.is_unsupervised() { &data.unsup } else { &data.sup };
        let (first, last) = (phase.blocks.first().copied().unwrap_or(0), phase.blocks.last().copied().unwrap_or(0));
        let tested = if plan.tests(phase) { plan.frozen(index).min(last) } else { 0 };
        for (wanted, which) in [(first, train.bank), (tested, test.bank)] {
            let bank = &data.banks[which];
            let fits = plan.features_on_disk || bank.cost(&plan.network, wanted) <= bank::budget(bank.device());
            if wanted > depth[which] && !bank.is_augmented() && fits {
                let flop = bank.len() as f64 * of(depth[which]..wanted);
                out.push(Stage { phase: index, kind: PhaseKind::Features, flop });
                depth[which] = wanted;
            }
        }
        let more = if phase.is_unsupervised() { 1.0 } else { 2.0 };
        let learning: f64 = phase.blocks.iter().filter_map(|i| flop.get(*i)).sum();
        let image = of(depth[train.bank].min(last)..last + 1) + more * learning;
        let tests =
            if plan.tests(phase) { (1..=phase.epochs).filter(|epoch| phase.reports(*epoch)).count() } else { 0 };
        let tested = tests as f64 * test.rows.len() as f64 * of(depth[test.bank].min(last)..last + 1);
        let flop = phase.epochs as f64 * train.rows.len() as f64 * image + tested;
        out.push(Stage { phase: index, kind: phase.kind, flop });
    }
    out
}

/// The stage that is under way.
#[derive(Debug)]
struct Now {
    stage: Stage,
    /// Images of all its epochs.
    images: u64,
    /// Those that were done when it began, and are done now.
    done: [u64; 2],
    began: Instant,
}

/// Follows a run through its stages.
#[derive(Debug, Default)]
pub struct Outlook {
    ahead: Vec<Stage>,
    measured: Vec<Measured>,
    now: Option<Now>,
    told: Option<Instant>,
}

impl Outlook {
    /// Before the first of these stages.
    pub fn new(ahead: Vec<Stage>) -> Outlook {
        Outlook { ahead, ..Outlook::default() }
    }

    /// A stage of so many images begins, of which an earlier part of the run has done some. Those before it are left out.
    pub fn begin(&mut self, phase: usize, kind: PhaseKind, images: u64, done: u64) {
        let at = self.ahead.iter().position(|stage| stage.phase == phase && stage.kind == kind);
        let stage = at.and_then(|at| self.ahead.drain(..=at).next_back());
        self.now = stage.map(|stage| Now { stage, images: images.max(1), done: [done, done], began: Instant::now() });
    }

    /// So many images of the stage are done; the time left, where it is known and due.
    pub fn advance(&mut self, done: u64) -> Option<f64> {
        if let Some(now) = &mut self.now {
            now.done[1] = done;
        }
        if self.told.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            return None;
        }
        let left = self.left()?;
        self.told = Some(Instant::now());
        Some(left)
    }

    /// The stage has ended; the time left, where it is known.
    pub fn end(&mut self) -> Option<f64> {
        let now = self.measure();
        self.measured.extend(now.map(|(measured, _)| measured).filter(|m| m.flop > 0.0 && m.seconds > 0.0));
        self.now = None;
        self.left()
    }

    /// The speed of the stage that is under way, and what is left of it.
    fn measure(&self) -> Option<(Measured, Stage)> {
        let now = self.now.as_ref()?;
        let share = |images: u64| now.stage.flop * images as f64 / now.images as f64;
        let [before, done] = now.done;
        let stage = Stage { flop: share(now.images.saturating_sub(done)), ..now.stage };
        let (flop, seconds) = (share(done.saturating_sub(before)), now.began.elapsed().as_secs_f64());
        Some((Measured { kind: now.stage.kind, flop, seconds }, stage))
    }

    fn left(&self) -> Option<f64> {
        let (mut ahead, mut measured) = (self.ahead.clone(), self.measured.clone());
        if let Some((speed, rest)) = self.measure() {
            ahead.push(rest);
            measured.extend(Some(speed).filter(|m| m.seconds >= LEAST && m.flop > 0.0));
        }
        seconds(&ahead, &measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PhaseKind::*;

    fn stage(kind: PhaseKind, flop: f64) -> Stage {
        Stage { phase: 0, kind, flop }
    }

    fn measured(kind: PhaseKind, flop: f64, seconds: f64) -> Measured {
        Measured { kind, flop, seconds }
    }

    #[test]
    fn the_time_left_follows_from_what_was_measured() {
        let ahead = [stage(Features, 100.0), stage(Unsupervised, 400.0), stage(Supervised, 30.0)];
        let hebbian = measured(Unsupervised, 200.0, 2.0);
        for (ahead, measured, expected) in [
            (&ahead[..], vec![], None),
            (&[][..], vec![], Some(0.0)),
            // One speed for all.
            (&ahead[..], vec![hebbian], Some(1.0 + 4.0 + 0.3)),
            // Each kind at its own; what has none at that of all: 300 in 3 seconds.
            (&ahead[..], vec![hebbian, measured(Features, 100.0, 1.0)], Some(1.0 + 4.0 + 0.3)),
            (
                &ahead[..],
                vec![hebbian, measured(Features, 100.0, 0.5), measured(Supervised, 10.0, 1.0)],
                Some(0.5 + 4.0 + 3.0),
            ),
            // The latest of a kind.
            (&ahead[1..2], vec![hebbian, measured(Unsupervised, 200.0, 8.0)], Some(16.0)),
            // Nothing to do takes no time, whatever is known.
            (&[stage(Features, 0.0)][..], vec![], Some(0.0)),
            (&ahead[..], vec![measured(Features, 0.0, 1.0)], None),
        ] {
            let found = seconds(ahead, &measured);
            let close = |(a, b): (f64, f64)| (a - b).abs() < 1e-9;
            assert!(
                found.is_some() == expected.is_some() && found.zip(expected).is_none_or(close),
                "{found:?}, {expected:?}"
            );
        }
    }

    #[test]
    fn stages_are_gone_through_in_order_and_may_be_left_out() {
        let stages = [(0, Unsupervised), (1, Features), (1, Features), (1, Supervised)];
        let mut outlook = Outlook::new(stages.map(|(phase, kind)| Stage { phase, kind, flop: 10.0 }).to_vec());
        outlook.begin(0, Unsupervised, 10, 0);
        assert_eq!((outlook.ahead.len(), outlook.left()), (3, None), "nothing is known yet");
        outlook.end();
        outlook.begin(1, Supervised, 10, 0);
        assert!(outlook.ahead.is_empty());
        outlook.measured = vec![measured(Supervised, 10.0, 20.0)];
        outlook.advance(5);
        assert_eq!(outlook.left(), Some(10.0));
        outlook.advance(10);
        assert_eq!(outlook.end(), Some(0.0));
    }
}
