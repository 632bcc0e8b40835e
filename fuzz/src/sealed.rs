//! What travels through clients and comes back sealed: text that anyone may make up, and contents
//! that only a holder of the key can have sealed.

use mcp_fastd::internal::{Cursor, Inputs, Seal, Unsealed, open_state, seal_state, state_purpose};
use mcp_fastd::json::Parser;
use serde_json::Value;

use super::same;

const NOW: u64 = 1_000_000;

/// Bytes as a cursor, and as what is sealed in one: what we wrote comes back to its list, anything
/// else is refused.
pub fn cursor(data: &[u8]) {
    let (seal, other_seal) = (Seal::new(&[1; 32]), Seal::new(&[2; 32]));
    let text = String::from_utf8_lossy(data);
    assert_eq!(Cursor::read(&text, "tools", &seal), None);

    let sealed = seal.seal(data, b"tools", u64::MAX).expect("the system has random bits");
    let cursor = Cursor::read(&sealed, "tools", &seal);
    assert_eq!(cursor, content(data));
    for cursor in [cursor, Some(Cursor::Provider(Some(text.into_owned())))].into_iter().flatten() {
        let written = cursor.write("tools", &seal).expect("the system has random bits");
        assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(Cursor::read(&written, "tools", &seal), Some(cursor));
        assert_eq!(Cursor::read(&written, "prompts", &seal), None);
        assert_eq!(Cursor::read(&written, "tools", &other_seal), None);
        for text in forged(&written, data) {
            assert_eq!(Cursor::read(&text, "tools", &seal), None, "{text}");
        }
    }
}

/// What is sealed in a cursor.
fn content(data: &[u8]) -> Option<Cursor> {
    let text = std::str::from_utf8(data).ok()?;
    match text.as_bytes().first()? {
        b'c' => text[1..].parse().ok().map(Cursor::Catalog),
        b'p' if text.len() == 1 => Some(Cursor::Provider(None)),
        b'q' => Some(Cursor::Provider(Some(text[1..].to_owned()))),
        _ => None,
    }
}

/// Three lines that name who asks for what, a line of arguments, and the state: it opens for just
/// that, until its time; what was in it is in it again after a round.
pub fn request_state(data: &[u8]) {
    let mut lines = data.splitn(5, |byte| *byte == b'\n').map(String::from_utf8_lossy);
    let mut line = || lines.next().unwrap_or_default().into_owned();
    let (parts, arguments, state) = ([line(), line(), line()], line(), line());
    let (seal, other_seal) = (Seal::new(&[1; 32]), Seal::new(&[2; 32]));
    let purpose = purpose(&parts, &arguments);

    assert_eq!(open_state(&state, &purpose, NOW, &seal), Err(Unsealed::Foreign));
    let sealed = seal.seal(state.as_bytes(), &purpose, NOW).expect("the system has random bits");
    let opened = open_state(&sealed, &purpose, NOW, &seal);
    let reference = serde_json::from_str::<Value>(&state).ok().filter(Value::is_object);
    assert_eq!(opened.is_ok(), reference.is_some());
    let Ok(inputs) = opened else { return };
    if let Some(Value::Object(answers)) = reference.as_ref().and_then(|state| state.get("answers"))
    {
        assert_eq!(&inputs.answers, answers);
    }

    let next = seal_state(&inputs, &purpose, NOW, &seal).expect("the system has random bits");
    let again = open_state(&next, &purpose, NOW, &seal).expect("what we wrote comes back");
    assert!(alike(&again, &inputs), "{again:?} is {inputs:?}");
    assert_eq!(open_state(&next, &purpose, NOW + 1, &seal), Err(Unsealed::Expired));
    assert_eq!(open_state(&next, &purpose, NOW, &other_seal), Err(Unsealed::Foreign));
    for text in forged(&next, data) {
        assert_eq!(open_state(&text, &purpose, NOW, &seal), Err(Unsealed::Foreign));
    }
    for other in neighbours(&parts, data) {
        let is_same = other == parts;
        let other = self::purpose(&other, &arguments);
        assert_eq!(other == purpose, is_same, "two purposes look the same");
        assert_eq!(open_state(&next, &other, NOW, &seal).is_ok(), is_same);
    }
}

fn purpose(parts: &[String; 3], arguments: &str) -> Vec<u8> {
    let mut parser = Parser::new();
    let mut bytes = arguments.as_bytes().to_vec();
    let document = parser.parse(&mut bytes).ok();
    let arguments = document.as_ref().map(|document| document.root());
    state_purpose(parts.each_ref().map(String::as_str), arguments)
}

/// The same letters under other names: cut elsewhere, or in another order.
fn neighbours(parts: &[String; 3], data: &[u8]) -> Vec<[String; 3]> {
    let [one, two, three] = parts;
    let all = parts.concat();
    let boundaries: Vec<usize> = (0..=all.len()).filter(|at| all.is_char_boundary(*at)).collect();
    let letter = data.first().map_or(0, |byte| usize::from(*byte));
    let pick = |by: usize| boundaries[(data.len() * by + letter) % boundaries.len()];
    let (first, second) = (pick(7).min(pick(31)), pick(7).max(pick(31)));
    vec![
        [two.clone(), one.clone(), three.clone()],
        [one.clone(), three.clone(), two.clone()],
        [all[..first].to_owned(), all[first..second].to_owned(), all[second..].to_owned()],
        [all.clone(), String::new(), String::new()],
        [format!("{one}\"\""), two.clone(), three.clone()],
    ]
}

/// Numbers may be off by the last bit, which is how serde_json reads them.
fn alike(one: &Inputs, other: &Inputs) -> bool {
    let value = |inputs: &Inputs| {
        Value::Array(vec![
            Value::Object(inputs.answers.clone()),
            inputs.remembered.clone().unwrap_or_default(),
        ])
    };
    same(&value(one), &value(other)) && one.remembered.is_some() == other.remembered.is_some()
}

/// Texts that differ a little from a sealed one.
fn forged(sealed: &str, data: &[u8]) -> [String; 3] {
    let at = data.iter().fold(data.len(), |sum, byte| sum * 31 % 65_521 + *byte as usize);
    let at = at % sealed.len();
    let other = if sealed.as_bytes()[at] == b'A' { "B" } else { "A" };
    [
        format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]),
        sealed[..at].to_owned(),
        format!("{sealed}{}", &sealed[..=at]),
    ]
}
