//! `softhebb encode features`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::look::{LookArgs, write_table};
use crate::cli::Usage;
use crate::cli::options::{ForceArgs, written};

/// Arguments of `features`.
#[derive(Debug, Args)]
pub struct FeaturesArgs {
    /// Where to: a NumPy matrix, a row of length one an image; its file names go into a table beside it.
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "features.npy",
        alias = "output",
        help_heading = "Results"
    )]
    out: PathBuf,
    #[command(flatten)]
    force: ForceArgs,
    #[command(flatten)]
    look: LookArgs,
}

/// Computes and writes.
///
/// # Errors
/// When the run, the images or the files fail.
pub fn run(args: &FeaturesArgs) -> anyhow::Result<()> {
    let table = args.out.with_extension("csv");
    if args.out.extension().is_none_or(|end| end != "npy") {
        return Err(Usage(format!("--out is {}, but must end in .npy", args.out.display())).into());
    }
    args.force.check(&[args.out.clone(), table.clone()], "--out FILE")?;
    let mut look = args.look.open("features")?;
    let features = look.trained(&args.out).map_err(written("--out FILE writes elsewhere"))?;
    look.hub.close()?;
    let class = |i: &u32| look.source.items[*i as usize].class.and_then(|c| look.source.classes.get(c as usize));
    let rows = features.indices.iter().zip(features.names(&look.source)).enumerate();
    let rows =
        rows.map(|(row, (i, name))| vec![row.to_string(), name.to_string(), class(i).cloned().unwrap_or_default()]);
    write_table(&table, &["row", "file", "class"], rows).map_err(written("--out FILE writes elsewhere"))?;
    let mut out = io::stdout().lock();
    let (n, d) = (features.len(), features.matrix.columns());
    writeln!(out, "{}: {n} rows of {d} numbers", args.out.display())?;
    writeln!(out, "{}: their files", table.display())?;
    Ok(())
}
