use super::*;

#[test]
fn cursors_come_back_as_they_went() {
    let query = fingerprint("cache");
    for cursor in [
        Cursor::List { after: 0 },
        Cursor::List { after: i64::MAX },
        Cursor::Search { query, matching: Matching::AllWords, after: 20 },
        Cursor::Search { query, matching: Matching::AnyWord, after: u64::MAX },
    ] {
        assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
    }
}

#[test]
fn every_forgery_is_refused() {
    let good = Cursor::List { after: 7 }.encode();
    for place in 0..good.len() {
        let mut forged = good.clone().into_bytes();
        forged[place] = if forged[place] == b'3' { b'4' } else { b'3' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(Cursor::decode(&forged), Err(Error::BadCursor), "{forged}");
    }
    let upper = good.to_uppercase();
    let long = format!("{good}0");
    for text in ["", "0", "garbage", "😀", "MQ==", "null", &upper, &long, &good[1..]] {
        assert_eq!(Cursor::decode(text), Err(Error::BadCursor), "{text}");
    }
}

#[test]
fn white_space_around_a_query_does_not_matter() {
    assert_eq!(fingerprint(" a b "), fingerprint("a b"));
    assert_ne!(fingerprint("a b"), fingerprint("a c"));
}
