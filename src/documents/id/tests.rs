use super::*;

#[test]
fn fresh_ids_sort_by_time_and_differ() {
    let (early, late) = (fresh(1_000).unwrap(), fresh(2_000).unwrap());
    assert!(early < late);
    assert_ne!(fresh(1_000).unwrap(), early);
    assert_eq!(early.len(), 27);
    assert!(early.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
}

#[test]
fn a_file_keeps_its_id() {
    let id = of_file(Path::new("/a/b.md"));
    assert_eq!(id, of_file(Path::new("/a/b.md")));
    assert_ne!(id, of_file(Path::new("/a/c.md")));
    assert!(id.starts_with('f') && id.len() == 27);
}

#[test]
fn an_id_and_its_uri_mean_the_same() {
    assert_eq!(from_uri(&uri("d123")), "d123");
    assert_eq!(from_uri("d123"), "d123");
}
