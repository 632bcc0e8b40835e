use super::*;
use crate::documents::schema::{Durability, open_reader, open_writer};
use std::path::{Path, PathBuf};

fn checked(title: &str) -> Checked {
    Checked {
        title: title.to_owned(),
        mime_type: "text/plain".to_owned(),
        source: None,
        body: Body::new("some text".to_owned()).unwrap(),
    }
}

fn add(id: &str, title: &str) -> Job {
    let (answer, _) = bounded(1);
    Job { work: Work::Add { id: id.to_owned(), new: checked(title) }, answer }
}

fn count(path: &Path) -> i64 {
    let reader = open_reader(path).unwrap();
    reader.query_row("SELECT count(*) FROM documents", [], |row| row.get(0)).unwrap()
}

fn file(folder: &tempfile::TempDir) -> (PathBuf, Connection) {
    let path = folder.path().join("x.db");
    let connection = open_writer(&path, Durability::Full).unwrap();
    (path, connection)
}

fn started(folder: &tempfile::TempDir) -> (PathBuf, Writer) {
    let (path, connection) = file(folder);
    let writer = Writer::start(connection, &path).unwrap();
    (path, writer)
}

/// Another process that has begun to write.
fn locked(path: &Path) -> Connection {
    let other = open_writer(path, Durability::Full).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn an_answer_means_committed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = started(&folder);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (writer, path) = (&writer, &path);
            scope.spawn(move || {
                // A connection of its own, as another process would have.
                let reader = open_reader(path).unwrap();
                for n in 0..25 {
                    let id = format!("d{thread}x{n}");
                    let work = Work::Add { id: id.clone(), new: checked("t") };
                    writer.submit(work).unwrap();
                    store::summary(&reader, &id).unwrap();
                }
            });
        }
    });
    assert_eq!(count(&path), 200);
}

#[test]
fn what_is_queued_shares_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = file(&folder);
    let (jobs, queue) = bounded(QUEUE_MAX);
    for n in 0..GROUP_MAX + 10 {
        jobs.send(add(&format!("d{n}"), "t")).unwrap();
    }
    let first = queue.recv().unwrap();
    let group = gather(first, &queue);
    assert_eq!(group.len(), GROUP_MAX);
    let reader = open_reader(&path).unwrap();
    let version = || reader.query_row("PRAGMA data_version", [], |r| r.get::<_, i64>(0)).unwrap();
    let before = version();
    assert!(commit(&connection, &group, &State::of(&path).unwrap()).iter().all(Result::is_ok));
    assert_eq!(version(), before + 1); // counts commits of others
    assert_eq!(count(&path), GROUP_MAX as i64);
}

#[test]
fn nothing_is_visible_before_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut connection) = file(&folder);
    let transaction = connection.transaction().unwrap();
    apply(&transaction, &add("d1", "t").work, 0).unwrap();
    assert_eq!(count(&path), 0);
    transaction.commit().unwrap();
    assert_eq!(count(&path), 1);
}

#[test]
fn a_write_that_fails_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = file(&folder);
    // A row that SQLite itself refuses, after the row before it and before its own passages.
    let poison = "CREATE TRIGGER poison AFTER INSERT ON documents WHEN new.title = 'poison'
                  BEGIN SELECT RAISE(FAIL, 'poisoned'); END";
    connection.execute_batch(poison).unwrap();
    let (answer, _) = bounded(1);
    let missing = Job { work: Work::Delete { id: "no such".to_owned() }, answer };
    let group = [add("d1", "a"), add("d2", "poison"), missing, add("d1", "twice"), add("d4", "b")];
    let answers = commit(&connection, &group, &State::of(&path).unwrap());
    assert!(answers[0].is_ok() && answers[4].is_ok());
    assert!(answers[1].as_ref().is_err_and(|e| e.to_string().contains("poisoned")));
    assert_eq!(answers[2], Err(Error::NotFound("no such".to_owned())));
    assert!(answers[3].is_err());
    assert_eq!(count(&path), 2);
    crate::documents::schema::check(&path).unwrap();
}

#[test]
fn closing_commits_what_is_queued() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = started(&folder);
    let (answer, _) = bounded(1);
    for n in 0..100 {
        let new = checked("t");
        let job = Job { work: Work::Add { id: format!("d{n}"), new }, answer: answer.clone() };
        writer.jobs.as_ref().unwrap().send(job).unwrap();
    }
    drop(writer);
    assert_eq!(count(&path), 100);
}

#[test]
fn too_many_bytes_in_the_queue_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, writer) = started(&folder);
    writer.queued_bytes.store(QUEUE_BYTES_MAX, Ordering::Relaxed);
    let refused = writer.submit(Work::Add { id: "d1".to_owned(), new: checked("t") });
    assert_eq!(refused, Err(Error::QueueFull));
    assert_eq!(writer.queued_bytes.load(Ordering::Relaxed), QUEUE_BYTES_MAX);
}

#[test]
fn who_gives_up_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = started(&folder);
    let other = locked(&path);
    std::thread::scope(|scope| {
        let added =
            scope.spawn(|| writer.submit(Work::Add { id: "d1".to_owned(), new: checked("t") }));
        while writer.queued.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(writer.give_up(), 1);
        assert_eq!(added.join().unwrap(), Err(Error::GivenUp));
    });
    assert_eq!(writer.given_up(), 1);
    other.execute_batch("COMMIT").unwrap();
    // What need not wait is done to the end.
    writer.submit(Work::Add { id: "d2".to_owned(), new: checked("t") }).unwrap();
    drop(writer);
    assert_eq!(count(&path), 1);
}

#[test]
fn a_file_that_went_takes_no_writes() {
    for name in ["x.db", "x.db-wal"] {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = started(&folder);
        let add = |id: &str| writer.submit(Work::Add { id: id.to_owned(), new: checked("t") });
        add("d1").unwrap();
        let (gone, kept) = (folder.path().join(name), folder.path().join("kept"));
        std::fs::rename(&gone, &kept).unwrap();
        assert_eq!(add("d2"), Err(Error::NotInPlace(gone.clone())));
        assert!(!writer.is_in_place());
        std::fs::write(&gone, "another").unwrap();
        assert_eq!(add("d3"), Err(Error::NotInPlace(gone.clone())));
        assert!(!writer.is_in_place());
        std::fs::rename(&kept, &gone).unwrap();
        add("d4").unwrap();
        assert!(writer.is_in_place());
        drop(writer);
        assert_eq!(count(&path), 2);
    }
}

#[test]
fn a_write_waits_for_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = started(&folder);
    let other = locked(&path);
    std::thread::scope(|scope| {
        let added =
            scope.spawn(|| writer.submit(Work::Add { id: "d1".to_owned(), new: checked("t") }));
        std::thread::sleep(Duration::from_millis(150));
        assert!(!added.is_finished());
        other.execute_batch("COMMIT").unwrap();
        added.join().unwrap().unwrap();
    });
}
