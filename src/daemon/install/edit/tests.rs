use super::*;
use serde_json::json;

fn edit(text: &str, comments: bool, replace: bool) -> Result<Edited, String> {
    let value = json!({ "command": "/bin/x", "args": ["a", "\"b\"\\"] });
    add(text, comments, &Entry { servers: "servers", name: "new", value: &value }, replace)
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let edited = edit(text, true, true).expect("edited");
    assert_eq!(edited, Edited::Text(expected.to_owned()), "{text}");
    assert_eq!(edit(expected, true, false), Ok(Edited::Same), "again");
}

#[test]
fn entries_are_added() {
    let new = "\"new\": {\n      \"command\": \"/bin/x\",\n      \
               \"args\": [\"a\", \"\\\"b\\\"\\\\\"]\n    }";
    let fresh = format!("{{\n  \"servers\": {{\n    {new}\n  }}\n}}\n");
    check("", &fresh);
    check("\n", &fresh);
    check(
        "{\n  // mine\n  \"servers\": {\n    \"b\": {}, // b\n    \"a\": {}\n  },\n  \
             \"z\": 1e2\n}\n",
        &format!(
            "{{\n  // mine\n  \"servers\": {{\n    \"b\": {{}}, // b\n    \"a\": {{}},\n    \
             {new}\n  }},\n  \"z\": 1e2\n}}\n"
        ),
    );
    // The indentation and the line ends of the file.
    check(
        "\u{feff}{\r\n\t\"servers\": {\r\n\t\t\"a\": 1\r\n\t}\r\n}",
        "\u{feff}{\r\n\t\"servers\": {\r\n\t\t\"a\": 1,\r\n\t\t\"new\": {\r\n\t\t\t\"command\": \
         \"/bin/x\",\r\n\t\t\t\"args\": [\"a\", \"\\\"b\\\"\\\\\"]\r\n\t\t}\r\n\t}\r\n}",
    );
}

#[test]
fn entries_are_replaced_on_demand_only() {
    let text = "{\n  \"servers\": {\n    \"new\": 1, // old\n    \"a\": 2\n  }\n}";
    assert_eq!(edit(text, true, false), Ok(Edited::Taken));
    let expected = "{\n  \"servers\": {\n    \"new\": {\n      \"command\": \"/bin/x\",\n      \
                    \"args\": [\"a\", \"\\\"b\\\"\\\\\"]\n    }, // old\n    \"a\": 2\n  }\n}";
    check(text, expected);
}

#[test]
fn what_is_no_configuration_is_refused() {
    for text in [
        "{",
        "{\"servers\": {}",
        "[]",
        "7",
        "{\"servers\": []}",
        "{\"servers\": null}",
        "{\"servers\": {}, \"servers\": {}}",
        "{\"servers\": {\"new\": 1, \"new\": 2}}",
        "{servers: {}}",
        "{'servers': {}}",
        "{\"a\": 1 \"b\": 2}",
        "{\"a\": 0x1}",
        "{} {}",
    ] {
        assert!(edit(text, true, true).is_err(), "{text}: {:?}", edit(text, true, true));
    }
    for text in ["{} // a", "{\"a\": 1,}"] {
        assert!(edit(text, true, true).is_ok(), "{text}");
        assert!(edit(text, false, true).is_err(), "{text}");
    }
}
