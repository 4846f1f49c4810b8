//! The `softhebb` program: parse, dispatch, print the error chain, exit code.

use std::process::ExitCode;

use softhebb::cli;

fn main() -> ExitCode {
    let cli = match cli::line::parse(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match cli::run(cli) {
        Ok(code) => code,
        Err(error) => cli::failure(&error),
    }
}

/// How long an idle thread waits in a loop before it sleeps.
///
/// libtorch computes on libgomp's threads. After each loop they spin for the next, by default long enough (some
/// milliseconds) to take the cores from the very thread that they wait for, once another process runs beside this one.
/// libgomp reads `GOMP_SPINCOUNT` when it is loaded, before `main`, and has no call for it; so the program starts itself
/// anew with it, before anything else is initialised (milliseconds; after that it would take a quarter of a second).
/// Children inherit it. Who set it, or `OMP_WAIT_POLICY`, is left alone.
#[cfg(target_os = "linux")]
mod patience {
    use std::ffi::{CStr, CString, OsStr, c_char, c_int};
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::ptr;

    /// Rounds of a loop. results/sharing.md has what other values cost beside busy processes and alone.
    const ENTRY: &CStr = c"GOMP_SPINCOUNT=2000";
    /// Names that say that somebody chose.
    const CHOSEN: [&[u8]; 2] = [b"GOMP_SPINCOUNT=", b"OMP_WAIT_POLICY="];

    type Strings = *const *const c_char;

    unsafe extern "C" {
        fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int;
    }

    /// Called by the loader before the initialisers of any library.
    #[used]
    #[unsafe(link_section = ".preinit_array")]
    static START: extern "C" fn(c_int, Strings, Strings) = start;

    extern "C" fn start(_: c_int, arguments: Strings, environment: Strings) {
        // SAFETY: the loader passes null-terminated arrays of C strings, which live as long as the process.
        let entries = unsafe { (0..).map(|i| *environment.add(i)).take_while(|entry| !entry.is_null()) };
        let mut entries: Vec<*const c_char> = entries.collect();
        // SAFETY: as above.
        let chosen = |entry: &*const c_char| unsafe { CStr::from_ptr(*entry) }.to_bytes();
        if entries.iter().map(chosen).any(|entry| CHOSEN.iter().any(|name| entry.starts_with(name))) {
            return;
        }
        // By its own name, which `ps` then shows.
        let Ok(program) = std::fs::read_link(OsStr::from_bytes(b"/proc/self/exe")) else { return };
        let Ok(program) = CString::new(program.into_os_string().into_vec()) else { return };
        entries.extend([ENTRY.as_ptr(), ptr::null()]);
        // SAFETY: three null-terminated values that outlive the call. It returns only if it failed: then the program goes on as it is.
        unsafe { execve(program.as_ptr(), arguments, entries.as_ptr()) };
    }
}
