//! The flags that say which images.

use std::path::Path;

use clap::Args;

use crate::cli::images;
use crate::cli::options::FolderArgs;
use crate::encoder::{Source, SourceSpec};

/// Which images.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct SourceArgs {
    /// An image folder (flat, or class folders), a sprite sheet with --tile, or a data set of `run` [default: FashionMini,
    /// or the run's own source].
    #[arg(value_name = "SOURCE")]
    pub place: Option<String>,
    /// Width and height of a sprite sheet's tiles; empty ones are skipped.
    #[arg(long, value_name = "WxH", value_parser = tile)]
    pub tile: Option<[u32; 2]>,
    /// The test images of a data set, not those for training.
    #[arg(long)]
    test: bool,
    /// At most so many images, from the first [default: all].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    limit: usize,
    #[command(flatten)]
    pub folder: FolderArgs,
}

impl SourceArgs {
    /// Lists the images of a source; a data set that is missing is downloaded if it may be. `data_dir` is a run's own folder of data sets,
    /// `instead` a command that does the same with the images inside the program.
    ///
    /// # Errors
    /// When it is none, cannot be read, or has no image.
    pub fn open(&self, spec: &SourceSpec, data_dir: Option<&Path>, instead: &str) -> anyhow::Result<Source> {
        let data_dir = self.folder.data_dir.as_deref().or(data_dir);
        images::load(self.folder.download, data_dir, Some(instead), || Ok(Source::open(spec, data_dir)?))
    }

    /// What was typed; `None` if nothing was.
    pub fn typed(&self) -> Option<SourceSpec> {
        let (test, limit, tile) = (self.test, self.limit, self.tile);
        self.place.clone().map(|place| SourceSpec { place, tile, test, limit })
    }

    /// What was typed, over a source that there is already: without a place, its tiles, part and limit may be other ones.
    pub fn over(&self, run: &SourceSpec) -> SourceSpec {
        self.typed().unwrap_or_else(|| SourceSpec {
            place: run.place.clone(),
            tile: self.tile.or(run.tile),
            test: self.test || run.test,
            limit: if self.limit > 0 { self.limit } else { run.limit },
        })
    }
}

/// `96x96`.
fn tile(text: &str) -> Result<[u32; 2], String> {
    let sides = text.split_once(['x', 'X', '×']).and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
    sides
        .filter(|s: &[u32; 2]| s.iter().all(|n| (1..=65_536).contains(n)))
        .ok_or_else(|| format!("`{text}` is not a size: WIDTHxHEIGHT in pixels, as 96x96"))
}
