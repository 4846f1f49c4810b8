//! What a report measures, as data: one table from which the console's line, `metrics.csv`, `progress.csv`, tensorboard's scalars, the metrics
//! of the HPARAMS page, and the comparisons of a search are made.
//!
//! A new number is a field of [`Metrics`] or [`BlockStats`], the line that fills it, and its [`Column`] here.

use super::format::{duration, number, percent, rate};
use super::{BlockStats, Metrics, PhaseInfo, PhaseKind};

/// A report with the phase that it is of.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The phase, if it is known.
    pub phase: Option<&'a PhaseInfo>,
    /// The report.
    pub metrics: &'a Metrics,
}

impl<'a> Row<'a> {
    /// Whether a block learns in the phase.
    pub fn learns(&self, block: usize) -> bool {
        self.phase.is_none_or(|phase| phase.blocks.contains(&block))
    }

    /// The last Hebbian block that learns in the phase: the one whose convergence and R1 stand for the report.
    pub fn learned(&self) -> Option<&'a BlockStats> {
        self.metrics.blocks.iter().rfind(|b| self.learns(b.block))
    }

    /// The cells of a line: those of the run, then those of each of these blocks.
    pub fn cells(&self, blocks: &[usize]) -> Vec<String> {
        let stats = blocks.iter().map(|b| self.metrics.blocks.iter().find(|s| s.block == *b));
        let of_blocks = stats.flat_map(|stats| BLOCK.iter().map(move |c| c.cell(c.of_block(stats))));
        COLUMNS.iter().map(|c| c.run_cell(self)).chain(of_blocks).collect()
    }

    /// Tensorboard's scalars: tag and value of what was measured.
    pub fn scalars(&self) -> Vec<(String, f64)> {
        let run = COLUMNS.iter().filter_map(|c| Some((c.tag?.to_string(), c.of_run(self)?)));
        let of = |b: &BlockStats, c: &Column| Some((format!("{}/b{}", c.tag?, b.block), c.of_block(Some(b))?));
        let blocks = self.metrics.blocks.iter().flat_map(|b| BLOCK.iter().filter_map(move |c| of(b, c)));
        run.chain(blocks).collect()
    }

    /// What a person is told: the losses, accuracies and the block that learned, then rate and speed.
    pub fn words(&self) -> [Vec<String>; 2] {
        let said = |compared: bool| {
            let columns = COLUMNS.iter().filter(move |c| c.better.is_some() == compared);
            columns.filter_map(|c| Some(c.say?(c.of_run(self)?))).collect()
        };
        [said(true), said(false)]
    }
}

/// The names of a line's cells.
pub fn names(blocks: &[usize]) -> impl Iterator<Item = String> {
    let of_blocks = blocks.iter().flat_map(|b| BLOCK.iter().map(move |c| format!("b{b}_{}", c.name)));
    COLUMNS.iter().map(|c| c.name.to_string()).chain(of_blocks)
}

/// Columns that runs are compared by.
pub fn compared() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(|c| c.better.is_some())
}

/// Which of two values is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The larger.
    Higher,
    /// The smaller.
    Lower,
}

/// Where a column's value comes from. What a phase does not measure is absent.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// A number of the report.
    Run(fn(&Row) -> Option<f64>),
    /// A word of the report.
    Word(fn(&Row) -> &'static str),
    /// A number of a block.
    Block(fn(&BlockStats) -> Option<f64>),
}

/// A number of a report, under all its names.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// In the tables; that of a block follows `b{block}_`.
    pub name: &'static str,
    /// In tensorboard, if it is shown there; that of a block comes before `/b{block}`.
    pub tag: Option<&'static str>,
    /// Whether runs are compared by it, and how.
    pub better: Option<Better>,
    /// What it is.
    pub about: &'static str,
    /// How a line of text says it.
    say: Option<fn(f64) -> String>,
    /// Digits after the point in the tables; as many as read back as the same number if absent.
    digits: Option<usize>,
    of: Of,
}

impl Column {
    const fn new(name: &'static str, about: &'static str, of: Of) -> Column {
        Column { name, tag: None, better: None, about, say: None, digits: None, of }
    }

    const fn tag(self, tag: &'static str) -> Column {
        Column { tag: Some(tag), ..self }
    }

    const fn better(self, better: Better) -> Column {
        Column { better: Some(better), ..self }
    }

    const fn say(self, say: fn(f64) -> String) -> Column {
        Column { say: Some(say), ..self }
    }

    const fn digits(self, digits: usize) -> Column {
        Column { digits: Some(digits), ..self }
    }

    fn of_run(&self, row: &Row) -> Option<f64> {
        if let Of::Run(of) = self.of { of(row) } else { None }
    }

    fn of_block(&self, stats: Option<&BlockStats>) -> Option<f64> {
        if let Of::Block(of) = self.of { of(stats?) } else { None }
    }

    fn run_cell(&self, row: &Row) -> String {
        if let Of::Word(of) = self.of { of(row).to_string() } else { self.cell(self.of_run(row)) }
    }

    /// The number as a cell; empty if absent.
    fn cell(&self, value: Option<f64>) -> String {
        match (value, self.digits) {
            (None, _) => String::new(),
            (Some(x), Some(digits)) => format!("{x:.digits$}"),
            (Some(x), None) => x.to_string(),
        }
    }
}

/// What stands once in a report. That a table has the column `block` tells it from those that counted phases from 0.
pub const COLUMNS: [Column; 14] = [
    Column::new("phase", "phase, from 1", Of::Run(|r| Some(r.metrics.phase as f64 + 1.0))),
    Column::new("kind", "what kind of learning", Of::Word(|r| r.phase.map_or("", |p| kind(p.kind)))),
    Column::new("epoch", "epoch of the phase, from 1", Of::Run(|r| Some(r.metrics.epoch as f64))),
    Column::new("global_step", "epochs finished in the whole run", Of::Run(|r| Some(r.metrics.global_step as f64))),
    Column::new("train_loss", "mean cross entropy on the training images", Of::Run(|r| r.metrics.train_loss))
        .tag("loss/train")
        .better(Better::Lower)
        .say(|x| format!("loss {x:.4}")),
    Column::new("train_acc", "accuracy on the training images, percent", Of::Run(|r| r.metrics.train_acc))
        .tag("accuracy/train")
        .better(Better::Higher)
        .say(|x| format!("train {}", percent(x))),
    Column::new("test_loss", "mean cross entropy on the test images", Of::Run(|r| r.metrics.test_loss))
        .tag("loss/test")
        .better(Better::Lower)
        .say(|x| format!("test loss {x:.4}")),
    Column::new("test_acc", "accuracy on the test images, percent", Of::Run(|r| r.metrics.test_acc))
        .tag("accuracy/test")
        .better(Better::Higher)
        .say(|x| format!("test {}", percent(x))),
    Column::new(
        "convergence",
        "mean |radius − 1| of the last Hebbian block that learns in the phase",
        Of::Run(|r| Some(r.learned()?.convergence)),
    )
    .tag("convergence")
    .better(Better::Lower)
    .say(|x| format!("convergence {}", number(x))),
    Column::new("R1", "units of that block whose radius is 1", Of::Run(|r| Some(r.learned()?.r1 as f64)))
        .tag("R1")
        .better(Better::Higher)
        .say(|x| format!("R1 {x}")),
    Column::new("block", "which block that is, from 0", Of::Run(|r| Some(r.learned()?.block as f64))),
    Column::new("lr", "learning rate of the phase", Of::Run(|r| Some(r.metrics.lr)))
        .tag("lr")
        .say(|x| format!("lr {}", number(x))),
    Column::new("images_per_second", "training images a second", Of::Run(|r| Some(r.metrics.images_per_second)))
        .tag("speed/images_per_second")
        .say(rate)
        .digits(1),
    Column::new("seconds", "seconds since the run began", Of::Run(|r| Some(r.metrics.seconds)))
        .say(|x| format!("at {}", duration(x)))
        .digits(3),
];

/// What stands once for each Hebbian block.
pub const BLOCK: [Column; 13] = [
    Column::new("lr", "mean learning rate of its units", Of::Block(|b| Some(b.lr))).tag("lr"),
    Column::new("convergence", "mean |radius − 1|", Of::Block(|b| Some(b.convergence))).tag("convergence"),
    Column::new("R1", "units whose radius is 1", Of::Block(|b| Some(b.r1 as f64))).tag("R1"),
    Column::new("radius_mean", "mean radius", Of::Block(|b| Some(b.radius_mean))).tag("radius"),
    Column::new("radius_std", "its standard deviation", Of::Block(|b| Some(b.radius_std))),
    Column::new("radius_mean_dev", "mean deviation from the mean radius", Of::Block(|b| Some(b.radius_mean_dev))),
    Column::new("radius_max_dev", "largest deviation from it", Of::Block(|b| Some(b.radius_max_dev))),
    Column::new("weight_mean", "mean weight", Of::Block(|b| Some(b.weight_mean))),
    Column::new("weight_std", "its standard deviation", Of::Block(|b| Some(b.weight_std))),
    Column::new("bias_mean", "mean bias", Of::Block(|b| b.bias_mean)),
    Column::new("bias_std", "its standard deviation", Of::Block(|b| b.bias_std)),
    Column::new("winner", "mean activity of the winner", Of::Block(|b| b.winner)),
    Column::new("anti_winner", "mean activity of the anti-winners", Of::Block(|b| b.anti_winner)),
];

fn kind(kind: PhaseKind) -> &'static str {
    match kind {
        PhaseKind::Unsupervised => "unsupervised",
        PhaseKind::Supervised => "supervised",
        PhaseKind::Hybrid => "hybrid",
        PhaseKind::Features => "features",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_tag_is_there_once() {
        let mut names: Vec<_> = names(&[0, 2]).collect();
        assert_eq!((names.len(), names[14].as_str(), names[27].as_str()), (40, "b0_lr", "b2_lr"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 40);
        let stats = |block| BlockStats { block, ..Default::default() };
        let metrics = Metrics { test_acc: Some(1.0), blocks: vec![stats(0), stats(2)], ..Default::default() };
        let mut tags: Vec<_> =
            Row { phase: None, metrics: &metrics }.scalars().into_iter().map(|(tag, _)| tag).collect();
        tags.sort_unstable();
        let expected = [
            "R1",
            "R1/b0",
            "R1/b2",
            "accuracy/test",
            "convergence",
            "convergence/b0",
            "convergence/b2",
            "lr",
            "lr/b0",
            "lr/b2",
            "radius/b0",
            "radius/b2",
            "speed/images_per_second",
        ];
        assert_eq!(tags, expected, "what was not measured is absent");
    }

    #[test]
    fn convergence_is_that_of_the_last_block_that_learns() {
        let stats = |block, convergence| BlockStats { block, convergence, r1: block as i64, ..Default::default() };
        let metrics = Metrics { blocks: vec![stats(0, 0.5), stats(1, 0.25), stats(2, 9.0)], ..Default::default() };
        let phase = |blocks: &[usize]| PhaseInfo {
            index: 0,
            count: 1,
            kind: PhaseKind::Unsupervised,
            blocks: blocks.to_vec(),
            epochs: 1,
            images: 1,
            batch_size: 1,
        };
        for (blocks, cells, words) in [
            (&[0][..], ["0.5", "0", "0"], "convergence 0.5, R1 0"),
            (&[0, 1], ["0.25", "1", "1"], "convergence 0.25, R1 1"),
            (&[0, 1, 2, 3], ["9", "2", "2"], "convergence 9, R1 2"),
            (&[3], ["", "", ""], ""),
        ] {
            let phase = phase(blocks);
            let row = Row { phase: Some(&phase), metrics: &metrics };
            assert_eq!(row.cells(&[])[8..11], cells, "{blocks:?}");
            assert_eq!(row.words()[0].join(", "), words, "{blocks:?}");
        }
    }
}
