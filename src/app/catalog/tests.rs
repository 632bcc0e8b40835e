use super::*;
use crate::app::about::about;
use crate::protocol::ProtocolVersion;

fn with_tool(input: Json) -> Catalog {
    let mut catalog = Catalog::new("test", "1");
    catalog.add_tool(about("t"), input, None);
    catalog
}

#[test]
fn capabilities_are_what_is_there() {
    let capabilities = |catalog: &Catalog, version| {
        let mut out = Vec::new();
        catalog.write_capabilities(version, &mut out);
        serde_json::from_slice::<Json>(&out).expect("JSON")
    };
    let (legacy, modern) = (ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28);
    let mut catalog = Catalog::new("test", "1");
    assert_eq!(capabilities(&catalog, modern), json!({}));
    catalog.add_tool(about("t"), json!({ "type": "object" }), None);
    assert_eq!(capabilities(&catalog, modern), json!({ "tools": { "listChanged": true } }));
    catalog.add_resource_provider(Placement::Worker);
    catalog.add_completions(Placement::Shard);
    catalog.add_logging();
    let both = json!({
        "tools": { "listChanged": true },
        "resources": { "listChanged": true, "subscribe": true },
        "completions": {},
        "logging": {},
    });
    assert_eq!(capabilities(&catalog, modern), both);
    assert_eq!(capabilities(&catalog, legacy), both);
    let slow = about("slow").task(TaskSupport::Optional);
    catalog.add_tool(slow, json!({ "type": "object" }), None);
    let extension = json!({ "io.modelcontextprotocol/tasks": {} });
    assert_eq!(capabilities(&catalog, modern)["extensions"], extension);
    assert_eq!(capabilities(&catalog, modern).get("tasks"), None);
    assert_eq!(capabilities(&catalog, legacy).get("extensions"), None);
    let calls = json!({ "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } });
    assert_eq!(capabilities(&catalog, legacy)["tasks"], calls);
    assert_eq!(capabilities(&catalog, ProtocolVersion::V2025_06_18).get("tasks"), None);
}

#[test]
fn a_provider_is_offered_like_what_it_provides() {
    type Add = fn(&mut Catalog, Placement);
    for (add, name) in [
        (Catalog::add_tool_provider as Add, "tools"),
        (Catalog::add_prompt_provider, "prompts"),
        (Catalog::add_resource_provider, "resources"),
    ] {
        for placement in [Placement::Shard, Placement::Worker] {
            let mut catalog = Catalog::new("test", "1");
            add(&mut catalog, placement);
            let mut out = Vec::new();
            catalog.write_capabilities(ProtocolVersion::V2025_11_25, &mut out);
            let offered: Json = serde_json::from_slice(&out).expect("JSON");
            let offered = offered.as_object().expect("an object");
            assert_eq!(offered.keys().collect::<Vec<_>>(), [name]);
            assert_eq!(offered[name]["listChanged"], true);
            let on_worker = placement == Placement::Worker;
            assert_eq!(catalog.needs_workers(), on_worker);
            assert_eq!(catalog.has_tasks(), on_worker && name == "tools", "it may start one");
        }
    }
}

#[test]
fn param_headers_are_found_where_they_may_be() {
    let catalog = with_tool(json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "deep": { "type": "object", "properties": {
            "level": { "type": "integer", "x-mcp-header": "Level" } } } } }));
    assert_eq!(catalog.problem_found(), None);
    let mut found: Vec<_> = catalog.tools[0]
        .param_headers
        .iter()
        .map(|header| (header.field.as_str(), header.path.join("."), header.kind))
        .collect();
    found.sort_by_key(|(field, ..)| *field);
    assert_eq!(
        found,
        [
            ("mcp-param-level", "deep.level".to_owned(), ParamKind::Integer),
            ("mcp-param-region", "region".to_owned(), ParamKind::String),
        ]
    );
}

#[test]
fn param_headers_that_break_a_rule_are_a_problem() {
    for properties in [
        json!({ "a": { "type": "string", "x-mcp-header": "" } }),
        json!({ "a": { "type": "string", "x-mcp-header": "a b" } }),
        json!({ "a": { "type": "string", "x-mcp-header": "a\r\nb" } }),
        json!({ "a": { "type": "number", "x-mcp-header": "A" } }),
        json!({ "a": { "type": "string", "x-mcp-header": "A" },
                "b": { "type": "string", "x-mcp-header": "a" } }),
        json!({ "a": { "type": "array", "items": { "type": "string", "x-mcp-header": "A" } } }),
    ] {
        let catalog = with_tool(json!({ "type": "object", "properties": properties.clone() }));
        assert!(catalog.problem_found().is_some(), "{properties}");
    }
}

#[test]
fn mistakes_are_reported() {
    let mut catalog = with_tool(json!({ "type": "string" }));
    assert!(catalog.problem_found().is_some_and(|problem| problem.contains("`t`")));
    catalog = with_tool(json!({ "type": "object" }));
    catalog.add_tool(about("t"), json!({ "type": "object" }), None);
    assert!(catalog.problem_found().is_some_and(|problem| problem.contains("two of this name")));
}

#[test]
fn output_schemas_that_are_no_objects_are_for_modern_clients() {
    let mut catalog = Catalog::new("test", "1");
    let input = json!({ "type": "object" });
    catalog.add_tool(about("t"), input, Some(json!({ "type": "array" })));
    assert!(catalog.tool_list[0].modern.contains("outputSchema"));
    assert!(!catalog.tool_list[0].legacy.contains("outputSchema"));
}

#[test]
fn what_is_said_about_things_is_passed_on() {
    let mut catalog = Catalog::new("test", "1");
    let icon = crate::Icon { src: "data:,".into(), mime_type: None, sizes: vec!["any".into()] };
    catalog.introduce(Some("Test"), Some("https://a.example"), std::slice::from_ref(&icon));
    let server: Json = serde_json::from_str(&catalog.server_info).expect("JSON");
    assert_eq!(server["title"], "Test");
    assert_eq!(
        (&server["websiteUrl"], &server["name"]),
        (&"https://a.example".into(), &"test".into())
    );
    assert_eq!(server["icons"], json!([{ "src": "data:,", "sizes": ["any"] }]));
    let said = || about("a:b").title("T").icon(icon.clone()).meta(json!({ "k": 1 }));
    catalog.add_tool(said(), json!({ "type": "object" }), None);
    catalog.add_prompt(said(), &json!({ "type": "object" }));
    let user = crate::ContentAnnotations { priority: Some(0.5), ..Default::default() };
    catalog.add_resource(&said().content_annotations(user));
    for list in [&catalog.tool_list, &catalog.prompt_list, &catalog.resource_list] {
        let entry: Json = serde_json::from_str(&list[0].modern).expect("JSON");
        assert_eq!((&entry["title"], &entry["_meta"]), (&"T".into(), &json!({ "k": 1 })));
        assert_eq!(entry["icons"][0]["src"], "data:,");
    }
    let resource: Json = serde_json::from_str(&catalog.resource_list[0].modern).expect("JSON");
    assert_eq!(resource["annotations"], json!({ "priority": 0.5 }));
}

#[test]
fn blocks_are_annotated_as_they_are() {
    let for_user =
        crate::ContentAnnotations { audience: vec![crate::Role::User], ..Default::default() };
    let block = crate::ContentBlock::text("x").meta(json!({ "k": 1 })).annotated(for_user);
    assert_eq!(
        json!([block]),
        json!([{ "type": "text", "text": "x", "annotations": { "audience": ["user"] },
            "_meta": { "k": 1 } }])
    );
}
