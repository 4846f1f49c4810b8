//! `softhebb features`: what a block makes of images, for NumPy.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Args;
use tch::{Device, Tensor};

use super::Usage;
use super::eval::table;
use super::progress::said;
use super::run::{INTERRUPTED, stop_flag};
use super::trained::{Found, LookArgs};
use crate::study::features::{self, How, Pooling};
use crate::study::{choice, eval};

/// Write what a block makes of images, for NumPy.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct FeaturesArgs {
    #[command(flatten)]
    look: LookArgs,

    /// The outputs of this block, from 0 [default: the last that is not the classifier].
    #[arg(long, value_name = "B")]
    block: Option<usize>,

    /// What becomes of the positions of a convolution: their mean or largest value a channel, or all of them in a row.
    #[arg(long, value_enum, value_name = "HOW", default_value = "none")]
    pool: Pooling,

    /// Where to: 32-bit floats, a row an image; labels and files of the rows go beside it, into FILE-labels.csv.
    #[arg(short, long, value_name = "FILE.npy", help_heading = "Output")]
    output: PathBuf,

    /// Write over files that are there.
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// When the run, its data or the files fail.
pub fn run(args: &FeaturesArgs) -> anyhow::Result<ExitCode> {
    let stop = stop_flag()?;
    let stem = args.output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let labels_to = args.output.with_file_name(format!("{stem}-labels.csv"));
    if let Some(there) = [&args.output, &labels_to].into_iter().find(|path| path.exists() && !args.force) {
        return Err(Usage(format!("{} is there already\nhint: --force writes over it", there.display())).into());
    }
    let (look, found) = (&args.look, Found::new(&args.look.run, args.look.best)?);
    let blocks = found.plan.network.blocks.len();
    let block = args.block.unwrap_or(blocks.saturating_sub(2));
    if block >= blocks {
        let last = blocks.saturating_sub(1);
        return Err(Usage(format!("--block is {block}; {} has blocks 0 to {last}", found.plan.model)).into());
    }
    let (mut network, kept) = found.network(look.device, look.threads)?;
    let phase = eval::phase_of(&found.plan, kept.progress.as_ref()).map(|(_, phase)| phase);
    let chosen = choice::choose(&found.plan, phase, look.dataset.as_deref(), look.split, false)?;
    let data = look.load(&found.plan, &chosen, network.device(), &stop)?;
    let at = choice::rows(&data, look.split, look.limit())?;
    let (bank, of) = (&data.banks[at.bank], at.rows.len());
    let how = How { block, pool: args.pool, batch: usize::try_from(look.batch_size).unwrap_or(500) };
    let mut progress = |done| {
        said(done, of, "images");
        !stop.load(Ordering::Relaxed)
    };
    if !features::write(&mut network, bank, &at.rows, how, &args.output, &mut progress)? {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let files = bank.files(&at.rows)?;
    let names = choice::class_names(&chosen.shown, files.as_ref().map(|(classes, _)| classes.as_slice()));
    let labels = bank.labels(&Tensor::from_slice(&at.rows)).to_device(Device::Cpu);
    let labels = Vec::<i64>::try_from(labels).unwrap_or_default();
    let row = |(i, (row, label)): (usize, (&i64, &i64))| {
        let class = usize::try_from(*label).ok().and_then(|l| names.get(l)).cloned().unwrap_or_default();
        let mut cells = vec![i.to_string(), data.ids[at.bank][*row as usize].to_string(), label.to_string(), class];
        cells.extend(files.iter().map(|(_, files)| files[i].display().to_string()));
        cells
    };
    let columns = ["row", "image", "label", "class"].into_iter().chain(files.iter().map(|_| "file"));
    table(&labels_to, columns.map(String::from).collect(), at.rows.iter().zip(&labels).enumerate().map(row))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", found.title(&kept))?;
    let width = features::width(&found.plan.network, block, args.pool);
    writeln!(out, "{}: block {block}, {of} rows of {width} numbers", args.output.display())?;
    writeln!(out, "{}: image, label and class of each row", labels_to.display())?;
    Ok(ExitCode::SUCCESS)
}
