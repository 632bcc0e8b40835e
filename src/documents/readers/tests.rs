use super::*;
use crate::documents::schema::{Durability, open_writer};
use std::sync::Barrier;

fn readers(folder: &tempfile::TempDir) -> Readers {
    let path = folder.path().join("x.db");
    open_writer(&path, Durability::None).unwrap();
    Readers::new(path)
}

#[test]
fn more_threads_than_slots_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(&folder);
    let all_inside = Barrier::new(READERS_MAX + 8);
    std::thread::scope(|scope| {
        for _ in 0..READERS_MAX + 8 {
            scope.spawn(|| {
                readers
                    .with(|reader| {
                        all_inside.wait(); // passes only if nobody waits for a connection
                        let sum = reader.query_row("SELECT 1 + 1", [], |row| row.get::<_, i64>(0));
                        sum.map_err(Error::storage("adding"))
                    })
                    .unwrap();
            });
        }
    });
}

#[test]
fn threads_that_come_and_go_share_a_slot() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(&folder);
    for _ in 0..READERS_MAX {
        std::thread::scope(|scope| {
            scope.spawn(|| readers.with(|_| Ok(())).unwrap());
        });
    }
    let held = |slot: &&Slot| slot.0.lock().is_some();
    // Others of this process read meanwhile, and end.
    let filled = readers.slots.iter().filter(held).count();
    assert!(filled < READERS_MAX / 2, "{filled} slots are filled");
}

#[test]
fn a_panic_in_a_read_costs_one_connection() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(&folder);
    let panicked = std::thread::scope(|scope| {
        scope.spawn(|| readers.with(|_| -> Result<(), Error> { panic!("on purpose") })).join()
    });
    assert!(panicked.is_err());
    for _ in 0..READERS_MAX {
        std::thread::scope(|scope| {
            scope.spawn(|| readers.with(|_| Ok(())).unwrap());
        });
    }
    assert!(readers.slots.iter().all(|slot| !slot.0.is_locked()));
}

#[test]
fn a_reader_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let written = readers(&folder).with(|reader| {
        reader.execute("DELETE FROM documents", []).map_err(Error::storage("deleting"))
    });
    assert!(written.is_err());
}
