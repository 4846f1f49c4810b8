//! What `softhebb robustness` prints and draws of its rows.

use serde::{Deserialize, Serialize};

use crate::draw::chart::{Chart, Series};
use crate::draw::scene::Scene;
use crate::robust::Attack;

/// A row of metrics.csv.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The network's name.
    pub model: String,
    /// Its seed.
    pub seed: u64,
    /// What was done to the images.
    pub attack: Attack,
    /// How strongly.
    pub strength: f64,
    /// Share of images that are still classified right, in percent.
    pub accuracy: f64,
    /// How many images.
    pub images: usize,
}

/// Mean and standard deviation over seeds (0 for one) at each strength.
fn curve(rows: &[Row], model: &str, kind: Attack) -> Vec<(f64, f64, f64)> {
    let mut strengths: Vec<f64> =
        rows.iter().filter(|r| r.model == model && r.attack == kind).map(|r| r.strength).collect();
    strengths.sort_by(f64::total_cmp);
    strengths.dedup();
    let at = |strength: f64| {
        let of: Vec<f64> = rows
            .iter()
            .filter(|r| r.model == model && r.attack == kind && r.strength == strength)
            .map(|r| r.accuracy)
            .collect();
        let n = of.len() as f64;
        let mean = of.iter().sum::<f64>() / n.max(1.0);
        let variance = of.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        (strength, mean, variance.sqrt())
    };
    strengths.into_iter().map(at).collect()
}

fn models(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        if !names.contains(&row.model) {
            names.push(row.model.clone());
        }
    }
    names
}

/// The table for people: accuracy against strength, a column a network.
pub fn markdown(rows: &[Row], dataset: &str, steps: usize) -> String {
    let names = models(rows);
    let seeds: std::collections::BTreeSet<u64> = rows.iter().map(|r| r.seed).collect();
    let list = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let images = rows.first().map_or(0, |r| r.images);
    let mut text = format!(
        "Accuracy, %, on {images} test images of {dataset}; seeds {list}; {} steps of projected gradient descent.\n\n",
        steps
    );
    for kind in Attack::ALL {
        let curves: Vec<_> = names.iter().map(|n| (n, curve(rows, n, kind))).filter(|(_, c)| !c.is_empty()).collect();
        let Some((_, first)) = curves.first() else { continue };
        let heads = curves.iter().map(|(n, _)| format!(" {n} |")).collect::<String>();
        text.push_str(&format!(
            "| {}, {} |{heads}\n|---:|{}\n",
            kind.title(),
            kind.strength(),
            "---:|".repeat(curves.len())
        ));
        for (i, (strength, ..)) in first.iter().enumerate() {
            let cell = |c: &[(f64, f64, f64)]| match c.get(i) {
                Some((_, mean, spread)) if seeds.len() > 1 => format!(" {mean:.2} ± {spread:.2} |"),
                Some((_, mean, _)) => format!(" {mean:.2} |"),
                None => " |".to_string(),
            };
            text.push_str(&format!("| {strength} |{}\n", curves.iter().map(|(_, c)| cell(c)).collect::<String>()));
        }
        text.push('\n');
    }
    text
}

/// The curves, a panel an attack.
pub fn figure(rows: &[Row], dataset: &str) -> Scene {
    const SIDE: f64 = 400.0;
    const HEIGHT: f64 = 340.0;
    let names = models(rows);
    let kinds: Vec<Attack> = Attack::ALL.into_iter().filter(|k| rows.iter().any(|r| r.attack == *k)).collect();
    let columns = kinds.len().clamp(1, 2);
    let lines = kinds.len().div_ceil(columns).max(1);
    let mut scene = Scene::new((SIDE * columns as f64) as u32, (HEIGHT * lines as f64) as u32);
    for (i, kind) in kinds.into_iter().enumerate() {
        // Every network is a series in every panel, so that its colour is the same; one without a curve has no name there.
        let series = names.iter().map(|name| {
            let curve = curve(rows, name, kind);
            Series {
                name: if curve.is_empty() { String::new() } else { name.clone() },
                points: curve.iter().map(|c| [c.0, c.1]).collect(),
                spread: curve.iter().map(|c| c.2).collect(),
                marks: true,
                ..Series::default()
            }
        });
        let chart = Chart {
            title: format!("{dataset}: {}", kind.title()),
            x: kind.strength().to_string(),
            y: "test accuracy, %".into(),
            y_range: Some([0.0, 100.0]),
            series: series.collect(),
            ..Chart::default()
        };
        chart.draw(&mut scene, [SIDE * (i % columns) as f64, HEIGHT * (i / columns) as f64, SIDE, HEIGHT]);
    }
    scene
}
