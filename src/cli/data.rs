//! `softhebb data`: what data sets are there, downloading them, and checking them.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::Usage;
use crate::data::{
    DataDirs, FetchError, FetchEvent, FetchOptions, FetchReport, Listing, Verdict, VerifyReport, fetch, find, registry,
    survey, verify,
};
use crate::report::has_screen;

/// List, download and check data sets.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Show which data sets are there, and where.
    List {
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Download data sets from their official sites. An interrupted download goes on where it stopped.
    Fetch {
        /// MNIST, FashionMNIST, CIFAR10, CIFAR100, STL10, ImageNette, TinyImageNet … (`softhebb data list`), or all.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        place: Place,
        /// Download from here: the files are at URL/NAME/FILE or URL/FILE.
        #[arg(long, value_name = "URL", env = "SOFTHEBB_MIRROR")]
        mirror: Option<String>,
        /// Download even if the files are there, and replace them.
        #[arg(long)]
        force: bool,
    },
    /// Read every byte of data sets and compare with the official files. Fails if a file is bad or another one.
    Verify {
        /// The data sets.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Where the data sets are.
#[derive(Debug, Args)]
struct Place {
    /// Folder of the data sets [default: $SOFTHEBB_DATA, else ~/.cache/softhebb/datasets].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Place {
    fn dirs(&self) -> anyhow::Result<DataDirs> {
        if let Some(file) = self.data_dir.as_ref().filter(|dir| dir.is_file()) {
            return Err(
                Usage(format!("--data-dir {}: this is a file, and a folder is expected", file.display())).into()
            );
        }
        Ok(DataDirs::resolve(self.data_dir.as_deref())?)
    }
}

/// Runs the subcommand; text goes to `out`, progress to standard error. False: something that was asked about is amiss, and
/// `out` says what.
pub fn run(args: &DataArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    match &args.command {
        DataCommand::List { place, json } => {
            let dirs = place.dirs()?;
            let all = survey(&dirs);
            match json {
                true => print_json(&json!({ "data_dir": dirs.root(), "datasets": all }), out)?,
                false => print_list(&dirs, &all, out)?,
            }
            Ok(true)
        }
        DataCommand::Fetch { names, place, mirror, force } => {
            let dirs = place.dirs()?;
            let options = FetchOptions { mirror: mirror.clone(), force: *force, ..FetchOptions::default() };
            fetch_all(names, &dirs, &options, out)
        }
        DataCommand::Verify { names, place, json } => {
            let dirs = place.dirs()?;
            let reports: Vec<VerifyReport> = names.iter().map(|name| verify(name, &dirs)).collect::<Result<_, _>>()?;
            match json {
                true => print_json(&json!(reports), out)?,
                false => reports.iter().try_for_each(|report| print_report(report, &dirs, out))?,
            }
            Ok(reports.iter().all(|r| r.ok))
        }
    }
}

fn print_json(value: &serde_json::Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    Ok(writeln!(out, "{text}")?)
}

fn print_list(dirs: &DataDirs, all: &[Listing], out: &mut dyn Write) -> io::Result<()> {
    let count = |n: Option<u64>| n.map_or("-".to_string(), |n| n.to_string());
    let mut rows = vec![["NAME", "THERE", "TRAIN", "TEST", "SIZE", "OFFICIAL", "WHERE"].map(str::to_string)];
    for l in all {
        let train = match l.unlabeled {
            Some(u) => format!("{}+{u}", count(l.train)),
            None => count(l.train),
        };
        let place = match &l.folder {
            Some(folder) => folder.display().to_string(),
            None if l.present => "inside the program".to_string(),
            None if find(l.name).is_ok_and(|d| d.manual.is_some()) => {
                "(not for download: `softhebb data fetch` says why)".into()
            }
            None => format!("({})", dirs.fetch_command(l.name)),
        };
        let yes = |b| if b { "yes" } else { "no" }.to_string();
        let size = if l.present { HumanBytes(l.bytes).to_string() } else { "-".to_string() };
        let official = match (l.present, l.official) {
            (false, _) => "-",
            (true, false) => "no",
            (true, true) if l.folder.is_some() => "by size",
            (true, true) => "yes",
        };
        rows.push([l.name.to_string(), yes(l.present), train, count(l.test), size, official.to_string(), place]);
    }
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let [name, there, train, test, size, official, place] = row;
        let [n, h, r, t, s, o, _] = widths;
        writeln!(out, "{name:n$}  {there:h$}  {train:>r$}  {test:>t$}  {size:>s$}  {official:o$}  {place}")?;
    }
    writeln!(out)?;
    writeln!(out, "data folder: {}", dirs.root().display())?;
    for l in all {
        for problem in &l.problems {
            writeln!(out, "{}: {problem}", l.name)?;
        }
    }
    Ok(())
}

fn print_report(report: &VerifyReport, dirs: &DataDirs, out: &mut dyn Write) -> io::Result<()> {
    match &report.folder {
        Some(folder) => writeln!(out, "{} in {}", report.name, folder.display())?,
        None => writeln!(out, "{} inside the program", report.name)?,
    }
    let name = |path: &std::path::Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let width = report.files.iter().map(|f| name(&f.path).chars().count()).max().unwrap_or(0);
    for file in &report.files {
        let verdict = match file.verdict {
            Verdict::Official => "ok",
            Verdict::Partial => "partial",
            Verdict::Differs => "differs",
            Verdict::Bad => "bad",
        };
        let records = file.records.map_or(String::new(), |r| format!("{r} records"));
        write!(out, "  {verdict:7}  {:width$}  {records:>14}", name(&file.path))?;
        match (&file.problem, file.verdict) {
            (Some(_), Verdict::Differs) => writeln!(
                out,
                "  MD5 {}, official {}",
                file.md5.as_deref().unwrap_or("unknown"),
                file.official_md5.unwrap_or("unknown")
            )?,
            (Some(problem), _) => writeln!(out, "  {problem}")?,
            (None, _) => writeln!(out)?,
        }
    }
    let get = format!("`{} --force` gets the official files", dirs.fetch_command(report.name));
    let partial = report.files.iter().any(|f| f.verdict == Verdict::Partial);
    match (report.ok, partial) {
        (true, false) => writeln!(out, "  all well"),
        (true, true) => writeln!(out, "  can be used as it is; {get}"),
        (false, _) => writeln!(out, "  not all well; {get}"),
    }
}

/// Fetches one after the other; one that fails does not keep the next from being fetched.
fn fetch_all(names: &[String], dirs: &DataDirs, options: &FetchOptions, out: &mut dyn Write) -> anyhow::Result<bool> {
    let downloadable = || registry::ALL.into_iter().filter(|d| !d.downloads.is_empty()).map(|d| d.name);
    let mut wanted = Vec::new();
    for name in names {
        match name.eq_ignore_ascii_case("all") {
            true => wanted.extend(downloadable()),
            false => wanted.push(find(name)?.name),
        }
    }
    let mut errors: Vec<FetchError> = Vec::new();
    for name in &wanted {
        match fetch_with_bar(name, dirs, options) {
            Ok(report) => print_fetched(&report, out)?,
            Err(e) if wanted.len() == 1 => return Err(e.into()),
            Err(e) => {
                // Standard error, so that it is seen when `out` goes elsewhere; nothing is lost if it is closed.
                let _ = writeln!(io::stderr(), "{name}: {e}");
                errors.push(e);
            }
        }
    }
    if let Some(hint) = errors.last().and_then(FetchError::hint) {
        let _ = writeln!(io::stderr(), "hint: {hint}");
    }
    Ok(errors.is_empty())
}

fn print_fetched(report: &FetchReport, out: &mut dyn Write) -> io::Result<()> {
    let name = report.name;
    match (&report.folder, report.already) {
        (None, _) => writeln!(out, "{name} is inside the program; there is nothing to fetch")?,
        (Some(folder), true) => {
            writeln!(out, "{name} is already in {} (--force fetches it anew)", folder.display())?;
        }
        (Some(folder), false) => writeln!(out, "{name} is in {}", folder.display())?,
    }
    report.notes.iter().try_for_each(|note| writeln!(out, "  {note}"))
}

/// Fetches a data set with a progress bar on standard error; where that is no terminal, with a line a file.
pub fn fetch_with_bar(name: &str, dirs: &DataDirs, options: &FetchOptions) -> Result<FetchReport, FetchError> {
    let target = if has_screen() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let plain = bar.is_hidden();
    // The template is a constant of this file; without it the bar is only less pretty.
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left")
    {
        bar.set_style(style.progress_chars("=> "));
    }
    let say = |line: &str| {
        if plain {
            let _ = writeln!(io::stderr(), "{line}");
        } else {
            bar.println(line);
        }
    };
    let mut current = String::new();
    let result = fetch(name, dirs, options, &mut |event| match event {
        FetchEvent::File { name, bytes, done } => {
            if current != name && plain {
                say(&format!("fetching {name}, {}", HumanBytes(bytes)));
            }
            current = name.to_string();
            bar.set_length(bytes);
            bar.set_position(done);
            bar.set_message(current.clone());
            // What was there before is not part of this download's speed.
            bar.reset_eta();
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        FetchEvent::Received(done) => bar.set_position(done),
        FetchEvent::Retry { cause } => say(&format!("{cause}; trying again")),
        FetchEvent::Unpacking(name) => bar.set_message(format!("{name}: checking and unpacking")),
    });
    bar.finish_and_clear();
    result
}
