use super::*;
use crate::documents::{Dataset, NewDocument};

#[test]
fn a_dataset_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let id = Dataset::open(&path).unwrap().add(NewDocument::new("t", "x")).unwrap().id;
    assert_eq!(Dataset::open(&path).unwrap().get(&id).unwrap().text, "x");
    // The last one out folds the log into the file.
    assert!(!folder.path().join("notes.db-wal").exists());
}

#[test]
fn many_may_create_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| Dataset::open(&path).unwrap().add(NewDocument::new("t", "x")).unwrap());
        }
    });
    assert_eq!(Dataset::open(&path).unwrap().stats().unwrap().documents, 8);
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other");
    let refused = |expected: &str| {
        let before = std::fs::read(&path).unwrap();
        let message = Dataset::open(&path).map(drop).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    };
    std::fs::write(&path, "These are notes, by hand, and quite long ones. ".repeat(100)).unwrap();
    refused("is not an SQLite database");
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    refused("of another program");
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    refused("of another program");
    std::fs::remove_file(&path).unwrap();
    drop(Dataset::open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    refused("has schema version 2, this program knows up to 1");
}

#[test]
fn places_where_no_file_can_be() {
    let folder = tempfile::tempdir().unwrap();
    for (path, expected) in [
        (folder.path().to_path_buf(), "this is a folder"),
        (folder.path().join("missing/notes.db"), "does not exist; create it"),
    ] {
        let message = Dataset::open(path).map(drop).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    // An empty file is a dataset to be.
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    Dataset::open(&empty).unwrap();
}

#[test]
fn damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let dataset = Dataset::open(&path).unwrap();
    dataset.add(NewDocument::new("t", "word")).unwrap();
    drop(dataset);
    // The text changes behind the back of the index.
    Connection::open(&path).unwrap().execute_batch("UPDATE passages SET text = 'other'").unwrap();
    let dataset = Dataset::open(&path).unwrap();
    assert!(matches!(dataset.check(), Err(Error::Corrupt(_))), "{:?}", dataset.check());
}
