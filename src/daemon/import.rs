//! `mcp-fastd import DATASET PATH…`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use mcp_fastd::documents::{
    self, FileOutcome, ImportBar, ImportOptions, ImportReport, Progress, SkipReason,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::arguments::ImportArguments;
use super::{Problem, say};

/// Exit code of an import that was interrupted, as a shell has it.
const INTERRUPTED: u8 = 130;
/// Skipped files that are named for each reason, unless all are asked for.
const EXAMPLES_MAX: usize = 3;

/// Imports, and says what came of it.
pub(crate) fn import(arguments: &ImportArguments) -> Result<ExitCode, Problem> {
    let ImportArguments { dataset, paths, prune, verbose } = arguments;
    let cancelled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second signal ends it at once; whole batches are in the file even then.
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), cancelled.clone())?;
        flag::register(signal, cancelled.clone())?;
    }
    let begun = Instant::now();
    let examples = if *verbose { usize::MAX } else { EXAMPLES_MAX };
    let bar = ImportBar::new(false, &cancelled);
    let mut watch = Watch { bar, examples, skips: BTreeMap::new() };
    let options = ImportOptions { prune: *prune };
    let report = documents::import(dataset, paths, options, &mut watch)?;
    say(&summary(&report, begun.elapsed().as_secs_f64()));
    say(&skips(&watch.skips));
    if report.cancelled {
        eprintln!("mcp-fastd: interrupted; run it again to import the rest");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if report.prune_refused {
        let problem = "not all of the folders could be read, so nothing was pruned; see what was \
                       skipped above";
        return Err(Problem(problem.to_owned()));
    }
    say(&format!("Serve it with: mcp-fastd {}\n", quoted(dataset)));
    Ok(ExitCode::SUCCESS)
}

fn summary(report: &ImportReport, seconds: f64) -> String {
    let ImportReport { added, updated, unchanged, pruned, skipped, text_bytes, .. } = report;
    let megabytes = *text_bytes as f64 / 1e6;
    format!(
        "{added} added, {updated} updated, {unchanged} unchanged, {pruned} pruned, {skipped} \
         skipped; {megabytes:.1} MB of text in {seconds:.1} s\n"
    )
}

/// What was skipped, by reason.
fn skips(skips: &BTreeMap<String, Skips>) -> String {
    let mut text = String::new();
    for (reason, Skips { count, examples }) in skips {
        text += &format!("skipped {count} ({reason}):\n");
        for path in examples {
            text += &format!("  {}\n", path.display());
        }
        let unnamed = count - examples.len() as u64;
        if unnamed > 0 {
            text += &format!("  … and {unnamed} more (--verbose names them)\n");
        }
    }
    text
}

/// The progress bar, and notes on what is skipped.
struct Watch<'c> {
    bar: ImportBar<'c>,
    examples: usize,
    skips: BTreeMap<String, Skips>,
}

#[derive(Default)]
struct Skips {
    count: u64,
    examples: Vec<PathBuf>,
}

impl Progress for Watch<'_> {
    fn begin(&mut self, files: u64, bytes: u64) {
        self.bar.begin(files, bytes);
    }

    fn file(&mut self, path: &Path, bytes: u64, outcome: &FileOutcome) {
        if let FileOutcome::Skipped(why) = outcome {
            let skips = self.skips.entry(reason(why)).or_default();
            skips.count += 1;
            if skips.examples.len() < self.examples {
                skips.examples.push(path.to_path_buf());
            }
        }
        self.bar.file(path, bytes, outcome);
    }

    fn is_cancelled(&self) -> bool {
        self.bar.is_cancelled()
    }

    fn end(&mut self) {
        self.bar.end();
    }
}

/// The reason without what differs from file to file.
fn reason(reason: &SkipReason) -> String {
    match reason {
        SkipReason::TooLarge(_) => {
            let limit = documents::limits::TEXT_BYTES_MAX;
            format!("more than {limit} bytes, TEXT_BYTES_MAX")
        }
        reason => reason.to_string(),
    }
}

/// The path, fit to be pasted into a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,=@%".contains(c);
    match path.chars().all(plain) && !path.starts_with('-') {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}
