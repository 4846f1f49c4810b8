//! `softhebb completions SHELL`.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print a completion script.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell: bash, zsh, fish, elvish or powershell.
    shell: Shell,
}

/// Writes the script to the standard output.
///
/// # Errors
/// When it cannot be written.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    // clap_complete panics where it cannot write, so it writes into memory.
    let mut script = Vec::new();
    // Offered by the subcommands that have them, and by the program itself.
    let here = |arg: clap::Arg| arg.global(false);
    let mut command = super::Cli::command().mut_arg("quiet", here).mut_arg("verbose", here);
    clap_complete::generate(args.shell, &mut command, "softhebb", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}
