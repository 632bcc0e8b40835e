use super::*;

/// Every split must cover the text without a gap, in passages that are not too long.
fn check(text: &str) -> Vec<Passage> {
    let passages = split(text);
    let (mut at, mut start) = (0, 0);
    for passage in &passages {
        assert_eq!((passage.bytes.start, passage.start), (at, start));
        let chars = text[passage.bytes.clone()].chars().count();
        assert_eq!(passage.chars, chars as u64);
        assert!(chars <= PASSAGE_CHARS);
        at = passage.bytes.end;
        start += chars as u64;
    }
    assert_eq!(at, text.len());
    for passage in &passages[..passages.len() - 1] {
        assert!(passage.chars >= PASSAGE_CHARS as u64 / 2, "{passage:?}");
    }
    passages
}

#[test]
fn short_texts_are_one_passage() {
    for text in ["", "a", "ä", &"x".repeat(PASSAGE_CHARS), "a\n\nb"] {
        assert_eq!(check(text).len(), 1);
    }
}

#[test]
fn long_texts_are_cut_where_they_pause() {
    assert_eq!(check(&"x".repeat(PASSAGE_CHARS + 1)).len(), 2);
    check(&"😀".repeat(PASSAGE_CHARS * 3 + 7));
    check(&"\n".repeat(PASSAGE_CHARS * 3 + 7));
    let words = "word ".repeat(PASSAGE_CHARS);
    assert!(check(&words).iter().skip(1).all(|p| words[p.bytes.clone()].starts_with(" word")));
    let blocks = "some lines\nin a block\n\n".repeat(PASSAGE_CHARS / 10);
    assert!(check(&blocks).iter().all(|p| blocks[p.bytes.clone()].ends_with("\n\n")));
}
