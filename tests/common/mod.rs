//! What the tests of the program share: a folder of their own to start it in, and readers of what it leaves.

#![allow(dead_code)] // each test file uses a part of it

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use softhebb::files::RunDir;
use tempfile::TempDir;

/// So few images and epochs that a run takes a second.
pub const SMALL: &str = "--device cpu --threads 1 --set dataset_unsup.training_sample=300 \
                         --set dataset_sup.training_sample=300 --set dataset_sup.testing_sample=200 \
                         --set dataset_sup.nb_epoch=3";

// ---- starting the program -----------------------------------------------------------------------------------------------

/// The words of a command line: apart at blanks, but not inside '…'.
pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// An empty folder to start the program in, with a home and a data folder that are empty too.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        ["home", "data"].iter().for_each(|name| fs::create_dir(place.path(name)).unwrap());
        place
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `softhebb LINE`, ready to be started. Nobody answers its questions.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_softhebb"));
        command
            .args(words(line))
            .current_dir(self.0.path())
            .env("HOME", self.path("home"))
            .env("SOFTHEBB_DATA", self.path("data"))
            .env("RUST_BACKTRACE", "1") // no back-trace may show even then
            .env_remove("SOFTHEBB_MIRROR")
            .stdin(Stdio::null());
        command
    }

    /// Runs `softhebb LINE` to its end.
    pub fn softhebb(&self, line: &str) -> Done {
        let out = self.command(line).output().unwrap();
        Done::new(line, out.status.code(), &out.stdout, &out.stderr)
    }

    /// `softhebb run LINE`, which must succeed and say where its folder is.
    pub fn run(&self, line: &str) -> Run {
        let done = self.softhebb(&format!("run {line}")).succeeds();
        let folder = done.folder().unwrap_or_else(|| panic!("no folder is named: {done:#?}"));
        Run { dir: RunDir::new(self.0.path().join(folder)), done }
    }

    /// Starts `softhebb run LINE`.
    pub fn start(&self, line: &str) -> Running {
        let line = format!("run {line}");
        let mut child = self.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let progress = BufReader::new(child.stderr.take().unwrap());
        Running { line, child, progress, heard: String::new() }
    }
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Done {
    pub line: String,
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    fn new(line: &str, code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Done {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program prints UTF-8");
        Done { line: line.to_string(), code, stdout: text(stdout), stderr: text(stderr) }
    }

    /// Asserts exit code 0.
    pub fn succeeds(self) -> Done {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// Asserts that it ended with this code and one message that holds all these parts, for people: no panic, no back-trace,
    /// no cause said twice.
    pub fn fails(self, code: i32, parts: &[&str]) -> Done {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in\n{}\nof {}", self.stderr, self.line);
        }
        for never in ["panicked", "backtrace", "frame #", "src/", "Exception raised", "c10::"] {
            assert!(!self.stderr.contains(never), "{never:?} is in\n{}\nof {}", self.stderr, self.line);
        }
        for once in ["error: ", "(os error "] {
            assert!(self.stderr.matches(once).count() <= 1, "{once:?} is said twice in\n{}", self.stderr);
        }
        self
    }

    /// The run's folder, as the last words give it.
    pub fn folder(&self) -> Option<PathBuf> {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix("in ")?.strip_suffix(':'))?;
        Some(PathBuf::from(line))
    }

    /// The accuracy of `test accuracy 80.31 %`.
    pub fn accuracy(&self) -> f64 {
        let text = self.stdout.split("test accuracy ").nth(1).and_then(|rest| rest.split(' ').next());
        text.and_then(|x| x.parse().ok()).unwrap_or_else(|| panic!("no accuracy is printed: {self:#?}"))
    }
}

/// A run that is under way; killed at the latest when this is dropped.
pub struct Running {
    line: String,
    child: Child,
    progress: BufReader<ChildStderr>,
    heard: String,
}

impl Running {
    /// Waits for a line of progress that holds this text.
    pub fn until(&mut self, text: &str) {
        loop {
            let before = self.heard.len();
            let read = self.progress.read_line(&mut self.heard).unwrap();
            assert!(read > 0, "{} ended without saying {text:?}:\n{}", self.line, self.heard);
            if self.heard[before..].contains(text) {
                return;
            }
        }
    }

    /// kill -9.
    pub fn kill(mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "{} had ended before it was killed", self.line);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal after lines of progress that hold these texts, one after another; then waits for the end.
    pub fn signal_after(mut self, name: &str, moments: &[&str]) -> Done {
        // The shell is there before the moment comes, and waits for the end of its input.
        let kill = format!("read -r line; kill -{name} {}", self.child.id());
        let mut shell = Command::new("sh").args(["-c", &kill]).stdin(Stdio::piped()).spawn().unwrap();
        moments.iter().for_each(|text| self.until(text));
        drop(shell.stdin.take());
        assert!(shell.wait().unwrap().success(), "{kill}");
        self.wait()
    }

    /// Ctrl-C after these moments, then waits for the end.
    pub fn interrupt_after(self, moments: &[&str]) -> Done {
        self.signal_after("INT", moments)
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Done {
        let mut stdout = Vec::new();
        self.progress.read_to_string(&mut self.heard).unwrap();
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        Done::new(&self.line, code, &stdout, self.heard.as_bytes())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// ---- what a run leaves --------------------------------------------------------------------------------------------------

/// A run that is over.
pub struct Run {
    pub done: Done,
    pub dir: RunDir,
}

impl Run {
    /// Bytes of the checkpoint.
    pub fn checkpoint(&self) -> Vec<u8> {
        fs::read(self.dir.checkpoint()).unwrap()
    }

    /// The network's state.
    pub fn state(&self) -> Tensors {
        Tensors::read(&self.dir.checkpoint())
    }

    /// The metrics.
    pub fn table(&self) -> Table {
        Table::read(&self.dir.metrics())
    }

    /// The plan.
    pub fn config(&self) -> Value {
        json(&fs::read_to_string(self.dir.config()).unwrap())
    }
}

/// Reads JSON.
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in\n{text}"))
}

/// A table as text.
#[derive(Debug, PartialEq)]
pub struct Table {
    pub names: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a CSV file; all rows must be as wide as the header.
    pub fn read(path: &Path) -> Table {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_string).collect::<Vec<_>>();
        let names = cells(reader.headers().unwrap());
        let rows = reader.records().map(|record| cells(&record.unwrap())).collect();
        Table { names, rows }
    }

    /// A column.
    pub fn of(&self, name: &str) -> Vec<&str> {
        let i = self.names.iter().position(|n| n == name).unwrap_or_else(|| panic!("no column {name}"));
        self.rows.iter().map(|row| row[i].as_str()).collect()
    }

    /// A column of numbers; an empty cell is `None`.
    pub fn numbers(&self, name: &str) -> Vec<Option<f64>> {
        let number = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        self.of(name).into_iter().map(number).collect()
    }

    /// The cells in which another table differs.
    pub fn differences(&self, other: &Table) -> Vec<String> {
        if (&self.names, self.rows.len()) != (&other.names, other.rows.len()) {
            let size = |t: &Table| format!("{} rows of {:?}", t.rows.len(), t.names);
            return vec![size(self), size(other)];
        }
        let cells = |t: &Table| t.rows.concat();
        let names = self.names.iter().cycle();
        let pairs = cells(self).into_iter().zip(cells(other)).zip(names).enumerate();
        let differing = pairs.filter(|(_, ((a, b), _))| a != b);
        differing.map(|(i, ((a, b), name))| format!("row {}, {name}: {a}, {b}", i / self.names.len())).collect()
    }

    /// The table without what a clock says.
    pub fn timeless(mut self) -> Table {
        for clock in ["seconds", "images_per_second"] {
            if let Some(i) = self.names.iter().position(|n| n == clock) {
                self.names.remove(i);
                self.rows.iter_mut().for_each(|row| drop(row.remove(i)));
            }
        }
        self
    }
}

/// Type, shape and bytes of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: Vec<u8>,
}

impl Tensor {
    /// 32-bit floats.
    pub fn values(&self) -> Vec<f32> {
        assert_eq!(self.dtype, Dtype::F32);
        self.data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    fn view(&self) -> TensorView<'_> {
        TensorView::new(self.dtype, self.shape.clone(), &self.data).unwrap()
    }

    /// Adds to one number.
    pub fn add(&mut self, i: usize, x: f32) {
        let value = self.values()[i] + x;
        self.data[4 * i..4 * i + 4].copy_from_slice(&value.to_le_bytes());
    }
}

/// A safetensors file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tensors {
    pub tensors: BTreeMap<String, Tensor>,
    pub metadata: HashMap<String, String>,
}

impl Tensors {
    pub fn read(path: &Path) -> Tensors {
        let bytes = fs::read(path).unwrap();
        Tensors::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub fn parse(bytes: &[u8]) -> Result<Tensors, safetensors::SafeTensorError> {
        let owned =
            |view: TensorView| Tensor { dtype: view.dtype(), shape: view.shape().to_vec(), data: view.data().to_vec() };
        let tensors = SafeTensors::deserialize(bytes)?.tensors();
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        Ok(Tensors {
            tensors: tensors.into_iter().map(|(name, view)| (name, owned(view))).collect(),
            metadata: header.metadata().clone().unwrap_or_default(),
        })
    }

    pub fn write(&self, path: &Path) {
        let view = |(name, t)| (name, Tensor::view(t));
        let views: Vec<(&String, TensorView)> = self.tensors.iter().map(view).collect();
        let metadata = (!self.metadata.is_empty()).then(|| self.metadata.clone());
        fs::write(path, safetensors::serialize(views, metadata).unwrap()).unwrap();
    }

    /// A tensor by its name.
    pub fn get(&mut self, name: &str) -> &mut Tensor {
        self.tensors.get_mut(name).unwrap_or_else(|| panic!("no tensor {name}"))
    }

    /// Names and shapes.
    pub fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        self.tensors.iter().map(|(name, t)| (name.clone(), t.shape.clone())).collect()
    }

    /// The tensors of a block.
    pub fn block(&self, n: usize) -> BTreeMap<String, Tensor> {
        let prefix = format!("blocks.{n}.");
        let of_block = self.tensors.iter().filter(|(name, _)| name.starts_with(&prefix));
        of_block.map(|(name, t)| (name.clone(), t.clone())).collect()
    }

    /// How far the run came, as the checkpoint says.
    pub fn progress(&self) -> Value {
        json(&self.metadata["softhebb"])
    }
}

/// Asserts that two checkpoints are the same file, byte for byte; says where they differ.
pub fn assert_same_checkpoint(a: &[u8], b: &[u8], what: &str) {
    let (x, y) = (Tensors::parse(a).unwrap(), Tensors::parse(b).unwrap());
    let differing: Vec<_> =
        x.tensors.iter().filter(|(name, t)| y.tensors.get(*name) != Some(t)).map(|(n, _)| n).collect();
    assert!(differing.is_empty() && x.tensors.len() == y.tensors.len(), "{what}: other tensors: {differing:?}");
    assert_eq!(x.metadata, y.metadata, "{what}: same tensors, other metadata");
    assert!(a == b, "{what}: same tensors and metadata, other bytes");
}

// ---- what is beside the program ---------------------------------------------------------------------------------------

/// The folder of recordings and data beside the checkout, or where `SOFTHEBB_SHARED` says; `None`, with a printed line, if
/// there is none; with `SOFTHEBB_REQUIRE_SHARED=1` that is a failure.
pub fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("SOFTHEBB_SHARED").map_or_else(beside, PathBuf::from);
    let found = folder.canonicalize().ok().filter(|f| f.is_dir());
    if found.is_none() {
        let required = std::env::var("SOFTHEBB_REQUIRE_SHARED").is_ok_and(|value| value == "1");
        assert!(!required, "there is no {}: SOFTHEBB_SHARED=DIR names the folder of recordings", folder.display());
        println!("skipped: there is no {} (SOFTHEBB_SHARED=DIR names another folder)", folder.display());
    }
    found
}

/// A python with scripts/requirements.txt installed: `SOFTHEBB_PYTHON`, else the one that `make` sets up. `None`, with a
/// printed line, if there is none; with `SOFTHEBB_REQUIRE_PYTHON=1` that is a failure.
pub fn python() -> Option<PathBuf> {
    let own = std::env::var_os("SOFTHEBB_PYTHON").map(PathBuf::from);
    let cache = || {
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/softhebb"));
        std::env::var_os("SOFTHEBB_CACHE").map(PathBuf::from).or(home).map(|cache| cache.join("venv/bin/python"))
    };
    let found = own.or_else(cache).filter(|python| {
        Command::new(python)
            .args(["-c", "import tensorboard, PIL, pandas"])
            .output()
            .is_ok_and(|out| out.status.success())
    });
    if found.is_none() {
        let required = std::env::var("SOFTHEBB_REQUIRE_PYTHON").is_ok_and(|value| value == "1");
        assert!(!required, "no python with tensorboard and pandas: `make python` makes one, or set SOFTHEBB_PYTHON");
        println!("skipped: no python with tensorboard and pandas (`make python` makes one, or set SOFTHEBB_PYTHON)");
    }
    found
}

/// What tensorboard itself finds in the events of a run.
pub fn read_events(dir: &RunDir) -> Option<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_events.py");
    let out = Command::new(python()?).arg(script).arg(dir.events()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(serde_json::from_slice(&out.stdout).unwrap())
}

/// Whether the program sees a CUDA device.
pub fn has_cuda(place: &Place) -> bool {
    !place.softhebb("--version").succeeds().stdout.contains("cuda     none")
}
