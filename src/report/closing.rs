//! The last words of a run: where things are and what to type next.

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

/// The last words of a run in this folder; `resume` is the whole command that goes on with it.
pub fn closing(dir: &RunDir, resume: &str) -> Closing {
    let pictures = dir.picture("any");
    let pictures = pictures.parent().unwrap_or(dir.root());
    let places = [
        ("log", dir.log().display().to_string()),
        ("checkpoint", dir.checkpoint().display().to_string()),
        ("metrics", dir.metrics().display().to_string()),
        ("pictures", pictures.display().to_string()),
        ("tensorboard", dir.events().display().to_string()),
    ];
    let places = places.into_iter().map(|(name, path)| format!("  {name:<12} {path}"));
    let look = format!("next, watch it:  tensorboard --logdir {}", shell(&dir.root().display().to_string()));
    Closing {
        finished: places.clone().chain([look]).collect(),
        interrupted: places.chain([format!("next, go on:  {resume}")]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_place_and_the_next_command() {
        let closing = closing(&RunDir::new("results/my run"), "softhebb run --resume all");
        let text = closing.finished.join("\n");
        for part in [
            "log          results/my run/log.txt",
            "checkpoint   results/my run/checkpoint.safetensors",
            "pictures     results/my run/pictures",
            "tensorboard  results/my run/tensorboard",
            "tensorboard --logdir 'results/my run'",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(closing.interrupted.join("\n").ends_with("next, go on:  softhebb run --resume all"));
    }
}
