//! `softhebb --version`.

use std::io::{self, Write};

use crate::device;

/// Prints the program's version, libtorch's, and the devices that it sees.
///
/// # Errors
/// When the standard output cannot be written.
pub fn run() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "softhebb {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "libtorch {} ({})", env!("SOFTHEBB_LIBTORCH_VERSION"), env!("SOFTHEBB_LIBTORCH_LIB"))?;
    writeln!(out, "cpu      {} threads", device::threads())?;
    match device::load_cuda() {
        Ok(0) => writeln!(out, "cuda     none: libtorch sees no device")?,
        Ok(n) => {
            writeln!(out, "cuda     {n} device{}: {}", if n == 1 { "" } else { "s" }, device::names(n).join(", "))?
        }
        Err(cause) => writeln!(out, "cuda     none: {cause}")?,
    }
    Ok(())
}
