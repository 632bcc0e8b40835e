use serde_json::{Value as Json, json};

use super::*;
use crate::app::about::about;
use crate::app::{Annotations, PromptArgument, PromptEntry, ResourceEntry, ToolEntry};

/// What is written of these entries, and how much room is left, on a page for four with one
/// entry of the catalog's.
fn written<E: Entry>(objects_only: bool, entries: &[E]) -> (Json, usize) {
    let mut catalog = Catalog::new("test", "1");
    catalog.add_tool(about("mine"), json!({ "type": "object" }), None);
    catalog.add_prompt(about("mine"), &json!({ "type": "object" }));
    catalog.add_resource(&about("app:mine"));
    catalog.page_size(4);
    let mut out = b"[0".to_vec();
    let mut page = Page::new(&mut out, &catalog, objects_only, 1);
    entries.iter().for_each(|entry| page.entry(entry));
    let room = page.room();
    out.push(b']');
    (serde_json::from_slice(&out).expect("JSON"), room)
}

fn tool(name: &str) -> ToolEntry {
    ToolEntry { name: name.to_owned(), ..ToolEntry::default() }
}

#[test]
fn entries_are_written_as_the_schema_has_them() {
    let all = ToolEntry {
        title: Some("T".into()),
        description: Some("D".into()),
        output_schema: Some(json!({ "type": "object" })),
        annotations: Some(Annotations::READ_ONLY),
        meta: Some(json!({ "k": 1 })),
        ..tool("all")
    };
    let (page, room) = written(false, &[tool("few"), all]);
    assert_eq!(room, 1);
    assert_eq!(page[1], json!({ "name": "few", "inputSchema": { "type": "object" } }));
    assert_eq!(
        page[2],
        json!({ "name": "all", "title": "T", "description": "D",
            "inputSchema": { "type": "object" }, "outputSchema": { "type": "object" },
            "annotations": { "readOnlyHint": true, "destructiveHint": false,
                "idempotentHint": true, "openWorldHint": false },
            "_meta": { "k": 1 } })
    );
    let argument = PromptArgument { name: "a".into(), required: true, ..Default::default() };
    let prompt =
        PromptEntry { name: "p".into(), arguments: vec![argument], ..PromptEntry::default() };
    let (page, _) = written(true, &[prompt]);
    assert_eq!(page[1], json!({ "name": "p", "arguments": [{ "name": "a", "required": true }] }));
}

#[test]
fn what_the_catalog_has_is_not_listed_twice() {
    let (page, room) = written(false, &[tool("mine"), tool("other")]);
    assert_eq!((page[1]["name"].as_str(), room), (Some("other"), 2));
    let prompt = |name: &str| PromptEntry { name: name.into(), ..PromptEntry::default() };
    let (page, _) = written(false, &[prompt("mine"), prompt("other")]);
    assert_eq!(page[1]["name"], "other");
    let resource = |uri: &str| ResourceEntry { uri: uri.into(), ..ResourceEntry::default() };
    let (page, _) = written(false, &[resource("app:mine"), resource("app:other")]);
    assert_eq!(page[1]["uri"], "app:other");
}

#[test]
fn what_clients_would_refuse_the_page_for_is_left_out() {
    let typed = |schema: Json| ToolEntry { input_schema: schema, ..tool("typed") };
    for wrong in [
        tool(""),
        tool(&"x".repeat(129)),
        typed(Json::Null),
        typed(json!({})),
        typed(json!({ "type": "string" })),
    ] {
        assert_eq!(written(false, &[wrong]), (json!([0]), 3));
    }
}

#[test]
fn no_param_header_is_declared() {
    let schema = |region: Json| {
        json!({ "type": "object", "properties": {
            "region": region, "x-mcp-header": { "type": "string" } } })
    };
    let mirrored = schema(json!({ "type": "string", "x-mcp-header": "Region" }));
    let (page, _) = written(false, &[ToolEntry { input_schema: mirrored, ..tool("t") }]);
    assert_eq!(page[1]["inputSchema"], schema(json!({ "type": "string" })));
}

#[test]
fn output_schemas_that_are_no_objects_are_for_modern_clients() {
    for (schema, shown) in
        [(json!({ "type": "array" }), false), (json!({ "type": "object" }), true)]
    {
        let lists = || ToolEntry { output_schema: Some(schema.clone()), ..tool("lists") };
        assert_eq!(written(false, &[lists()]).0[1]["outputSchema"], schema);
        assert_eq!(written(true, &[lists()]).0[1].get("outputSchema").is_some(), shown);
    }
}
