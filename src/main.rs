//! The `softhebb` program: parse, dispatch, print the error chain, exit code.

use std::process::ExitCode;

use clap::Parser;
use softhebb::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(cli) {
        Ok(code) => code,
        Err(error) => cli::failure(&error),
    }
}
