//! The machine: CPU or CUDA, threads, seeded random numbers, and the edge where libtorch's failures become errors.

use std::panic::{self, AssertUnwindSafe};
use std::str::FromStr;
use std::sync::Once;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::Device;

/// Which device a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum DeviceChoice {
    /// The first CUDA device if there is one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// This CUDA device.
    Cuda(usize),
}

/// How the products of matrices are computed. Weights, norms and sums of updates are always in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    #[default]
    Float32,
    /// Operands rounded to bfloat16, sums in single precision (fast on CPUs with AVX512-BF16 or AMX, and on GPUs).
    Bf16,
    /// Operands rounded to TensorFloat-32 (NVIDIA GPUs from Ampere on).
    Tf32,
}

/// A device that cannot be had, or a failure inside libtorch.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The name means nothing.
    #[error("unknown device `{0}`: expected auto, cpu, cuda or cuda:N")]
    Unknown(String),
    /// There is no such device.
    #[error("device {wanted} cannot be used: {cause}\nhint: --device cpu runs anywhere")]
    Missing {
        /// What was asked for.
        wanted: String,
        /// Why not.
        cause: String,
    },
    /// The device has no such precision.
    #[error(
        "precision tf32 is for NVIDIA GPUs, and device {on} is none\nhint: --precision bf16 is there for CPUs, float32 for every device"
    )]
    Precision {
        /// The device.
        on: String,
    },
    /// libtorch failed.
    #[error("{doing}: libtorch: {cause}")]
    Torch {
        /// What was being done.
        doing: String,
        /// The first line of its message.
        cause: String,
    },
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let unknown = || DeviceError::Unknown(s.to_string());
        match s.to_ascii_lowercase().as_str() {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" | "gpu" => Ok(DeviceChoice::Cuda(0)),
            other => {
                let n = other.strip_prefix("cuda:").ok_or_else(unknown)?;
                n.parse().map(DeviceChoice::Cuda).map_err(|_| unknown())
            }
        }
    }
}

impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DeviceChoice::Auto => write!(f, "auto"),
            DeviceChoice::Cpu => write!(f, "cpu"),
            DeviceChoice::Cuda(n) => write!(f, "cuda:{n}"),
        }
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> String {
        choice.to_string()
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = DeviceError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl DeviceChoice {
    /// The device itself. Loads libtorch's CUDA part if that is what it takes. Call it before the first tensor and
    /// before any thread is started.
    ///
    /// # Errors
    /// When a CUDA device was asked for and cannot be used, or has no such precision.
    pub fn resolve(self, precision: Precision) -> Result<Device, DeviceError> {
        set_tf32(precision == Precision::Tf32);
        let device = self.find()?;
        if precision == Precision::Tf32 && !device.is_cuda() {
            let on = if self == DeviceChoice::Auto { "auto (cpu here)".to_string() } else { self.to_string() };
            return Err(DeviceError::Precision { on });
        }
        Ok(device)
    }

    fn find(self) -> Result<Device, DeviceError> {
        match self {
            DeviceChoice::Cpu => Ok(Device::Cpu),
            DeviceChoice::Auto => match load_cuda() {
                Ok(n) if n > 0 => Ok(Device::Cuda(0)),
                _ => Ok(Device::Cpu),
            },
            DeviceChoice::Cuda(i) => {
                let missing = |cause| DeviceError::Missing { wanted: self.to_string(), cause };
                let n = load_cuda().map_err(missing)?;
                if i < n { Ok(Device::Cuda(i)) } else { Err(missing(format!("libtorch sees {n} CUDA devices"))) }
            }
        }
    }
}

/// Loads libtorch_cuda and counts the CUDA devices.
///
/// tch links libtorch_cpu alone into a program; the CUDA part registers itself when it is loaded with global
/// visibility, which must happen before the first use of a CUDA device (tch-rs issue 988). Loading it takes seconds and
/// a gigabyte of address space, so nothing is loaded on a machine without NVIDIA's driver.
///
/// # Errors
/// Says what is missing.
pub fn load_cuda() -> Result<usize, String> {
    static LOADED: std::sync::OnceLock<Result<(), String>> = std::sync::OnceLock::new();
    LOADED.get_or_init(open_cuda).clone()?;
    Ok(usize::try_from(tch::Cuda::device_count()).unwrap_or(0))
}

#[cfg(target_os = "linux")]
fn open_cuda() -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: both libraries only register themselves when loaded, and stay loaded to the end of the process.
    let open = |name: &str| unsafe { Library::open(Some(name), RTLD_NOW | RTLD_GLOBAL) };
    let driver = open("libcuda.so.1").map_err(|_| "no NVIDIA driver (libcuda.so.1 is not installed)".to_string())?;
    std::mem::forget(driver);
    let beside = format!("{}/libtorch_cuda.so", env!("SOFTHEBB_LIBTORCH_LIB"));
    let cuda = open("libtorch_cuda.so").or_else(|_| open(&beside)).map_err(|e| {
        format!("libtorch's CUDA part cannot be loaded: {e} (SOFTHEBB_CUDA=1 make setup installs what it needs)")
    })?;
    std::mem::forget(cuda);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn open_cuda() -> Result<(), String> {
    Ok(())
}

/// Says whether NVIDIA's libraries may round single precision to TensorFloat-32. libtorch's own default allows it for
/// convolutions; ours does not, because float32 is to mean float32. tch has no call for it, so the libraries' own
/// environment variables are set, which they read when they are loaded.
fn set_tf32(allowed: bool) {
    // SAFETY: called before any thread is started (see `resolve`), so nobody reads the environment meanwhile.
    unsafe {
        if allowed {
            std::env::set_var("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1");
        } else {
            std::env::set_var("NVIDIA_TF32_OVERRIDE", "0");
        }
    }
}

/// Names of the first `n` CUDA devices, as NVIDIA's driver gives them.
pub fn names(n: usize) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir("/proc/driver/nvidia/gpus")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|gpu| std::fs::read_to_string(gpu.path().join("information")).ok())
        .filter_map(|text| text.lines().find_map(|l| Some(l.strip_prefix("Model:")?.trim().to_string())))
        .collect();
    names.resize_with(n, || "unnamed".to_string());
    names
}

/// Sets how many threads libtorch and our own loops use; 0 means the cores that this process may use ([`cores`]). Call once,
/// at the start.
pub fn set_threads(threads: usize) {
    let threads = if threads > 0 { threads } else { cores() };
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    // A second call finds the pool built; the first one's choice stands.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
}

/// Cores that this process may use: those of its affinity mask, and no more than its control group's quota.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Threads that libtorch uses.
pub fn threads() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1)
}

/// Memory that the machine can give without swapping, bytes.
pub fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The most memory that this process has held so far, bytes; files that it maps count as far as they were read.
pub fn peak_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// A part of a random stream's name.
#[derive(Debug, Clone, Copy)]
pub enum Stream<'a> {
    /// A word.
    Word(&'a str),
    /// A number.
    Number(u64),
}

impl<'a> From<&'a str> for Stream<'a> {
    fn from(word: &'a str) -> Self {
        Stream::Word(word)
    }
}

impl From<u64> for Stream<'_> {
    fn from(n: u64) -> Self {
        Stream::Number(n)
    }
}

/// The seed of a named random stream: streams of one run are independent, and none has a state to save.
pub fn stream(seed: u64, name: &[Stream]) -> u64 {
    // FNV-1a: stable for ever, unlike std's hasher.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |bytes: &[u8]| {
        for b in bytes {
            hash = (hash ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3);
        }
    };
    eat(&seed.to_le_bytes());
    for part in name {
        match part {
            Stream::Word(w) => eat(w.as_bytes()),
            Stream::Number(n) => eat(&n.to_le_bytes()),
        }
        eat(&[0xff]);
    }
    hash
}

/// The generator of a named random stream.
pub fn rng(seed: u64, name: &[Stream]) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(stream(seed, name))
}

/// Runs tensor code and turns a failure inside libtorch (memory, device) into an error of one line.
///
/// tch's plain methods panic with libtorch's message where its `f_` methods return it; shapes are checked long before,
/// so one net at the edge of a step keeps the mathematics readable.
///
/// # Errors
/// When libtorch failed.
pub fn guard<T>(doing: &str, run: impl FnOnce() -> T) -> Result<T, DeviceError> {
    quiet_panics();
    GUARDED.with(|g| g.set(g.get() + 1));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    GUARDED.with(|g| g.set(g.get() - 1));
    result.map_err(|payload| {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("unknown failure");
        DeviceError::Torch { doing: doing.to_string(), cause: first_line(text) }
    })
}

thread_local! {
    /// How many guards this thread is inside of.
    static GUARDED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// Inside a guard the message is returned, so nothing is printed at the place of the panic.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDED.with(std::cell::Cell::get) == 0 {
                usual(info);
            }
        }));
    });
}

/// libtorch's own sentence out of a message that goes on with a C++ back-trace.
fn first_line(text: &str) -> String {
    let text = text.split("Torch(\"").nth(1).unwrap_or(text);
    let end = ["\\nException raised", "\nException raised", "\\n", "\n"].iter().filter_map(|m| text.find(m)).min();
    text[..end.unwrap_or(text.len())].trim_end_matches("\")").trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn libtorch_failures_become_one_line() {
        let a = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        let error = guard("multiplying", || a.matmul(&a)).expect_err("shapes do not fit").to_string();
        assert!(error.starts_with("multiplying: libtorch: mat1 and mat2"), "{error}");
        assert!(!error.contains('\n') && !error.contains("frame #"), "{error}");
    }

    #[test]
    fn devices_read_back_as_they_print() {
        for text in ["auto", "cpu", "cuda:0", "cuda:3"] {
            assert_eq!(text.parse::<DeviceChoice>().map(|d| d.to_string()).ok().as_deref(), Some(text));
        }
        assert!("tpu".parse::<DeviceChoice>().is_err());
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
    }

    #[test]
    fn streams_differ_by_every_part() {
        let all = [
            stream(0, &["order".into(), 1.into()]),
            stream(1, &["order".into(), 1.into()]),
            stream(0, &["order".into(), 2.into()]),
            stream(0, &["other".into(), 1.into()]),
        ];
        assert!((0..4).all(|i| (0..i).all(|j| all[i] != all[j])));
    }
}
