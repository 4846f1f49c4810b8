//! Writes libtorch's folder into the binary (rpath), so that it runs without LD_LIBRARY_PATH.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=SOFTHEBB_COMMIT={}", commit().unwrap_or_else(|| "unknown".to_string()));
    // Set by torch-sys: the folder it linked against, whichever way it was found.
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    // Past the checkout's link, so that the binary can be moved.
    let lib = std::fs::canonicalize(&lib).unwrap_or_else(|_| lib.into());
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    println!("cargo:rustc-env=SOFTHEBB_LIBTORCH_LIB={}", lib.display());
    println!("cargo:rustc-env=SOFTHEBB_LIBTORCH_VERSION={}", version(&lib).unwrap_or_else(|| "2.11".to_string()));
}

/// libtorch's own word for its version: a file of the stand-alone archive, or of PyTorch.
fn version(lib: &std::path::Path) -> Option<String> {
    let home = lib.parent()?;
    if let Ok(text) = std::fs::read_to_string(home.join("build-version")) {
        return Some(text.trim().to_string());
    }
    let text = std::fs::read_to_string(home.join("version.py")).ok()?;
    let line = text.lines().find(|l| l.starts_with("__version__"))?;
    Some(line.split('\'').nth(1)?.to_string())
}

/// The commit that is built, with a `+` if files differ from it; a run writes it down beside its results.
fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let out = std::process::Command::new("git").args(args).output().ok().filter(|o| o.status.success())?;
        Some(String::from_utf8_lossy(&out.stdout).trim().to_string())
    };
    // Changes with every commit and checkout; absent where this is no git clone. Git knows where it is, also in a worktree.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| std::path::Path::new(log).exists()) {
        println!("cargo:rerun-if-changed={log}");
    }
    let hash = git(&["rev-parse", "--short=10", "HEAD"])?;
    let dirty = !git(&["status", "--porcelain", "--", "src", "Cargo.lock", "preset.json"])?.is_empty();
    Some(if dirty { format!("{hash}+") } else { hash })
}
