use super::title_expression;
use crate::documents::{Dataset, NewDocument};

#[test]
fn words_are_quoted_and_the_last_is_a_beginning() {
    assert_eq!(title_expression("own"), Some("title : (\"own\" *)".to_owned()));
    let two = Some("title : (\"a\" AND \"b\" *)".to_owned());
    assert_eq!(
        title_expression(" a\"OR(b* "),
        Some("title : (\"a\" AND \"OR\" AND \"b\" *)".into())
    );
    assert_eq!(title_expression("a:b"), two);
    assert_eq!(title_expression(" *\"( "), None);
}

#[test]
fn ids_come_first_then_titles() {
    let dataset = Dataset::in_memory().expect("a dataset");
    let add = |title: &str| dataset.add(NewDocument::new(title, "text")).expect("added").id;
    let (ownership, lifetimes) = (add("Ownership and moves"), add("Lifetimes"));
    let complete = |typed: &str| dataset.complete(typed, 10).expect("completed");
    for typed in ["owner", "moves own", &ownership, &format!("doc://{ownership}")] {
        assert_eq!(complete(typed), [ownership.as_str()], "{typed}");
    }
    assert_eq!(complete(&lifetimes[..lifetimes.len() - 1]), [lifetimes.as_str()]);
    assert_eq!(complete("zzz"), [""; 0]);
    assert_eq!(complete("").len(), 2);
    assert_eq!(dataset.complete("", 1).expect("completed").len(), 1);
}
