//! The pictures of a run as PNG files.

use super::{Event, ReportError, Subscriber};
use crate::draw::write_png;
use crate::files::RunDir;

/// Writes every picture of a run as PNG into its folder; a later one of the same tag replaces it.
#[derive(Debug)]
pub struct PictureFiles {
    dir: RunDir,
}

impl PictureFiles {
    /// Into the folder of this run.
    pub fn new(dir: &RunDir) -> PictureFiles {
        PictureFiles { dir: dir.clone() }
    }
}

impl Subscriber for PictureFiles {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::Image { tag, picture, .. } => Ok(write_png(&self.dir.picture(tag), picture)?),
            _ => Ok(()),
        }
    }
}
