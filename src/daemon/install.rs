//! `mcp-fastd install CLIENT`: the entry that makes a client start this program, printed or written
//! into its configuration.

mod arguments;
mod clients;
mod edit;
mod file;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::Problem;
use edit::{Edited, Entry};

pub(crate) use arguments::InstallArguments;

/// Prints the entry, or writes it. What is said besides goes to standard error, so that what is
/// printed can be put into a file.
pub(crate) fn install(arguments: &InstallArguments) -> Result<ExitCode, Problem> {
    let InstallArguments { client, name, url, .. } = arguments;
    let command = text(&std::env::current_exe()?)?;
    let entry = client.entry(&command, &command_line(arguments)?);
    let file = match &arguments.file {
        Some(file) => std::path::absolute(file)?,
        None => client.file()?,
    };
    match arguments.write {
        true => write(arguments, &file, &entry)?,
        false => print(arguments, &file, &entry)?,
    }
    if let Some(direct) = url.as_ref().and_then(|url| client.remote_entry(&url.to_string())) {
        let title = client.title();
        eprintln!("{title} can also connect by itself, without this program: {direct}");
    }
    if let Some(dataset) = arguments.dataset.as_ref().filter(|dataset| !dataset.exists()) {
        let dataset = dataset.display();
        eprintln!("There is no {dataset} yet: fill it with `mcp-fastd import {dataset} PATH…`");
    }
    if *client == arguments::Client::ClaudeCode {
        eprintln!("For all of your projects: claude mcp add-json --scope user {name} '{entry}'");
    }
    Ok(ExitCode::SUCCESS)
}

/// What the program is started with.
fn command_line(arguments: &InstallArguments) -> Result<Vec<String>, Problem> {
    let mut line = Vec::new();
    match &arguments.url {
        Some(url) => {
            line.extend(["connect".to_owned(), url.to_string()]);
            if let Some(file) = &arguments.bearer_token_file {
                line.extend(["--bearer-token-file".to_owned(), text(&std::path::absolute(file)?)?]);
            }
        }
        None => {
            if let Some(dataset) = &arguments.dataset {
                line.push(text(&std::path::absolute(dataset)?)?);
            }
            line.extend(["--transport".to_owned(), "stdio".to_owned()]);
        }
    }
    Ok(line)
}

fn print(arguments: &InstallArguments, file: &Path, entry: &Value) -> Result<(), Problem> {
    let InstallArguments { client, name, .. } = arguments;
    let snippet = json!({ client.servers(): { name: entry } });
    let snippet = serde_json::to_string_pretty(&snippet)?;
    writeln!(std::io::stdout().lock(), "{snippet}")?;
    let (title, file) = (client.title(), file.display());
    eprintln!("This goes into {file}, for {title}; --write puts it there.");
    Ok(())
}

fn write(arguments: &InstallArguments, file: &Path, value: &Value) -> Result<(), Problem> {
    let InstallArguments { client, name, force, .. } = arguments;
    let real = file::resolved(file)?;
    let _turn = file::locked(&real)?;
    let before = file::read(&real)?;
    let entry = Entry { servers: client.servers(), name, value };
    let text = before.as_deref().unwrap_or_default();
    let edited = edit::add(text, client.takes_comments(), &entry, *force).map_err(|why| {
        let what = format!("it cannot be changed, and is left as it is: {why}");
        file::about(&real, what)
    })?;
    let (title, shown) = (client.title(), real.display());
    match edited {
        Edited::Same => eprintln!("`{name}` is in {shown} already."),
        Edited::Taken => {
            let what = format!(
                "there is another `{name}` in it; replace it with --force, or take another --name"
            );
            return Err(file::about(&real, what));
        }
        Edited::Text(text) => {
            if let Some(before) = before {
                let backup = file::back_up(&real, &before)?;
                eprintln!("What was there is kept in {}.", backup.display());
            }
            file::replace(&real, &text)?;
            eprintln!("`{name}` is in {shown} now. Restart {title}.");
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, Problem> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| file::about(path, "a path that is not UTF-8 cannot stand in JSON"))
}
