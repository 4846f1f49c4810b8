//! The sentences that lines are made of: a phase's head, a run's result, a block's numbers. Pure functions.

use super::format::{duration, number, percent, plural};
use super::{BlockStats, PhaseInfo, PhaseKind};

/// `phase 2/4: Hebbian, block 1, 1 epoch of 50,000 images`; the storing of features is no phase of its own.
pub fn phase_title(phase: &PhaseInfo) -> String {
    let kind = match phase.kind {
        PhaseKind::Unsupervised => "Hebbian",
        PhaseKind::Supervised => "supervised",
        PhaseKind::Hybrid => "Hebbian and supervised",
        PhaseKind::Features => "storing features",
    };
    let contiguous = phase.blocks.windows(2).all(|w| w[0].checked_add(1) == Some(w[1]));
    let blocks = match phase.blocks.as_slice() {
        [] => String::new(),
        [one] => format!(", block {one}"),
        [first, .., last] if contiguous => format!(", blocks {first}-{last}"),
        many => format!(", blocks {}", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let images = plural(phase.images, "image");
    if phase.kind == PhaseKind::Features {
        return format!("{kind}{blocks}, {images}");
    }
    let work = format!("{} of {images}", plural(phase.epochs, "epoch"));
    format!("phase {}/{}: {kind}{blocks}, {work}", phase.index.saturating_add(1), phase.count)
}

/// `test accuracy 80.31 %, loss 0.6214, in 4m 02s`.
pub(super) fn result(test_acc: Option<f64>, test_loss: Option<f64>, seconds: f64, interrupted: bool) -> String {
    let mut parts = Vec::new();
    if let Some(x) = test_acc {
        parts.push(format!("test accuracy {}", percent(x)));
    }
    if let Some(x) = test_loss {
        parts.push(format!("loss {x:.4}"));
    }
    let time = duration(seconds);
    match (parts.is_empty(), interrupted) {
        (false, false) => format!("{}, in {time}", parts.join(", ")),
        (true, false) => format!("done in {time}"),
        (false, true) => format!("interrupted after {time}; so far {}", parts.join(", ")),
        (true, true) => format!("interrupted after {time}"),
    }
}

/// The numbers of a block, and the table of its first units.
pub(super) fn block_lines(b: &BlockStats) -> Vec<String> {
    let mut facts = vec![
        format!("lr {}", number(b.lr)),
        format!("convergence {}", number(b.convergence)),
        format!("R1 {}", b.r1),
        format!(
            "radius {} ± {} (from its mean: {} on average, {} at most)",
            number(b.radius_mean),
            number(b.radius_std),
            number(b.radius_mean_dev),
            number(b.radius_max_dev)
        ),
        format!("weights {} ± {}", number(b.weight_mean), number(b.weight_std)),
    ];
    if let Some(mean) = b.bias_mean {
        facts.push(format!("bias {} ± {}", number(mean), number(b.bias_std.unwrap_or(f64::NAN))));
    }
    if let Some(x) = b.winner {
        facts.push(format!("winner {}", number(x)));
    }
    if let Some(x) = b.anti_winner {
        facts.push(format!("anti-winner {}", number(x)));
    }
    let mut out = vec![format!("    block {}: {}", b.block, facts.join(", "))];
    let rows = [("lr", &b.first_lr), ("radius", &b.first_radius), ("wins %", &b.first_wins)];
    let units = rows.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    // Ten units a row fit a screen of 100 columns.
    for start in (0..units).step_by(10) {
        let end = units.min(start + 10);
        let mut line = format!("      {:<7}", "unit");
        (start..end).for_each(|i| line += &format!(" {i:>8}"));
        out.push(line);
        for (name, values) in rows.iter().filter(|(_, values)| !values.is_empty()) {
            let mut line = format!("      {name:<7}");
            (start..end).for_each(|i| line += &format!(" {:>8}", values.get(i).map_or("-".into(), |x| number(*x))));
            out.push(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(index: usize, kind: PhaseKind, blocks: &[usize], epochs: u64) -> PhaseInfo {
        PhaseInfo { index, count: 4, kind, blocks: blocks.into(), epochs, images: 50_000, batch_size: 10 }
    }

    #[test]
    fn phases_have_titles() {
        use PhaseKind::*;
        for (info, text) in [
            (phase(1, Unsupervised, &[1], 1), "phase 2/4: Hebbian, block 1, 1 epoch of 50,000 images"),
            (phase(3, Supervised, &[3], 50), "phase 4/4: supervised, block 3, 50 epochs of 50,000 images"),
            (phase(0, Unsupervised, &[0, 1, 2], 2), "phase 1/4: Hebbian, blocks 0-2, 2 epochs of 50,000 images"),
            (phase(0, Hybrid, &[0, 2], 2), "phase 1/4: Hebbian and supervised, blocks 0, 2, 2 epochs of 50,000 images"),
            (phase(2, Features, &[], 1), "storing features, 50,000 images"),
        ] {
            assert_eq!(phase_title(&info), text);
        }
    }

    #[test]
    fn results() {
        for (acc, loss, interrupted, text) in [
            (Some(80.31), Some(0.62), false, "test accuracy 80.31 %, loss 0.6200, in 1h 02m"),
            (Some(55.2), None, false, "test accuracy 55.20 %, in 1h 02m"),
            (None, None, false, "done in 1h 02m"),
            (Some(55.2), None, true, "interrupted after 1h 02m; so far test accuracy 55.20 %"),
            (None, None, true, "interrupted after 1h 02m"),
        ] {
            assert_eq!(result(acc, loss, 3720.0, interrupted), text);
        }
    }

    #[test]
    fn lists_of_unequal_length_make_a_table_too() {
        let block = BlockStats { first_lr: vec![1.0], first_radius: vec![1.0, f64::NAN], ..Default::default() };
        let lines = block_lines(&block);
        assert_eq!(lines.len(), 4);
        assert!(lines[2].ends_with("1        -") && lines[3].ends_with("NaN"), "{lines:#?}");
    }
}
