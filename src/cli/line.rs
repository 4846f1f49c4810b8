//! The words of a command line to arguments; clap's messages where they leave a person with a riddle.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _, Parser};

use super::{Cli, number, trial};

/// Options that may stand anywhere, before the subcommand too: their names and letters.
const ANYWHERE: [(&str, char); 2] = [("quiet", 'q'), ("verbose", 'v')];

/// Reads a command line, the program's name first.
///
/// # Errors
/// As clap's: wrong use, or help that was asked for.
pub fn parse(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    // Started by a search, not by people: no word of any help, completion or suggestion.
    if words.get(1).is_some_and(|word| word == "trial") {
        return trial::TrialArgs::try_parse_from(&words[1..]).map(Cli::of_trial);
    }
    let mut command = command();
    let matches = command.try_get_matches_from_mut(words).map_err(clearer)?;
    check_anywhere(&matches, &mut command)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The command line as it is parsed. A minus before digits is a number, so that `--seed -1` is told what a seed is, and
/// the options that may stand anywhere show in the help of those subcommands only that have them.
fn command() -> Command {
    fn negative(command: Command) -> Command {
        let number = |arg: Arg| {
            let is_option = arg.get_action().takes_values() && !arg.is_positional();
            if is_option { arg.allow_negative_numbers(true) } else { arg }
        };
        command.mut_args(number).mut_subcommands(negative)
    }
    fn quiet(mut command: Command) -> Command {
        for (name, letter) in ANYWHERE {
            if !command.get_arguments().any(|arg| arg.get_id() == name) {
                command = command.arg(Arg::new(name).long(name).short(letter).action(ArgAction::SetTrue).hide(true));
            }
        }
        command.mut_subcommands(quiet)
    }
    negative(Cli::command()).mut_subcommands(quiet)
}

/// Refuses `-q` and `-v` where they would change nothing.
fn check_anywhere(matches: &ArgMatches, command: &mut Command) -> Result<(), clap::Error> {
    let (mut path, mut at, mut under) = (vec!["softhebb"], Cli::command(), matches);
    while let Some((name, below)) = under.subcommand() {
        path.push(name);
        at = at.find_subcommand(name).cloned().unwrap_or_default();
        under = below;
    }
    let typed = ANYWHERE.map(|(name, _)| name).into_iter().filter(|name| under.get_flag(name)).collect::<Vec<_>>();
    let has = |name: &str| at.get_arguments().any(|arg| arg.get_id() == name);
    let message = match typed.as_slice() {
        [a, b] => format!("the argument '--{a}' cannot be used with '--{b}'"),
        [name] if !has(name) => format!("`{}` has no option --{name}", path.join(" ")),
        _ => return Ok(()),
    };
    Err(command.error(ErrorKind::ArgumentConflict, message))
}

/// An error of a value that is no number says what is expected.
pub fn clearer(error: clap::Error) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let parts = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
    let expected = std::error::Error::source(&error).and_then(number::expected);
    match (error.kind(), parts, expected) {
        (ErrorKind::ValueValidation, (Some(arg), Some(value)), Some(expected)) => {
            let message = format!("invalid value '{value}' for '{arg}': {expected}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(&Cli::command())
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_subcommand_has_a_word_twice() {
        fn check(command: &mut Command) {
            command.build();
            let mut words: Vec<String> = Vec::new();
            for arg in command.get_arguments() {
                words.extend(arg.get_long().map(|long| format!("--{long}")));
                words.extend(arg.get_all_aliases().unwrap_or_default().iter().map(|long| format!("--{long}")));
                words.extend(arg.get_short().map(|short| format!("-{short}")));
            }
            let mut once = words.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), words.len(), "{}: {words:?}", command.get_name());
            command.get_subcommands_mut().for_each(check);
        }
        check(&mut command());
    }
}
