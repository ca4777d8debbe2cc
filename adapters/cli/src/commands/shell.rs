//! `sip completions` and `sip man`: what a shell and `man` need, made from the command line itself.

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::arguments::{Arguments, Completions, Man};
use crate::outcome::Failure;
use crate::report::print_line;

/// Prints the completions for a shell.
pub(crate) fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "sip",
        &mut script,
    );
    print(&script);
    Ok(())
}

/// Writes the manual pages into a folder, or prints that of the whole program.
pub(crate) fn man(arguments: &Man) -> Result<(), Failure> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    let Some(folder) = &arguments.folder else {
        print(&page(&program, "sip")?);
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(|error| wrong(folder, &error))?;
    write(folder, &program, "sip")?;
    for command in program.get_subcommands() {
        write(folder, command, &format!("sip-{}", command.get_name()))?;
    }
    Ok(())
}

fn write(folder: &Path, command: &Command, name: &str) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.1"));
    fs::write(&path, page(command, name)?).map_err(|error| wrong(&path, &error))?;
    print_line(&path.display().to_string());
    Ok(())
}

fn page(command: &Command, name: &str) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .render(&mut page)
        .map_err(|error| Failure::Outcome(format!("the page {name} cannot be made: {error}")))?;
    Ok(page)
}

fn wrong(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("{}: {error}", path.display()))
}

/// Writes on standard output. Errors are ignored, because the reader may have closed the pipe.
fn print(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}
