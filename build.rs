//! Writes libtorch's folder into the binary (rpath), so that it runs without LD_LIBRARY_PATH.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
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
