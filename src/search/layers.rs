//! The store of trained layers: the first blocks of a network under the hash of everything that made them.
//!
//! A phase without labels depends on the configurations of the blocks up to its last one, the training images, the seed, the
//! precision, the mode, the phases before it, and the machine's kind of arithmetic (device and threads). Two trials that
//! share all of that come to the same bits, so the second may take the first one's blocks. An entry is a safetensors file
//! whose metadata hold the whole description, the place in the run where it stands, and the reports until there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tch::Tensor;

use crate::files::{FileError, RunDir};
use crate::preset::config::DatasetConfig;
use crate::report::{Event, Metrics, PhaseInfo, PhaseKind, ReportError, Subscriber};
use crate::train::checkpoint::{self, Checkpoint, Progress};
use crate::train::{RunPlan, TrainError};

/// The metadata key of an entry's [`Note`].
const KEY: &str = "softhebb-layers";

/// What stands beside an entry's tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    /// Everything that made it.
    made_of: Value,
    /// Where the run stands after it.
    progress: Progress,
    /// Its phases, and their reports.
    phases: Vec<(PhaseInfo, Vec<Metrics>)>,
}

/// Trained first blocks, as read from the store.
#[derive(Debug)]
pub struct Entry {
    /// The state of the first blocks.
    pub state: BTreeMap<String, Tensor>,
    /// Where the run stands after them.
    pub progress: Progress,
    /// Its phases, and their reports.
    pub phases: Vec<(PhaseInfo, Vec<Metrics>)>,
    /// How many blocks.
    pub blocks: usize,
}

/// How many phases from the first on learn without labels.
pub fn leading_phases(plan: &RunPlan) -> usize {
    plan.phases.iter().take_while(|p| p.is_unsupervised()).count()
}

/// How many blocks the first `phases` phases reach.
fn reach(plan: &RunPlan, phases: usize) -> usize {
    plan.phases.iter().take(phases).flat_map(|p| p.blocks.iter()).max().map_or(0, |b| b + 1)
}

/// Everything that makes the first blocks what they are after `phases` phases. `arithmetic` says on what they are computed.
pub fn made_of(plan: &RunPlan, phases: usize, arithmetic: &str) -> Value {
    let blocks = plan.network.blocks.get(..reach(plan, phases)).unwrap_or_default();
    json!({
        "format": 1,
        "blocks": blocks,
        "data": plan.dataset_unsup,
        // Which images the classifier trains on decides which are whitened, and passed through frozen blocks, together.
        "beside": beside(&plan.dataset_sup),
        "phases": plan.phases.get(..phases).unwrap_or_default(),
        "mode": plan.mode,
        "seed": plan.seed,
        "precision": plan.precision,
        "arithmetic": arithmetic,
    })
}

/// Which images a configuration reads, without what its phases do with them.
fn beside(data: &DatasetConfig) -> Value {
    let mut all = serde_json::to_value(data).unwrap_or_default(); // plain data: cannot fail
    if let Some(keys) = all.as_object_mut() {
        for key in ["config", "nb_epoch", "batch_size", "print_freq", "testing_sample"] {
            keys.remove(key);
        }
    }
    all
}

/// The hash of a description.
pub fn hash(made_of: &Value) -> String {
    Sha256::digest(made_of.to_string().as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// The store.
#[derive(Debug, Clone)]
pub struct LayerStore {
    root: PathBuf,
    arithmetic: String,
}

impl LayerStore {
    /// The store in this folder, for blocks computed like this.
    pub fn new(root: impl Into<PathBuf>, arithmetic: String) -> LayerStore {
        LayerStore { root: root.into(), arithmetic }
    }

    fn path(&self, made_of: &Value) -> PathBuf {
        let hash = hash(made_of);
        self.root.join(&hash[..2]).join(format!("{hash}.safetensors"))
    }

    /// The longest run of first blocks that the store has for a plan. An entry that does not read is as good as none.
    pub fn longest(&self, plan: &RunPlan) -> Option<Entry> {
        (1..=leading_phases(plan)).rev().find_map(|phases| self.read(plan, phases))
    }

    fn read(&self, plan: &RunPlan, phases: usize) -> Option<Entry> {
        let made_of = made_of(plan, phases, &self.arithmetic);
        let (state, metadata) = checkpoint::read(&self.path(&made_of)).ok()?;
        let note: Note = serde_json::from_str(metadata.get(KEY)?).ok()?;
        let fits = note.made_of == made_of && note.progress.phase == phases;
        let blocks = reach(plan, phases);
        fits.then_some(Entry { state, progress: note.progress, phases: note.phases, blocks })
    }

    /// Claims what comes after `have` phases for this process, so that no two train the same blocks at once. `None` while
    /// another process has it; the claim goes with the file.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn claim(&self, plan: &RunPlan, have: usize) -> Result<Option<File>, FileError> {
        let path = self.path(&made_of(plan, have + 1, &self.arithmetic)).with_extension("lock");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(FileError::write(folder))?;
        }
        let file = File::create(&path).map_err(FileError::write(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(FileError::write(&path)(e)),
        }
    }

    /// Puts the first blocks of a run's checkpoint into the store, if that stands at the end of phase `index`.
    fn publish(
        &self,
        plan: &RunPlan,
        dir: &RunDir,
        index: usize,
        phases: &[(PhaseInfo, Vec<Metrics>)],
    ) -> Result<(), TrainError> {
        let Checkpoint { state, progress, .. } = checkpoint::load(dir)?;
        let Some(progress) = progress.filter(|p| p.phase == index + 1 && p.epoch == 0 && p.step == 0) else {
            return Ok(());
        };
        let made_of = made_of(plan, index + 1, &self.arithmetic);
        let path = self.path(&made_of);
        if path.exists() {
            return Ok(());
        }
        let count = reach(plan, index + 1);
        let mine = |name: &str| {
            let block = name.strip_prefix("blocks.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
            block.is_some_and(|block| block < count)
        };
        let state = state.into_iter().filter(|(name, _)| mine(name)).collect();
        let rates = progress.rates.iter().filter(|(block, _)| **block < count).map(|(b, r)| (*b, *r)).collect();
        let note = Note { made_of, progress: Progress { rates, ..progress }, phases: phases.to_vec() };
        let text = serde_json::to_string(&note).unwrap_or_default(); // plain data: cannot fail
        checkpoint::write(&path, &state, Some((KEY, text)))?;
        // Nobody needs to wait for what is there.
        let _ = fs::remove_file(path.with_extension("lock"));
        Ok(())
    }
}

/// Puts the blocks of a run into the store at the end of each of its first phases.
pub struct Publisher {
    store: LayerStore,
    plan: RunPlan,
    dir: RunDir,
    /// Phases from the first on that others share.
    shared: usize,
    phases: Vec<(PhaseInfo, Vec<Metrics>)>,
    /// The claim on the blocks that are trained now; let go when they are in the store.
    claim: Option<File>,
    /// Whether the reports since the run's beginning were heard.
    complete: bool,
}

impl Publisher {
    /// Publishes the first `shared` phases of this run.
    pub fn new(store: LayerStore, plan: &RunPlan, shared: usize, claim: Option<File>) -> Publisher {
        let dir = RunDir::new(&plan.folder);
        Publisher { store, plan: plan.clone(), dir, shared, phases: Vec::new(), claim, complete: true }
    }
}

impl Subscriber for Publisher {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            // A run that goes on does not tell again what it reported before.
            Event::RunStarted { resumed_at, .. } => self.complete = *resumed_at == 0,
            Event::PhaseStarted(phase) if phase.kind != PhaseKind::Features => {
                if phase.index == 0 {
                    self.complete = true;
                }
                self.phases.push((phase.clone(), Vec::new()));
            }
            Event::Report(metrics) => {
                if let Some((_, reports)) = self.phases.last_mut() {
                    reports.push((**metrics).clone());
                }
            }
            Event::PhaseFinished { index, .. } if *index < self.shared && self.complete => {
                let ended = self.phases.last().is_some_and(|(phase, _)| phase.index == *index);
                if ended && self.phases.len() == index + 1 {
                    // A full disk under the store is no reason to lose the run.
                    let _ = self.store.publish(&self.plan, &self.dir, *index, &self.phases);
                    self.claim = None;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether the entry's folder may be used at all: `false` where it cannot be made.
pub fn is_usable(root: &Path) -> bool {
    fs::create_dir_all(root).is_ok()
}

/// For each plan, how many of its first phases another plan has too.
pub fn shared_phases(plans: &[RunPlan]) -> Vec<usize> {
    let hashes: Vec<Vec<String>> = plans
        .iter()
        .map(|plan| (1..=leading_phases(plan)).map(|phases| hash(&made_of(plan, phases, ""))).collect())
        .collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for hash in hashes.iter().flatten() {
        *count.entry(hash).or_default() += 1;
    }
    let shared = |hash: &&String| count.get(hash.as_str()).is_some_and(|n| *n > 1);
    hashes.iter().map(|own| own.iter().take_while(shared).count()).collect()
}
