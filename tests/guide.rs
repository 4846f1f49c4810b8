//! Promise: every command of README.md and GUIDE.md is one that the program takes. Those that train are dry-run, those that look at something are
//! run, on small runs and files that stand for the ones that the pages name; a download and a measurement are only read as arguments.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use common::{Place, SMALL, words};
use softhebb::cli::Cli;

/// A command and the page that has it.
struct Command {
    page: &'static str,
    line: String,
}

/// The commands of a page: lines of code, and words in backticks.
fn commands(page: &'static str) -> Vec<Command> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    for line in text.lines() {
        let code = line.strip_prefix("    ").map(|code| code.split("  #").next().unwrap_or(code)).into_iter();
        let quoted = line.split('`').skip(1).step_by(2);
        let code_line = line.starts_with("    ");
        for line in code.chain(quoted.filter(|_| !code_line)) {
            let line = line.trim();
            // In a sentence a name alone is no command, and one with … is not whole.
            let least = if code_line { 2 } else { 3 };
            if line.starts_with("softhebb ") && !line.contains('…') && line.split_whitespace().count() >= least {
                found.push(Command { page, line: line["softhebb ".len()..].to_string() });
            }
        }
    }
    found
}

/// What the names of the pages stand for.
struct Stage {
    place: Place,
    run: PathBuf,
    snn: PathBuf,
    search: PathBuf,
}

impl Stage {
    fn new() -> Stage {
        let place = Place::new();
        let run = place.run(&format!(
            "--model 'SoftKrotov-c4-k5-p2-t1-lr0.08 triangle_0.7 max_4_2_1; SoftKrotov-c4-k3-p1-t1 max_2_2_0; Soft-c4-k3-p1-t1 max_2_2_0; BP-c10' \
             --dataset FashionMini {SMALL}"
        ));
        let run = run.dir.root().to_path_buf();
        place.softhebb("encode train --limit 30 --epochs 1 --threads 1").succeeds();
        let [snn, search] = ["stage/snn", "stage/search"].map(|name| place.path(name));
        place
            .softhebb("snn train --hidden 8 --k-hidden 2 --epochs 1 --train-batches 2 --test-batches 1 --threads 1 --results-dir stage/snn")
            .succeeds();
        let space = "[base]\nmodel = \"BP-c10 flatten\"\ndataset = \"FashionMini\"\n[base.set]\n\"dataset_sup.training_sample\" = 50\n\
                     \"dataset_sup.testing_sample\" = 50\n\"dataset_sup.nb_epoch\" = 1\n";
        fs::write(place.path("temperatures.toml"), space).unwrap();
        place
            .softhebb("search --config temperatures.toml --parallel 1 --threads 1 --search-dir stage/search")
            .succeeds();
        let pixel = image::RgbaImage::from_fn(192, 96, |x, y| image::Rgba([x as u8, y as u8, 30, 255]));
        pixel.save(place.path("sprites.png")).unwrap();
        for folder in ["train/a", "train/b", "val/a", "val/b", "tiny-imagenet-sample/a"] {
            let folder = place.path("pictures").join(folder);
            fs::create_dir_all(&folder).unwrap();
            pixel.save(folder.join("1.png")).unwrap();
        }
        fs::rename(place.path("pictures/tiny-imagenet-sample"), place.path("tiny-imagenet-sample")).unwrap();
        let only = |folder: &Path| -> PathBuf { fs::read_dir(folder).unwrap().next().unwrap().unwrap().path() };
        let snn = only(&only(&snn));
        let search = only(&search);
        Stage { place, run, snn, search }
    }

    /// The line with files and folders that are there.
    fn set(&self, line: &str) -> String {
        let sibling = line.starts_with("snn ");
        let names = |word: String| -> String {
            let path = |path: &Path| path.display().to_string();
            match word.as_str() {
                "RUN" if sibling => path(&self.snn),
                "RUN" | "A" | "B" | "RUN_DIR" => path(&self.run),
                "FOLDER" => path(&self.search),
                "SOURCE" => "FashionMini".to_string(),
                recording if recording.starts_with("tests/recordings/") => {
                    path(&Path::new(env!("CARGO_MANIFEST_DIR")).join(recording.replace('*', "linear-soft")))
                }
                other => other.replace("folder:PATH", &format!("folder:{}", path(&self.place.path("pictures")))),
            }
        };
        words(line).into_iter().map(names).map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
    }
}

/// Commands that have a dry run, by their first words.
const TRAINS: [&str; 9] = [
    "run",
    "search",
    "post-hoc",
    "robustness",
    "encode train",
    "snn train",
    "hopfield recall",
    "hopfield capacity",
    "hopfield forget",
];
/// Commands that download, measure for minutes, or place images that are not here: read as arguments only.
const READ: [&str; 8] = [
    "data fetch",
    "data verify",
    "bench",
    "encode bench",
    "snn bench",
    "hopfield bench",
    "encode cluster",
    "encode neighbors",
];

#[test]
fn every_command_of_both_pages_is_one() {
    let all: Vec<Command> = ["README.md", "GUIDE.md"].into_iter().flat_map(commands).collect();
    assert!(all.len() > 50, "{} commands", all.len());
    let stage = Stage::new();
    let begins = |line: &str, with: &str| line == with || line.starts_with(&format!("{with} "));
    let (mut counts, mut failed) = ([0; 3], Vec::new());
    for Command { page, line } in &all {
        // One that shows an argument by its kind (`--epochs N`) is prose.
        let line = line.strip_suffix(" …").unwrap_or(line);
        let placeholder = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
        let known = ["RUN", "FOLDER", "SOURCE", "CIFAR10", "MNIST"];
        let kind = words(line).iter().any(|word| placeholder(word) && !known.contains(&word.as_str()));
        if kind || line.contains('|') || READ.iter().any(|with| begins(line, with)) {
            counts[0] += 1;
            if !kind && !line.contains('|') {
                let arguments = std::iter::once("softhebb".to_string()).chain(words(line));
                assert!(Cli::try_parse_from(arguments).is_ok(), "{page}: softhebb {line}");
            }
            continue;
        }
        let looks = ["search status", "search best", "search --resume"].iter().any(|with| begins(line, with));
        let dry = TRAINS.iter().any(|with| begins(line, with)) && !looks && !line.contains("--resume");
        let resumes = line.contains("--resume all") || begins(line, "search --resume");
        let mut told = stage.set(line);
        if dry && !line.contains("--dry-run") {
            told.push_str(" --dry-run");
        }
        if line.contains("--resume without-classifier") {
            counts[0] += 1; // it needs the whole preset's run
            continue;
        }
        // The pages look at the same run more than once.
        if ["plot", "snn show", "features", "encode features"].iter().any(|with| begins(line, with)) {
            told.push_str(" --force");
        }
        let done = stage.place.softhebb(&told);
        counts[if dry { 1 } else { 2 }] += 1;
        if done.code != Some(0) {
            failed.push(format!("{page}: softhebb {line}\n{done:#?}"));
        }
        if resumes {
            assert!(!done.stderr.contains("error"), "{done:#?}");
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    println!("{} read, {} dry-run, {} run", counts[0], counts[1], counts[2]);
    assert!(counts[1] >= 15 && counts[2] >= 15, "{counts:?}");
}

#[test]
fn links_lead_somewhere_and_the_first_page_is_short() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["README.md", "GUIDE.md", "CONTRIBUTING.md", "results/README.md"] {
        let text = fs::read_to_string(home.join(page)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.starts_with("http") {
                continue;
            }
            let target = if file.is_empty() { home.join(page) } else { home.join(page).parent().unwrap().join(file) };
            assert!(target.exists(), "{page}: {link}");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let slug = |title: &str| {
                    let kept = title
                        .to_lowercase()
                        .chars()
                        .filter(|c| c.is_alphanumeric() || " -".contains(*c))
                        .collect::<String>();
                    kept.trim().replace(' ', "-")
                };
                let heads =
                    text.lines().filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#')));
                assert!(heads.into_iter().any(|head| head == anchor), "{page}: {link}");
            }
        }
    }
    let lines = fs::read_to_string(home.join("README.md")).unwrap().lines().count();
    assert!(lines <= 130, "README.md has {lines} lines");
}
