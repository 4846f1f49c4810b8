//! Promise: every command line that the published program's README prints has a counterpart here: its presets, data sets and
//! options are known, and the run starts as far as its plan.
//!
//! `multi_layer.py` is `softhebb run`, `post_hoc_loss.py` is `softhebb post-hoc`, `ray_search.py` is `softhebb search`.

mod common;

use common::{Place, shared};
use softhebb::preset::{Catalogue, dataset_config};

/// The command lines of the README: words after `python`, without the quotes.
fn published() -> Option<Vec<Vec<String>>> {
    let seeds = shared()?.join("seeds");
    let entry =
        std::fs::read_dir(seeds).ok()?.flatten().find(|e| e.file_name().to_string_lossy().starts_with("004_"))?;
    let text = std::fs::read_to_string(entry.path()).unwrap();
    let mut lines: Vec<Vec<String>> = text
        .split("python ")
        .skip(1)
        .filter(|rest| rest.contains(".py"))
        .map(|rest| rest[..end(rest)].to_string())
        .map(|line| line.replace('\'', "").split_whitespace().map(str::to_string).collect())
        .collect();
    lines.retain(|words| words.len() > 1 && !words.contains(&"--help".to_string()));
    lines.sort();
    lines.dedup();
    Some(lines)
}

/// Where a command ends: at a backtick, at the end of emphasis (`**_`), or with its line.
fn end(rest: &str) -> usize {
    ["`", "**_", "\n"].iter().filter_map(|mark| rest.find(mark)).min().unwrap_or(rest.len())
}

#[test]
fn every_published_command_line_starts() {
    let Some(lines) = published() else { return };
    let place = Place::new();
    let (mut runs, mut searches, mut post_hoc) = (0, 0, 0);
    for words in &lines {
        let rest = words[1..].join(" ");
        match words[0].as_str() {
            "multi_layer.py" => {
                let done = place.softhebb(&format!("run {rest} --dry-run")).succeeds();
                assert!(done.stdout.contains("phase 1/"), "{done:#?}");
                runs += 1;
            }
            "ray_search.py" => {
                let done = place.softhebb(&format!("search {rest} --dry-run")).succeeds();
                assert!(done.stdout.contains("\ntrials  "), "{done:#?}");
                searches += 1;
            }
            "post_hoc_loss.py" => {
                place.softhebb(&format!("post-hoc {rest} --dry-run")).succeeds();
                post_hoc += 1;
            }
            other => panic!("{other} has no counterpart: {words:?}"),
        }
    }
    println!("{runs} lines of run, {searches} of search, {post_hoc} of post-hoc");
    assert!(runs >= 8 && searches >= 70 && post_hoc == 1, "{runs}, {searches}, {post_hoc}");
}

#[test]
fn every_published_configuration_resolves() {
    let Some(shared) = shared() else { return };
    let catalogue = Catalogue::embedded().unwrap();
    let mut table = csv::Reader::from_path(shared.join("reference/datasets.csv")).unwrap();
    let names: Vec<String> = table.records().map(|r| r.unwrap()).map(|r| format!("{}_{}", &r[0], &r[1])).collect();
    assert!(names.len() > 90);
    for name in names {
        let config = dataset_config(&catalogue, &name, false, 0).unwrap();
        // And there is something that reads its images.
        assert!(softhebb::data::find(&config.name).is_ok(), "{name}");
    }
}
