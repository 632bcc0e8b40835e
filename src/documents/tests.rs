use super::limits::*;
use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

fn dataset() -> Dataset {
    Dataset::in_memory().unwrap()
}

fn add(dataset: &Dataset, title: &str, text: &str) -> String {
    dataset.add(NewDocument::new(title, text)).unwrap().id
}

fn found(dataset: &Dataset, query: &str) -> Vec<String> {
    let page = dataset.search(query, PAGE_MAX, None).unwrap();
    page.hits.into_iter().map(|hit| hit.title).collect()
}

#[test]
fn a_document_lives_and_dies() {
    let dataset = dataset();
    let added = dataset
        .add(NewDocument {
            title: " Cache \n eviction ".into(),
            text: "LRU, naïve.\0".into(),
            mime_type: Some("text/markdown".into()),
            source: Some("by hand".into()),
        })
        .unwrap();
    assert_eq!(added.title, "Cache eviction");
    assert_eq!((added.bytes, added.chars), (13, 12));
    assert_eq!(added.uri, format!("doc://{}", added.id));
    let read = dataset.get(&added.uri).unwrap();
    assert_eq!(read.text, "LRU, naïve.\0");
    assert_eq!(read.summary, added);
    assert_eq!(dataset.summary(&added.id).unwrap(), added);

    let title = Some("Queues".to_owned());
    let changed = dataset.update(&added.id, Changes { title, ..Changes::default() }).unwrap();
    assert_eq!((changed.id.as_str(), changed.created), (added.id.as_str(), added.created));
    assert_eq!(changed.hash, added.hash);
    assert_eq!(found(&dataset, "queue"), ["Queues"]);
    assert!(found(&dataset, "eviction").is_empty());
    let text = Some("Rings.".to_owned());
    dataset.update(&added.id, Changes { text, ..Changes::default() }).unwrap();
    assert!(found(&dataset, "lru").is_empty());
    assert_eq!(found(&dataset, "ring"), ["Queues"]);
    assert_eq!(dataset.stats().unwrap().text_bytes, 6);
    dataset.check().unwrap();

    assert_eq!(dataset.delete(&added.id).unwrap().title, "Queues");
    assert_eq!(dataset.delete(&added.id), Err(Error::NotFound(added.id.clone())));
    assert_eq!(dataset.get(&added.id), Err(Error::NotFound(added.id)));
    assert!(found(&dataset, "ring").is_empty());
    assert_eq!(dataset.stats().unwrap().documents, 0);
    dataset.check().unwrap();
}

#[test]
fn what_is_refused_is_named() {
    let dataset = dataset();
    let refuse = |new: NewDocument, limit: &str| {
        let error = dataset.add(new).unwrap_err();
        assert!(error.is_callers_fault() && error.to_string().contains(limit), "{error}");
    };
    refuse(NewDocument::new(" ", "x"), "title");
    refuse(NewDocument::new("x".repeat(TITLE_CHARS_MAX + 1), "x"), "TITLE_CHARS_MAX");
    refuse(NewDocument::new("x", "x".repeat(TEXT_BYTES_MAX + 1)), "TEXT_BYTES_MAX");
    let source = Some("x".repeat(SOURCE_BYTES_MAX + 1));
    refuse(NewDocument { source, ..NewDocument::new("x", "x") }, "SOURCE_BYTES_MAX");
    for mime_type in ["", "text", "/", "text/", "a/b\r\nX: y", "tëxt/a", &"a/".repeat(99)] {
        let mime_type = Some(mime_type.to_owned());
        refuse(NewDocument { mime_type, ..NewDocument::new("x", "x") }, "MIME_TYPE_BYTES_MAX");
    }
    let mime_type = Some("text/html; charset=utf-8".to_owned());
    dataset.add(NewDocument { mime_type, ..NewDocument::new("x", "x") }).unwrap();
    assert_eq!(dataset.update("x", Changes::default()), Err(Error::NothingToChange));
    let title = Some("t".to_owned());
    let changes = Changes { title, ..Changes::default() };
    assert_eq!(dataset.update("no such", changes), Err(Error::NotFound("no such".into())));
    for id in ["", "doc://", "'; --", "\0", "😀", &"x".repeat(10_000)] {
        assert!(matches!(dataset.get(id), Err(Error::NotFound(_))), "{id}");
    }
}

#[test]
fn a_good_title_beats_a_mention() {
    let dataset = dataset();
    add(&dataset, "Mentions", "Somewhere an eviction is mentioned.");
    add(&dataset, "Eviction policies", "How caches forget.");
    add(&dataset, "Other", "Nothing of the kind.");
    assert_eq!(found(&dataset, "evictions"), ["Eviction policies", "Mentions"]);
    let page = dataset.search("evicting", 10, None).unwrap();
    assert_eq!(page.hits[0].snippet, "How caches forget.");
    assert_eq!(page.hits[1].snippet, "Somewhere an **eviction** is mentioned.");
    assert!(page.hits[0].score > page.hits[1].score);
    assert_eq!((page.total, page.matching), (2, Matching::AllWords));
}

#[test]
fn words_phrases_prefixes_accents_and_the_fallback() {
    let dataset = dataset();
    add(&dataset, "One", "The quick brown fox. Café Größe foo_bar std::thread");
    add(&dataset, "Two", "A brown and quick bear.");
    for (query, titles) in [
        ("\"quick brown\"", vec!["One"]),
        ("BROWN Quick fox", vec!["One"]),
        ("bea*", vec!["Two"]),
        ("cafe", vec!["One"]),
        ("CAFÉ grosse", vec!["One"]), // ß is no ss to the tokenizer; found by "café" alone
        ("foo_bar", vec!["One"]),
        ("std::thread", vec!["One"]),
        ("nothing", vec![]),
    ] {
        assert_eq!(found(&dataset, query), titles, "{query}");
    }
    let page = dataset.search("fox bear zebra", 10, None).unwrap();
    assert_eq!((page.total, page.matching), (2, Matching::AnyWord));
}

#[test]
fn hostile_queries_are_data() {
    let dataset = dataset();
    add(&dataset, "Target", "and or not near col title one two * ^ x");
    let long = "x".repeat(10_000);
    for (query, finds) in [
        ("\"", None),
        ("\"\"\"", None),
        ("*", None),
        ("", None),
        ("   \t\n", None),
        ("😀", None),
        ("\0", None),
        ("(((((", None),
        ("-", None),
        ("AND OR NOT", Some(1)),
        ("NEAR(", Some(1)),
        ("NEAR(one two, 5)", Some(1)),
        ("col:", Some(1)),
        ("title:two", Some(0)), // the phrase "title two", which is not there
        ("nothing:one", Some(0)),
        ("{title text} : x", Some(1)),
        ("\"one two", Some(1)),
        ("one\" two", Some(1)),
        ("one \"two\" \"x", Some(1)),
        ("one\0two", Some(1)),
        ("^one", Some(1)),
        ("one😀two", Some(1)),
        ("*one", Some(1)),
        ("one* AND (two", Some(1)),
        ("'); DROP TABLE documents; --one", Some(1)),
        ("\\\" OR 1=1 one", Some(1)),
        ("ⓐ one", Some(1)), // alphabetic to Rust, nothing to FTS5
        ("\u{202e}one", Some(1)),
        (&long, None),
    ] {
        match (dataset.search(query, 10, None), finds) {
            (Ok(page), Some(hits)) => assert_eq!(page.hits.len(), hits, "{query:?}"),
            (Err(error), None) => assert!(error.is_callers_fault(), "{query:?}: {error}"),
            (other, _) => panic!("{query:?}: {other:?}"),
        }
    }
    dataset.check().unwrap();
}

#[test]
fn search_pages_neither_repeat_nor_omit() {
    let dataset = dataset();
    for n in 0..53 {
        add(&dataset, &format!("Document {n:02}"), &"cache ".repeat(n % 7 + 1));
    }
    let (mut titles, mut cursor) = (Vec::new(), None);
    loop {
        let page = dataset.search("cache", 10, cursor.as_deref()).unwrap();
        assert_eq!(page.total, 53);
        titles.extend(page.hits.into_iter().map(|hit| hit.title));
        cursor = match page.next_cursor {
            Some(next) => Some(next),
            None => break,
        };
    }
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), 53);

    let next = dataset.search("cache", 10, None).unwrap().next_cursor.unwrap();
    for (query, cursor) in [("caches", next.as_str()), ("cache", "garbage"), ("cache", "")] {
        assert_eq!(dataset.search(query, 10, Some(cursor)), Err(Error::BadCursor));
    }
    assert_eq!(dataset.list(10, Some(&next)), Err(Error::BadCursor));
    let next = dataset.list(10, None).unwrap().next_cursor.unwrap();
    assert_eq!(dataset.search("cache", 10, Some(&next)), Err(Error::BadCursor));
}

#[test]
fn the_list_stands_still_while_documents_come_and_go() {
    let dataset = dataset();
    let ids: Vec<String> = (0..25).map(|n| add(&dataset, &format!("{n}"), "x")).collect();
    let first = dataset.list(10, None).unwrap();
    assert_eq!(first.total, 25);
    dataset.delete(&ids[3]).unwrap();
    dataset.delete(&ids[12]).unwrap();
    dataset.delete(&ids[24]).unwrap();
    let late = add(&dataset, "late", "x");
    let second = dataset.list(10, first.next_cursor.as_deref()).unwrap();
    let third = dataset.list(10, second.next_cursor.as_deref()).unwrap();
    assert_eq!(third.next_cursor, None);
    let seen: Vec<String> = [first, second, third]
        .into_iter()
        .flat_map(|page| page.documents.into_iter().map(|document| document.id))
        .collect();
    let mut expected = ids.clone();
    expected.retain(|id| *id != ids[12] && *id != ids[24]);
    expected.push(late);
    assert_eq!(seen, expected);
    assert_eq!(dataset.list(0, None).unwrap().documents.len(), 1);
    assert_eq!(dataset.list(usize::MAX, None).unwrap().documents.len(), 23);
}

#[test]
fn long_documents_are_read_in_parts_and_found_by_their_best() {
    let dataset = dataset();
    let filler = "Nothing to see hére, move along. ".repeat(2_000);
    let text = format!("{filler}The needle is here. {filler}");
    let id = add(&dataset, "Haystack", &text);
    let hit = dataset.search("needle", 5, None).unwrap().hits.remove(0);
    assert!(hit.snippet.contains("**needle**"));
    let part = dataset.get_range(&id, hit.offset, PASSAGE_CHARS as u64).unwrap();
    assert!(part.text.contains("needle"));

    let chars: Vec<char> = text.chars().collect();
    let (mut joined, mut offset) = (String::new(), Some(0));
    while let Some(at) = offset {
        let part = dataset.get_range(&id, at, 7_919).unwrap();
        assert_eq!(part.offset, at);
        joined.push_str(&part.text);
        offset = part.next_offset;
    }
    assert!(joined == text);
    for (at, max) in [(0, 1), (3_999, 2), (4_000, 1), (66_001, 40), (0, 0)] {
        let part = dataset.get_range(&id, at, max).unwrap();
        let expected: String = chars[at as usize..(at + max.max(1)) as usize].iter().collect();
        assert_eq!(part.text, expected);
    }
    let past = dataset.get_range(&id, u64::MAX, u64::MAX).unwrap();
    assert_eq!((past.text.as_str(), past.next_offset), ("", None));
    assert!(dataset.get(&id).unwrap().text == text);
    dataset.check().unwrap();
}

#[test]
fn the_biggest_document_fits() {
    let dataset = dataset();
    let id = add(&dataset, "Big", &"0123456789abcde\n".repeat(TEXT_BYTES_MAX / 16));
    assert_eq!(dataset.get(&id).unwrap().text.len(), TEXT_BYTES_MAX);
    dataset.delete(&id).unwrap();
    assert!(found(&dataset, "0123456789abcde").is_empty());
    let empty = add(&dataset, "Empty", "");
    assert_eq!(dataset.get(&empty).unwrap().text, "");
    assert_eq!(dataset.get_range(&empty, 0, 10).unwrap().text, "");
    assert_eq!(found(&dataset, "empty"), ["Empty"]);
}

#[test]
fn readers_see_whole_documents_while_they_change() {
    let dataset = dataset();
    let id = add(&dataset, "Switch", &"a".repeat(20_000));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let document = dataset.get(&id).unwrap();
                    let first = &document.text[..1];
                    assert!(document.text.bytes().all(|b| b == first.as_bytes()[0]));
                    assert_eq!(document.text.len() as u64, document.summary.bytes);
                    assert_eq!(found(&dataset, "switch").len(), 1);
                }
            });
        }
        for round in 1..60 {
            let text = Some(["b", "a"][round % 2].repeat(20_000 + round));
            dataset.update(&id, Changes { text, ..Changes::default() }).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    dataset.check().unwrap();
}

#[test]
fn what_is_in_memory_leaves_nothing_behind() {
    let dataset = dataset();
    add(&dataset, "a", "b");
    assert_eq!(found(&dataset, "b"), ["a"]);
    let path = dataset.path().to_path_buf();
    let clone = dataset.clone();
    drop(dataset);
    assert_eq!(found(&clone, "b"), ["a"]);
    drop(clone);
    assert!(!path.parent().unwrap().exists());
}

#[test]
fn reads_never_wait_for_a_write() {
    let dataset = dataset();
    let id = add(&dataset, "before", "x");
    // Another process in the middle of a big write, which it then gives up.
    let other = schema::open_writer(dataset.path(), schema::Durability::Full).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE documents SET title = 'after'").unwrap();
    let start = std::time::Instant::now();
    assert_eq!(dataset.get(&id).unwrap().summary.title, "before");
    assert_eq!(found(&dataset, "before"), ["before"]);
    assert_eq!(dataset.list(1, None).unwrap().documents[0].title, "before");
    assert_eq!(dataset.stats().unwrap().documents, 1);
    assert!(start.elapsed().as_millis() < READ_LOCK_WAIT_MS.into());
    other.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn what_comes_out_has_a_schema_with_descriptions() {
    let described = |schema: schemars::Schema, field: &str| {
        let text = serde_json::to_string(&schema).unwrap();
        assert!(text.contains(field) && text.contains("description"), "{text}");
    };
    described(schemars::schema_for!(SearchPage), "next_cursor");
    described(schemars::schema_for!(DocumentRange), "next_offset");
    let dataset = dataset();
    let id = add(&dataset, "t", "x");
    let json = serde_json::to_value(dataset.get(&id).unwrap()).unwrap();
    assert_eq!((json["title"].as_str(), json["text"].as_str()), (Some("t"), Some("x")));
    assert!(json.get("source").is_none());
    let json = serde_json::to_value(dataset.search("x", 1, None).unwrap()).unwrap();
    assert_eq!(json["matching"], "all_words");
}
