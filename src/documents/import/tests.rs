use super::*;
use crate::documents::{Changes, Dataset};
use std::fs;
use std::time::{Duration, SystemTime};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        Place { folder }
    }

    fn dataset(&self) -> PathBuf {
        self.folder.path().join("x.db")
    }

    /// Writes a file that looks an hour old, so that its time is to be trusted.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join("in").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let hour_ago = SystemTime::now() - Duration::from_secs(3_600);
        File::options().write(true).open(&path).unwrap().set_modified(hour_ago).unwrap();
        path
    }

    fn import(&self, prune: bool) -> ImportReport {
        let paths = [self.folder.path().join("in")];
        import(&self.dataset(), &paths, ImportOptions { prune }, &mut ()).unwrap()
    }

    fn counts(&self, prune: bool) -> [u64; 4] {
        let report = self.import(prune);
        [report.added, report.updated, report.unchanged, report.pruned]
    }
}

#[test]
fn again_and_again() {
    let place = Place::new();
    let note = place.write("a/note.md", "# A note\nabout caches");
    place.write("page.html", "<title>A page</title><p>about queues");
    place.write("main.rs", "fn main() {}");
    assert_eq!(place.counts(false), [3, 0, 0, 0]);
    assert_eq!(place.counts(false), [0, 0, 3, 0]);
    let dataset = Dataset::open(place.dataset()).unwrap();
    let hit = dataset.search("caches", 5, None).unwrap().hits.remove(0);
    assert_eq!(hit.title, "A note");

    // Same content, other time: looked at, found the same. Other content: same id.
    place.write("main.rs", "fn main() {}");
    place.write("a/note.md", "# A note\nabout rings");
    assert_eq!(place.counts(false), [0, 1, 2, 0]);
    let document = dataset.get(&hit.id).unwrap();
    assert_eq!(document.text, "# A note\nabout rings");
    let root = place.folder.path().join("in").canonicalize().unwrap();
    let source = format!("{}{ROOT_MARK}a/note.md", root.display());
    assert_eq!(document.summary.source.as_deref(), Some(source.as_str()));

    // Gone files stay until pruning is asked for.
    fs::remove_file(&note).unwrap();
    assert_eq!(place.counts(false), [0, 0, 2, 0]);
    dataset.add(crate::documents::NewDocument::new("by hand", "x")).unwrap();
    assert_eq!(place.counts(true), [0, 0, 2, 1]);
    assert!(dataset.get(&hit.id).is_err());
    assert_eq!(dataset.stats().unwrap().documents, 3);
    dataset.check().unwrap();
}

#[test]
fn a_fresh_file_is_not_trusted_by_its_time() {
    let place = Place::new();
    let path = place.folder.path().join("in/a.txt");
    fs::write(&path, "first").unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(place.counts(false), [1, 0, 0, 0]);
    fs::write(&path, "other").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert_eq!(place.counts(false), [0, 1, 0, 0]);
}

#[test]
fn the_file_wins_over_a_change_by_hand() {
    let place = Place::new();
    place.write("a.txt", "the file");
    place.import(false);
    let dataset = Dataset::open(place.dataset()).unwrap();
    let id = dataset.list(1, None).unwrap().documents.remove(0).id;
    let text = Some("by hand".to_owned());
    dataset.update(&id, Changes { text, ..Changes::default() }).unwrap();
    assert_eq!(place.counts(false), [0, 1, 0, 0]);
    assert_eq!(dataset.get(&id).unwrap().text, "the file");
    dataset.delete(&id).unwrap();
    assert_eq!(place.counts(false), [1, 0, 0, 0]);
}

#[test]
fn what_is_left_out_is_told() {
    let place = Place::new();
    place.write("good.txt", "x");
    place.write("latin1.txt", b"caf\xe9");
    place.write("picture.png", b"\x89PNG\0");
    place.write("paper.pdf", b"%PDF-1.4");
    place.write("empty.txt", "");
    place.write("other.sqlite", "x");
    File::create(place.folder.path().join("in/big.txt"))
        .unwrap()
        .set_len(TEXT_BYTES_MAX as u64 + 1)
        .unwrap();
    // Not even mentioned: hidden or ignored.
    place.write(".hidden", "x");
    place.write(".git/config", "x");
    place.write(".gitignore", "target\n");
    place.write("target/out.txt", "x");
    std::os::unix::fs::symlink("..", place.folder.path().join("in/loop")).unwrap();
    let report = place.import(false);
    let mut reasons: Vec<String> = report
        .skips
        .iter()
        .map(|skip| format!("{}: {}", skip.path.file_name().unwrap().display(), skip.reason))
        .collect();
    reasons.sort();
    let starts = [
        "big.txt: has 16777217 bytes",
        "empty.txt: has no text",
        "latin1.txt: not UTF-8",
        "loop: a symbolic link",
        "other.sqlite: a database",
        "paper.pdf: PDF",
        "picture.png: binary",
    ];
    assert_eq!((report.added, report.skipped), (1, starts.len() as u64));
    for (reason, start) in reasons.iter().zip(starts) {
        assert!(reason.starts_with(start), "{reason}");
    }
}

#[test]
fn a_dataset_inside_the_folder_is_never_read() {
    let place = Place::new();
    place.write("a.txt", "x");
    let dataset = place.folder.path().join("in/notes"); // a name that gives nothing away
    let open = Dataset::open(&dataset).unwrap();
    fs::hard_link(&dataset, place.folder.path().join("in/alias")).unwrap();
    let paths = [place.folder.path().join("in")];
    let report = import(&dataset, &paths, ImportOptions::default(), &mut ()).unwrap();
    assert_eq!(report.added, 1);
    assert!(report.skips.iter().all(|skip| skip.reason == SkipReason::Database));
    assert_eq!(report.skipped, 4); // the file, its alias, and its two helpers
    assert_eq!(open.stats().unwrap().documents, 1);
}

#[test]
fn a_path_that_is_not_there_is_an_error() {
    let place = Place::new();
    let missing = place.folder.path().join("nowhere");
    let result = import(&place.dataset(), &[missing], ImportOptions::default(), &mut ());
    assert!(matches!(result, Err(Error::Io { .. })));
}

#[test]
fn a_file_named_twice_is_one_document() {
    let place = Place::new();
    let path = place.write("a.txt", "x");
    std::os::unix::fs::symlink(&path, place.folder.path().join("link.txt")).unwrap();
    let paths = [path, place.folder.path().join("in"), place.folder.path().join("link.txt")];
    let report = import(&place.dataset(), &paths, ImportOptions::default(), &mut ()).unwrap();
    assert_eq!(report.added, 1);
}

/// Cancels at a given file; notes what it was told.
struct Watcher {
    cancel_at: usize,
    begun: Option<u64>,
    seen: usize,
    ended: bool,
}

impl Progress for Watcher {
    fn begin(&mut self, files: u64, _bytes: u64) {
        self.begun = Some(files);
    }
    fn file(&mut self, _path: &Path, _bytes: u64, _outcome: &FileOutcome) {
        self.seen += 1;
    }
    fn is_cancelled(&self) -> bool {
        self.seen >= self.cancel_at
    }
    fn end(&mut self) {
        self.ended = true;
    }
}

#[test]
fn a_cancelled_import_keeps_what_it_has_and_prunes_nothing() {
    let place = Place::new();
    (0..20).for_each(|n| drop(place.write(&format!("{n}.txt"), format!("text {n}"))));
    let mut watcher = Watcher { cancel_at: 5, begun: None, seen: 0, ended: false };
    let paths = [place.folder.path().join("in")];
    let options = ImportOptions { prune: true };
    let report = import(&place.dataset(), &paths, options, &mut watcher).unwrap();
    assert!(report.cancelled && report.prune_refused && watcher.ended);
    assert_eq!((watcher.begun, watcher.seen, report.added), (Some(20), 5, 5));
    assert_eq!(Dataset::open(place.dataset()).unwrap().stats().unwrap().documents, 5);
    assert_eq!(place.counts(false), [15, 0, 5, 0]);
}

#[test]
fn an_import_and_a_server_share_a_dataset() {
    let place = Place::new();
    (0..600).for_each(|n| drop(place.write(&format!("{n}.txt"), format!("text {n} ").repeat(50))));
    let dataset = Dataset::open(place.dataset()).unwrap();
    std::thread::scope(|scope| {
        let importing = scope.spawn(|| place.import(false));
        while !importing.is_finished() {
            let id = dataset.add(crate::documents::NewDocument::new("t", "x")).unwrap().id;
            dataset.get(&id).unwrap();
        }
        assert_eq!(importing.join().unwrap().added, 600);
    });
    dataset.check().unwrap();
}
