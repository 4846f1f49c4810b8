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
