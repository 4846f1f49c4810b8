//! The table of trials as lines of text that fit a terminal. Pure functions; the runner and `status` print them.

use super::live::Position;
use super::metric::Metric;
use super::space::{Space, short};
use super::state::Status;
use super::tables::{Best, Combination, Row, best, values};
use crate::report::format::{duration, number};

/// A trial that runs: how far it is, and for how many seconds.
#[derive(Debug, Clone, Default)]
pub struct Running {
    /// Its place in its run.
    pub position: Option<Position>,
    /// Seconds of this attempt's process.
    pub seconds: f64,
}

/// What the screen shows.
#[derive(Debug)]
pub struct View<'a> {
    /// The space, for the names of the keys.
    pub space: &'a Space,
    /// All trials.
    pub rows: &'a [Row],
    /// Those that run, by number.
    pub running: &'a std::collections::BTreeMap<usize, Running>,
    /// Seconds of the runner since it began; `None` where there is none.
    pub seconds: Option<f64>,
    /// Seconds that are left, if that can be said.
    pub left: Option<f64>,
}

/// Counts of trials by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not started.
    pub pending: usize,
    /// Under way.
    pub running: usize,
    /// At their end.
    pub finished: usize,
    /// Failed.
    pub failed: usize,
    /// Stopped by the user.
    pub stopped: usize,
}

impl Counts {
    /// Those of these rows.
    pub fn of(rows: &[Row]) -> Counts {
        let mut counts = Counts::default();
        for row in rows {
            *(match row.state.status {
                Status::Pending => &mut counts.pending,
                Status::Running => &mut counts.running,
                Status::Finished => &mut counts.finished,
                Status::Failed => &mut counts.failed,
                Status::Stopped => &mut counts.stopped,
            }) += 1;
        }
        counts
    }

    /// `12 finished, 1 failed, 3 running, 84 pending`; kinds that there are none of are left out.
    pub fn sentence(&self) -> String {
        let parts = [
            (self.finished, "finished"),
            (self.failed, "failed"),
            (self.stopped, "stopped"),
            (self.running, "running"),
            (self.pending, "pending"),
        ];
        let told: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if told.is_empty() { "no trials".to_string() } else { told.join(", ") }
    }
}

/// The table, at most `height` lines of at most `width` characters each: running trials first, then those that failed, were
/// stopped, finished and wait. Its last line is the total.
pub fn table(view: &View, width: usize, height: usize) -> Vec<String> {
    let order = |row: &&Row| match row.state.status {
        Status::Running => 0,
        Status::Failed => 1,
        Status::Stopped => 2,
        Status::Finished => 3,
        Status::Pending => 4,
    };
    let mut rows: Vec<&Row> = view.rows.iter().collect();
    // The newest results stand above the older ones while it runs; a table that shows all goes by number.
    let all_fit = rows.len() + 3 <= height;
    if all_fit {
        rows.sort_by_key(|row| (row.state.status != Status::Running, row.trial.index));
    } else {
        rows.sort_by_key(|row| {
            let index = row.trial.index;
            (order(row), if row.state.status == Status::Finished { usize::MAX - index } else { index })
        });
    }
    let shown = if all_fit { rows.len() } else { height.saturating_sub(4).max(1).min(rows.len()) };
    let hidden = rows.len() - shown;
    let mut cells = vec![header(view.space)];
    cells.extend(rows.iter().take(shown).map(|row| line(view, row)));
    let mut lines = columns(&cells, width);
    if hidden > 0 {
        lines.push(cut(&format!("… and {hidden} more"), width));
    }
    lines.push(cut(&total(view, width), width));
    lines
}

/// `━━━━──── 12/100 trials, 1 failed, 3 running · best test_acc 71.10 ± 0.30 (n = 3, trials 6 to 8) · 1h 02m of this runner,
/// 4h 05m of trials, 3h 10m left`.
pub fn total(view: &View, width: usize) -> String {
    let counts = Counts::of(view.rows);
    let (ended, all) = (counts.finished + counts.failed, view.rows.len().max(1));
    let mut text = format!("{ended}/{} trials", view.rows.len());
    for (n, what) in [(counts.failed, "failed"), (counts.stopped, "stopped"), (counts.running, "running")] {
        if n > 0 {
            text.push_str(&format!(", {n} {what}"));
        }
    }
    if let Some(best) = best(view.space, view.rows) {
        text.push_str(&format!(" · {}", best_in_short(view.space, &best)));
    }
    let runner = view.seconds.map(|s| format!("{} of this runner, ", duration(s))).unwrap_or_default();
    let trials: f64 = view.rows.iter().map(|row| seconds(view, row)).sum();
    text.push_str(&format!(" · {runner}{} of trials", duration(trials)));
    if let Some(left) = view.left {
        text.push_str(&format!(", {} left", duration(left)));
    }
    // The bar takes what the words leave.
    let bar = width.saturating_sub(text.chars().count() + 1).clamp(4, 24);
    let full = bar * ended / all;
    format!("{}{} {text}", "━".repeat(full), "─".repeat(bar - full))
}

/// `best test_acc 71.10 ± 0.30 (n = 3: trials 6, 7, 8; ties with trials 0, 1, 2)`.
fn best_in_short(space: &Space, best: &Best) -> String {
    let n = match best.first.trials.len() {
        1 => format!("one seed: {}", numbers(&[&best.first])),
        n => format!("n = {n}: {}", numbers(&[&best.first])),
    };
    let ties: Vec<&Combination> = best.ties.iter().collect();
    let ties = if ties.is_empty() { String::new() } else { format!("; ties with {}", numbers(&ties)) };
    let what = if best.of > 1 { "best " } else { "" };
    format!("{what}{} {} ({n}{ties})", space.metric.name(), mean(space, &best.first))
}

/// What a search found: the best combination by its mean over the seeds, each seed's own value, and what ties with it.
pub fn best_in_full(space: &Space, best: &Best) -> Vec<String> {
    let (name, first) = (space.metric.name(), &best.first);
    let n = match (first.trials.len(), first.of) {
        (1, 1) => "one seed, so no deviation".to_string(),
        (1, of) => format!("one of {of} seeds, so no deviation"),
        (n, of) if n == of => format!("mean ± sample deviation, n = {n} seeds"),
        (n, of) => format!("mean ± sample deviation, n = {n} of {of} seeds"),
    };
    let what = if best.of > 1 { format!("best of {} combinations by {name}", best.of) } else { name.to_string() };
    let mut lines = vec![format!("{what}: {} ({n})", mean(space, first))];
    lines.extend(short(&first.trials[0].trial.values).into_iter().map(|set| format!("  {set}")));
    lines.extend(first.trials.iter().map(|row| {
        let value = row.latest.of(space.metric).unwrap_or(f64::NAN);
        format!("  seed {}: {} (trial {})", row.trial.seed, metric(space.metric, value), row.trial.index)
    }));
    const SHOWN: usize = 8;
    lines.extend(best.ties.iter().take(SHOWN).map(|tie| {
        let sets = short(&tie.trials[0].trial.values).join(", ");
        format!("  ties with {sets}: {} ({})", mean(space, tie), numbers(&[tie]))
    }));
    if best.ties.len() > SHOWN {
        lines.push(format!("  and with {} more", best.ties.len() - SHOWN));
    }
    lines
}

/// `71.10 ± 0.30`; without a deviation where there is one seed.
fn mean(space: &Space, combination: &Combination) -> String {
    let (mean, std) = combination.of(space.metric);
    let std = std.map(|std| format!(" ± {}", metric(space.metric, std))).unwrap_or_default();
    format!("{}{std}", metric(space.metric, mean))
}

/// `trial 6`, `trials 6, 7, 8`, `12 trials`.
fn numbers(combinations: &[&Combination]) -> String {
    let numbers: Vec<String> =
        combinations.iter().flat_map(|c| &c.trials).map(|row| row.trial.index.to_string()).collect();
    match numbers.as_slice() {
        [one] => format!("trial {one}"),
        few if few.len() <= 6 => format!("trials {}", few.join(", ")),
        many => format!("{} trials", many.len()),
    }
}

/// Seconds of training of a trial, over all its attempts: what the tables, the log and the last line say.
fn seconds(view: &View, row: &Row) -> f64 {
    let running = view.running.get(&row.trial.index).and_then(|r| r.position.as_ref());
    row.state.seconds.max(row.latest.seconds).max(running.map_or(0.0, |position| position.seconds))
}

/// A metric as people read it.
pub fn metric(metric: Metric, value: f64) -> String {
    match metric {
        Metric::TrainAcc | Metric::TestAcc if value.is_finite() => format!("{value:.2}"),
        _ => number(value),
    }
}

fn header(space: &Space) -> Vec<String> {
    let mut cells = vec!["trial".to_string(), "status".to_string()];
    cells.extend(space.axes.iter().map(|axis| axis.name.replace(".layer.", ".")));
    cells.extend(["seed", "epoch"].map(String::from));
    cells.extend(shown_metrics(space).map(|m| m.name().to_string()));
    cells.extend(["time", ""].map(String::from));
    cells
}

/// The metrics that have a column: the search's own first.
fn shown_metrics(space: &Space) -> impl Iterator<Item = Metric> {
    let own = space.metric;
    let others = [Metric::TestAcc, Metric::TestLoss, Metric::TrainAcc].into_iter().filter(move |m| *m != own);
    std::iter::once(own).chain(others.take(2))
}

fn line(view: &View, row: &Row) -> Vec<String> {
    let mut cells = vec![row.trial.index.to_string(), row.state.status.name().to_string()];
    cells.extend(values(view.space, &row.trial).into_iter().map(|value| match value.parse::<f64>() {
        Ok(x) => number(x),
        Err(_) => value,
    }));
    let running = view.running.get(&row.trial.index);
    cells.push(row.trial.seed.to_string());
    cells.push(match running {
        Some(running) => running.position.as_ref().map(place).unwrap_or_else(|| "starts".to_string()),
        None if row.latest.epochs > 0 => row.latest.epochs.to_string(),
        None => String::new(),
    });
    cells.extend(shown_metrics(view.space).map(|m| row.latest.of(m).map(|value| metric(m, value)).unwrap_or_default()));
    let seconds = seconds(view, row);
    cells.push(if seconds > 0.0 { duration(seconds) } else { String::new() });
    let reused = row.state.reused.as_ref().map(|blocks| format!("{blocks} reused"));
    cells.push(row.state.cause.clone().or(reused).unwrap_or_default());
    cells
}

/// `2/4 5/50`: phase and epoch.
fn place(position: &Position) -> String {
    if position.storing {
        return format!("{}/{} storing", position.phase, position.phases);
    }
    format!("{}/{} {}/{}", position.phase, position.phases, position.epoch, position.epochs)
}

/// Columns side by side within `width`: where they do not fit, the widest gives way first.
pub fn columns(rows: &[Vec<String>], width: usize) -> Vec<String> {
    const NARROWEST: usize = 4;
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |text: &String| text.chars().count();
    let mut widths: Vec<usize> =
        (0..count).map(|i| rows.iter().filter_map(|row| row.get(i)).map(length).max().unwrap_or(0)).collect();
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + 2 * count.saturating_sub(1);
    while total(&widths) > width {
        let Some(widest) = (0..count).max_by_key(|i| widths[*i]).filter(|i| widths[*i] > NARROWEST) else { break };
        widths[widest] -= 1;
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(text, w)| {
            let text = cut(text, *w);
            let pad = w.saturating_sub(text.chars().count());
            // Numbers stand under one another.
            let is_number = text.parse::<f64>().is_ok();
            if is_number { format!("{}{text}", " ".repeat(pad)) } else { format!("{text}{}", " ".repeat(pad)) }
        });
        cut(cells.collect::<Vec<_>>().join("  ").trim_end(), width)
    };
    rows.iter().map(line).collect()
}

/// The text, or its beginning and `…` where it is longer.
fn cut(text: &str, width: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= width {
        return line.to_string();
    }
    let mut short: String = line.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::progress::Latest;
    use crate::search::read::parse;
    use crate::search::state::State;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn space() -> Space {
        parse("x.toml", "seeds = [0, 1]\n[space]\n\"b0.layer.t_invert\" = { grid = [0.000123456789, 1.0] }\n\"b0.pool\" = { grid = [\"max_2_2_0\"] }\n").unwrap()
    }

    fn rows(space: &Space) -> Vec<Row> {
        let status = [Status::Finished, Status::Failed, Status::Running, Status::Pending];
        let row = |(trial, status): (_, &Status)| Row {
            trial,
            state: State {
                status: *status,
                seconds: 62.0,
                cause: (*status == Status::Failed).then(|| "the loss became NaN, and that is a long story".into()),
                ..State::default()
            },
            latest: Latest { metrics: [None, None, Some(1.5), Some(71.1), None, None], epochs: 3, seconds: 62.0 },
        };
        space.trials().into_iter().zip(&status).map(row).collect()
    }

    #[test]
    fn the_table_shows_keys_places_and_times() {
        let space = space();
        let rows = rows(&space);
        let position = Position { phase: 2, phases: 3, epoch: 5, epochs: 50, ..Position::default() };
        let running = BTreeMap::from([(2, Running { position: Some(position), seconds: 5.0 })]);
        let view = View { space: &space, rows: &rows, running: &running, seconds: Some(100.0), left: Some(200.0) };
        let lines = table(&view, 200, 50);
        let expected = [
            "trial  status    b0.t_invert  b0.pool    seed  epoch     test_acc  test_loss  train_acc  time",
            "    2  running             1  max_2_2_0     0  2/3 5/50     71.10        1.5             1m 02s",
            "    0  finished    0.0001235  max_2_2_0     0         3     71.10        1.5             1m 02s",
            "    1  failed      0.0001235  max_2_2_0     1         3     71.10        1.5             1m 02s  the loss became NaN, and that is a long story",
            "    3  pending             1  max_2_2_0     1         3     71.10        1.5             1m 02s",
        ];
        for (line, want) in lines.iter().zip(expected) {
            assert_eq!(line, want);
        }
        assert!(
            lines[5]
                .ends_with(" 2/4 trials, 1 failed, 1 running · best test_acc 71.10 (one seed: trial 0) · 1m 40s of this runner, 4m 08s of trials, 3m 20s left"),
            "{}",
            lines[5]
        );
        let few = table(&view, 200, 6);
        assert_eq!((few.len(), few[3].as_str()), (5, "… and 2 more"));
        assert!(few[1].contains("running") && few[2].contains("failed"), "{few:#?}");
    }

    proptest! {
        #[test]
        fn every_line_fits(width in 0usize..120, height in 0usize..12) {
            let space = space();
            let rows = rows(&space);
            let view = View { space: &space, rows: &rows, running: &BTreeMap::new(), seconds: Some(1.0), left: None };
            let lines = table(&view, width, height);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            prop_assert!(lines.len() <= height.max(4));
        }
    }
}
