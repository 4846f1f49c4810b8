//! The last words of a run: where things are and what to type next.

use std::path::PathBuf;

use super::format::shell;
use crate::files::RunDir;

/// Lines that follow the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closing {
    /// When the run came to its end.
    pub finished: Vec<String>,
    /// When the user stopped it.
    pub interrupted: Vec<String>,
}

impl Closing {
    /// The last words of a run that leaves these files; `resume` is the whole command that goes on with it, if it can.
    pub fn of(dir: &RunDir, files: &[PathBuf], resume: Option<&str>) -> Closing {
        let names = files.iter().map(|path| path.strip_prefix(dir.root()).unwrap_or(path).display().to_string());
        let places = [format!("in {}:", dir.root().display()), format!("  {}", names.collect::<Vec<_>>().join("  "))];
        let next = |what: &str, command: &str| [format!("next, {what}:"), format!("  {command}")];
        let look = format!("tensorboard --logdir {}", shell(&dir.root().display().to_string()));
        Closing {
            finished: places.iter().cloned().chain(next("watch it", &look)).collect(),
            interrupted: resume
                .map(|command| places.iter().cloned().chain(next("go on", command)).collect())
                .unwrap_or_default(),
        }
    }
}

/// The last words of a run in this folder, which leaves `more` files than every run; `resume` is the whole command that goes on with it.
pub fn closing(dir: &RunDir, more: &[PathBuf], resume: &str) -> Closing {
    let pictures = dir.picture("any").parent().unwrap_or(dir.root()).to_path_buf();
    let files = [&[dir.log(), dir.checkpoint(), dir.metrics()], more, &[pictures, dir.events()]].concat();
    Closing::of(dir, &files, Some(resume))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_place_and_the_next_command() {
        let closing = closing(&RunDir::new("results/my run"), &[], "softhebb run --resume all");
        let text = closing.finished.join("\n");
        for part in [
            "in results/my run:\n  log.txt  checkpoint.safetensors  metrics.csv  pictures  tensorboard\n",
            "next, watch it:\n  tensorboard --logdir 'results/my run'",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(closing.interrupted.join("\n").ends_with("next, go on:\n  softhebb run --resume all"));
    }
}
