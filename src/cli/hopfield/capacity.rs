//! `softhebb hopfield capacity`: error of recall against load.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::run::{FOLDER, Run, RunArgs};
use super::settings::{ModelArgs, SweepArgs, loads};
use crate::cli::Usage;
use crate::cli::options::typed_over;
use crate::cli::resume::{self, Kind};
use crate::files::RunDir;
use crate::hopfield::capacity::{Cell, ERROR_AT_CAPACITY, Plan, break_at};
use crate::hopfield::{Rule, pictures};
use crate::report::format::percent;

/// The command.
const COMMAND: &str = "softhebb hopfield capacity";

/// Arguments of `capacity`.
#[derive(Debug, Args)]
pub struct CapacityArgs {
    /// Neurons.
    #[arg(long, value_name = "N", default_value_t = 500, help_heading = "Network")]
    n: usize,
    /// Loads P/N: FIRST..LAST in steps of 0.01, FIRST..LAST:STEP, or a list.
    #[arg(long, value_name = "LOADS", default_value = "0.02..0.3", help_heading = "Data")]
    loads: String,
    /// Sets of random patterns a load.
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "Data")]
    trials: usize,
    /// Share of bits that are flipped in the start.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, allow_negative_numbers = true, help_heading = "Recall")]
    noise: f64,
    /// Rules that are compared.
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "hebbian,storkey,projection,modern",
        help_heading = "Network"
    )]
    rule: Vec<Rule>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sweep: SweepArgs,
    /// Go on with a run (all): what its metrics.csv holds is not measured again.
    // A folder in place of `all` is the older form of --run-dir.
    #[arg(long, value_name = "WHAT", help_heading = "Results")]
    resume: Option<String>,
    /// The run to go on with [default: the newest of the same plan].
    #[arg(long, value_name = "DIR", requires = "resume", help_heading = "Results")]
    run_dir: Option<PathBuf>,
    #[command(flatten)]
    run: RunArgs,
}

/// Measures, prints and draws.
///
/// # Errors
/// Whatever went wrong, with what to do.
pub fn run(args: &CapacityArgs) -> anyhow::Result<ExitCode> {
    let mut plan = plan(args)?;
    let (mut there, mut cells) = (None, Vec::new());
    if let Some(what) = &args.resume {
        let dir = match (&args.run_dir, what.as_str()) {
            (Some(dir), _) => RunDir::new(dir),
            (None, "all") => args.run.results.newest(FOLDER, &stem(&plan))?,
            (None, folder) => RunDir::new(folder),
        };
        let planned: Plan = resume::read(&dir, Kind::Capacity)?;
        let asked = typed_over(&planned, &plan, |none: &CapacityArgs| self::plan(none))?;
        resume::same_plan(&dir, &planned, &asked, COMMAND)?;
        plan = planned;
        cells = read_cells(&dir)?;
        there = Some(dir);
    }
    plan.check()?;
    if args.run.dry_run.dry_run {
        return args.run.print("hopfield capacity", &plan);
    }
    let names = plan.rules.iter().map(ToString::to_string).collect::<Vec<_>>();
    let title = format!(
        "hopfield capacity · {} neurons · {} loads · {} trials · {} · seed {}",
        plan.n,
        plan.loads.len(),
        plan.trials,
        names.join(", "),
        plan.seed
    );
    let again = |folder: &str| Some(format!("{COMMAND} --resume all --run-dir {folder}"));
    let mut run = Run::start(&args.run, &stem(&plan), title, &plan, there, again)?;
    let most = plan.loads.iter().copied().fold(0.0, f64::max);
    let over = plan.rules.iter().filter_map(|rule| Some((rule, rule.capacity(plan.n)?)));
    for (rule, capacity) in over.filter(|(_, capacity)| plan.patterns(most) as f64 > *capacity) {
        let load = capacity / plan.n as f64;
        run.note(format!("loads above {load:.3} are more than the {rule} rule is expected to store"))?;
    }
    run.table(format!(
        "  {:<12}{:>7}{:>10}{:>12}{:>8}{:>10}{:>13}{:>10}",
        "rule", "load", "patterns", "wrong bits", "±", "exact", "oscillating", "spurious"
    ))?;
    let go = run.goes_on();
    for &rule in &plan.rules {
        for &load in &plan.loads {
            if cells.iter().any(|c| c.rule == rule && c.load == load) {
                continue;
            }
            match plan.cell(rule, load, &mut || go())? {
                Some(cell) if go() => {
                    run.table(line(&cell))?;
                    run.scalar(format!("error/{rule}"), cell.patterns, cell.error)?;
                    cells.push(cell);
                    run.metrics(&cells)?;
                }
                _ => return run.end(true),
            }
        }
    }
    for &rule in &plan.rules {
        let name = format!("the {rule} rule's error");
        run.table(match break_at(&cells, rule, ERROR_AT_CAPACITY) {
            Some(load) => format!("{name} passes 1.6 % at {load:.3} N = {:.0} patterns", load * plan.n as f64),
            None => format!("{name} does not pass 1.6 % between these loads"),
        })?;
    }
    run.picture("capacity", pictures::capacity(&cells, &plan.rules, plan.n, plan.noise))?;
    run.end(false)
}

fn plan(args: &CapacityArgs) -> anyhow::Result<Plan> {
    let (updates, options) = args.sweep.options(50);
    let mut rules = args.rule.clone();
    let mut seen = Vec::new();
    rules.retain(|rule| {
        !seen.contains(rule) && {
            seen.push(*rule);
            true
        }
    });
    Ok(Plan {
        n: args.n,
        loads: loads(&args.loads).map_err(|e| Usage(format!("--loads: {e}")))?,
        rules,
        trials: args.trials,
        noise: args.noise,
        storing: args.model.storing(Rule::Hebbian),
        updates,
        options: crate::hopfield::Options { energies: false, ..options },
        seed: args.sweep.seed,
    })
}

fn stem(plan: &Plan) -> String {
    let names = plan.rules.iter().map(ToString::to_string).collect::<Vec<_>>();
    format!("capacity-n{}-{}-seed{}", plan.n, names.join("-"), plan.seed)
}

/// The cells that are measured already.
fn read_cells(dir: &RunDir) -> anyhow::Result<Vec<Cell>> {
    let path = dir.metrics();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let broken = |e: csv::Error| anyhow::anyhow!("cannot go on with {}: {e}", path.display());
    csv::Reader::from_path(&path).map_err(broken)?.deserialize().map(|row| row.map_err(broken)).collect()
}

fn line(c: &Cell) -> String {
    let [error, std, exact, oscillating, spurious] =
        [c.error, c.error_std, c.exact, c.oscillating, c.spurious].map(|x| percent(100.0 * x));
    let (rule, load, p) = (c.rule.to_string(), c.load, c.patterns);
    format!(
        "  {rule:<12}{load:>7}{p:>10}{error:>12}{:>8}{exact:>10}{oscillating:>13}{spurious:>10}",
        std.trim_end_matches(" %")
    )
}
