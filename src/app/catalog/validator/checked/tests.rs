use serde_json::json;

use super::*;
use crate::json::Parser;

fn check(schema: Json, all: bool, arguments: &str) -> Option<Result<(), String>> {
    let validator = Validator::new(&schema, all).expect("a schema in order")?;
    let (mut parser, mut text) = (Parser::new(), arguments.as_bytes().to_vec());
    let document = parser.parse(&mut text).expect("the test's JSON is in order");
    Some(validator.check(document.root()))
}

fn number(bounds: Json) -> Json {
    json!({ "type": "object", "required": ["n"], "properties": { "n": bounds } })
}

#[test]
fn what_a_type_says_is_left_to_the_type() {
    for bounds in [json!({ "type": "integer" }), json!({ "type": "integer", "minimum": 0 })] {
        assert_eq!(check(number(bounds.clone()), false, "{}"), None);
        assert!(check(number(bounds), true, "{}").is_some_and(|checked| checked.is_err()));
    }
}

#[test]
fn wrong_arguments_are_named() {
    let schema = number(json!({ "type": "integer", "maximum": 5 }));
    assert_eq!(check(schema.clone(), false, r#"{"n":5}"#), Some(Ok(())));
    let said = check(schema.clone(), false, r#"{"n":6}"#).expect("it is checked");
    assert!(said.as_ref().is_err_and(|said| said.contains("`n`") && said.contains('5')));
    let said = check(schema, false, "{}").expect("it is checked");
    assert!(said.is_err_and(|said| said.contains("\"n\"")));
    let deep = json!({ "type": "object", "properties": { "a": number(json!({
        "type": "string", "pattern": "^x" })) } });
    let said = check(deep, false, r#"{"a":{"n":"y"}}"#).expect("it is checked");
    assert!(said.is_err_and(|said| said.contains("`a.n`")));
}

#[test]
fn a_schema_that_is_none_is_a_problem() {
    assert!(Validator::new(&json!({ "type": "nothing" }), true).is_err());
    let elsewhere = json!({ "$ref": "https://schemas.invalid/x.json" });
    assert!(Validator::new(&elsewhere, true).is_err(), "nothing is fetched");
}
