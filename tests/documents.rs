//! The daemon's promise: every tool, resource and prompt over its documents, in both eras.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use daemon::{Client, Daemon, ERAS, Era};
use serde_json::{Value, json};

/// A daemon over an empty dataset, and a client of each era.
fn for_each_era(test: impl Fn(&mut Client)) {
    for era in ERAS {
        let folder = tempfile::tempdir().expect("a folder");
        let daemon = Daemon::over(&folder.path().join("x.db"));
        test(&mut daemon.client().speaking(era));
    }
}

fn add(client: &mut Client, title: &str, text: &str) -> String {
    let added = client.call("add_document", json!({ "title": title, "text": text }));
    added["id"].as_str().expect("an id").to_owned()
}

#[test]
fn what_is_offered_is_listed() {
    for_each_era(|client| {
        let tools = client.result("tools/list", json!({}))["tools"].clone();
        let names: Vec<&str> =
            tools.as_array().expect("tools").iter().filter_map(|t| t["name"].as_str()).collect();
        let expected = [
            "search_documents",
            "get_document",
            "list_documents",
            "dataset_stats",
            "add_document",
            "update_document",
            "delete_document",
        ];
        assert_eq!(names, expected);
        for tool in tools.as_array().expect("tools") {
            assert!(tool["description"].as_str().is_some_and(|text| text.len() > 40), "{tool}");
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
            // Rust's formats of numbers are no formats of JSON Schema; Ajv warns of each.
            assert!(!tool.to_string().contains("\"format\""), "{tool}");
            let changes = ["add_document", "update_document", "delete_document"];
            let name = tool["name"].as_str().expect("a name");
            let reads = !changes.contains(&name);
            assert_eq!(tool["annotations"]["readOnlyHint"], reads, "{tool}");
            for (name, property) in
                tool["inputSchema"]["properties"].as_object().into_iter().flatten()
            {
                assert!(property["description"].is_string(), "{name} of {tool}");
            }
        }
        let prompts = client.result("prompts/list", json!({}))["prompts"].clone();
        assert_eq!(prompts[0]["name"], "summarize_document");
        assert_eq!(prompts[0]["arguments"][0]["name"], "id");
        assert_eq!(prompts[0]["arguments"][0]["required"], true);
        assert_eq!(prompts[1]["name"], "answer_from_documents");
        assert_eq!(prompts[1]["arguments"][0]["name"], "question");
        let templates = client.result("resources/templates/list", json!({}));
        assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "doc://{id}");
        let (method, params) = match client.era {
            Era::Modern => ("server/discover", json!({})),
            Era::Legacy => (
                "initialize",
                json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                        "clientInfo": { "name": "test", "version": "1" } }),
            ),
        };
        let hello = client.result(method, params);
        assert!(
            hello["instructions"].as_str().is_some_and(|text| text.contains("search_documents"))
        );
        for capability in ["tools", "resources", "prompts", "completions"] {
            assert!(hello["capabilities"][capability].is_object(), "{hello}");
        }
    });
}

#[test]
fn a_document_lives_and_dies() {
    for_each_era(|client| {
        let text = "Each value has exactly one owner — größer als 𝕏.";
        let added = client.call(
            "add_document",
            json!({ "title": "Ownership", "text": text, "mime_type": "text/markdown",
                    "source": "https://example.org/own" }),
        );
        let id = added["id"].as_str().expect("an id").to_owned();
        assert_eq!(added["uri"], format!("doc://{id}"));
        assert_eq!(added["source"], "https://example.org/own");

        let found = client.call("search_documents", json!({ "query": "owners" }));
        assert_eq!(found["total"], 1);
        assert_eq!(found["matching"], "all_words");
        assert_eq!(found["hits"][0]["id"], id);
        assert!(found["hits"][0]["snippet"].as_str().expect("a snippet").contains("**owner**"));

        for name in [id.clone(), format!("doc://{id}")] {
            let whole = client.call("get_document", json!({ "id": name }));
            assert_eq!(
                (whole["text"].as_str(), &whole["title"]),
                (Some(text), &json!("Ownership"))
            );
            assert!(whole.get("next_offset").is_none());
        }
        let part = client.call("get_document", json!({ "id": id, "offset": 5, "max_chars": 5 }));
        assert_eq!((&part["text"], &part["next_offset"]), (&json!("value"), &json!(10)));

        let changed =
            client.call("update_document", json!({ "id": id, "text": "Borrowed, not owned." }));
        assert_eq!(changed["title"], "Ownership");
        assert_eq!(changed["mime_type"], "text/markdown");
        assert_eq!(client.call("search_documents", json!({ "query": "exactly" }))["total"], 0);
        assert_eq!(client.call("search_documents", json!({ "query": "borrowed" }))["total"], 1);

        let stats = client.call("dataset_stats", json!({}));
        assert_eq!((&stats["documents"], &stats["text_bytes"]), (&json!(1), &json!(20)));

        let deleted = client.call("delete_document", json!({ "id": id }));
        assert_eq!(deleted["deleted"]["id"], id);
        assert_eq!(client.call("list_documents", json!({}))["total"], 0);
        let told = client.call_error("get_document", json!({ "id": id }));
        assert!(told.contains(&id) && told.contains("search or list"), "{told}");
        let told = client.call_error("delete_document", json!({ "id": id }));
        assert!(told.contains("no document"), "{told}");
    });
}

#[test]
fn pages_are_whole_and_end() {
    for_each_era(|client| {
        let ids: Vec<String> =
            (0..7).map(|i| add(client, &format!("Note {i}"), "about lighthouses")).collect();
        for (tool, list) in [("list_documents", "documents"), ("search_documents", "hits")] {
            let mut seen = Vec::new();
            let mut cursor = Value::Null;
            loop {
                let mut arguments = json!({ "limit": 3, "cursor": cursor });
                if tool == "search_documents" {
                    arguments["query"] = json!("lighthouses");
                }
                let page = client.call(tool, arguments);
                assert_eq!(page["total"], 7);
                let entries = page[list].as_array().expect("a list");
                seen.extend(entries.iter().map(|e| e["id"].as_str().expect("an id").to_owned()));
                match page.get("next_cursor") {
                    Some(next) => cursor = next.clone(),
                    None => break,
                }
            }
            assert_eq!(seen, ids, "{tool}");
        }
        for tool in ["list_documents", "search_documents"] {
            let mut arguments = json!({ "cursor": "nonsense" });
            if tool == "search_documents" {
                arguments["query"] = json!("lighthouses");
            }
            let told = client.call_error(tool, arguments);
            assert!(told.contains("pass next_cursor unchanged"), "{told}");
        }
    });
}

#[test]
fn documents_are_resources() {
    for_each_era(|client| {
        let ids: BTreeSet<String> =
            (0..1_030).map(|i| add(client, &format!("Note {i}"), &format!("text {i}"))).collect();
        let mut seen = BTreeSet::new();
        let mut params = json!({});
        let mut pages = 0;
        loop {
            let page = client.result("resources/list", params);
            pages += 1;
            for entry in page["resources"].as_array().expect("resources") {
                assert_eq!(entry["mimeType"], "text/plain");
                assert!(entry["size"].is_u64() && entry["name"].is_string(), "{entry}");
                let uri = entry["uri"].as_str().expect("a URI");
                assert!(seen.insert(uri.strip_prefix("doc://").expect("ours").to_owned()));
            }
            match page.get("nextCursor") {
                Some(next) => params = json!({ "cursor": next }),
                None => break,
            }
        }
        assert_eq!((seen, pages), (ids.clone(), 2));
        client.error("resources/list", json!({ "cursor": "nonsense" }));

        let id = ids.first().expect("a document");
        let uri = format!("doc://{id}");
        let read = client.result("resources/read", json!({ "uri": uri }));
        let contents = &read["contents"][0];
        assert_eq!((&contents["uri"], &contents["mimeType"]), (&json!(uri), &json!("text/plain")));
        assert!(contents["text"].as_str().expect("text").starts_with("text "));
        for uri in ["doc://", "doc://nothing", "doc://../x", id.as_str(), "file:///etc/passwd"] {
            let error = client.error("resources/read", json!({ "uri": uri }));
            let code = if client.era == Era::Modern { -32602 } else { -32002 };
            assert_eq!(error["code"], code, "{uri}: {error}");
        }
    });
}

#[test]
fn prompts_carry_text() {
    for_each_era(|client| {
        let id = add(client, "Lighthouses", "The lamp of a lighthouse turns every ten seconds.");
        let text = |result: &Value| {
            assert_eq!(result["messages"][0]["role"], "user");
            result["messages"][0]["content"]["text"].as_str().expect("text").to_owned()
        };
        let get = |name: &str, arguments: Value| json!({ "name": name, "arguments": arguments });
        let result = client.result("prompts/get", get("summarize_document", json!({ "id": id })));
        assert!(text(&result).contains("turns every ten seconds"), "{result}");

        let question = "How often does the lighthouse's lamp turn?";
        let params = get("answer_from_documents", json!({ "question": question }));
        let answer = text(&client.result("prompts/get", params));
        for part in [question, "turns every ten seconds", "Lighthouses", &format!("doc://{id}")] {
            assert!(answer.contains(part), "{part} in {answer}");
        }
        let params = get("answer_from_documents", json!({ "question": "zebras?" }));
        assert!(text(&client.result("prompts/get", params)).contains("No document has any"));

        for (arguments, expected) in [
            (json!({ "id": "nothing" }), "no document"),
            (json!({}), "id"),
            (json!({ "id": 5 }), "id"),
        ] {
            let error = client.error("prompts/get", get("summarize_document", arguments));
            assert_eq!(error["code"], -32602, "{error}");
            assert!(error["message"].as_str().expect("text").contains(expected), "{error}");
        }
        let empty = get("answer_from_documents", json!({ "question": "?!" }));
        assert_eq!(client.error("prompts/get", empty)["code"], -32602);
    });
}

#[test]
fn ids_are_completed() {
    for_each_era(|client| {
        let id = add(client, "Lighthouses of the north", "text");
        for (reference, argument) in [
            (json!({ "type": "ref/prompt", "name": "summarize_document" }), "id"),
            (json!({ "type": "ref/resource", "uri": "doc://{id}" }), "id"),
        ] {
            for typed in ["", "light", "north", &id[..3], &id] {
                let argument = json!({ "name": argument, "value": typed });
                let params = json!({ "ref": reference, "argument": argument });
                let completion = client.result("completion/complete", params)["completion"].clone();
                assert_eq!(completion, json!({ "values": [id], "hasMore": false }), "{typed}");
            }
        }
    });
}

#[test]
fn hostile_queries_are_data() {
    for_each_era(|client| {
        add(client, "Notes", "AND OR NOT NEAR title text drop table documents");
        let hostile = [
            "AND",
            "text AND",
            "\"",
            "\"\" text",
            "title:text",
            "NEAR(text title, 2)",
            "text*",
            "* text",
            "^text",
            "text) OR (1",
            "-text",
            "{title}: text",
            "text\u{0}title",
            "'; DROP TABLE documents; --",
            "text \u{202e}\u{feff}",
            "(((((((((((((((( text",
            "\\\" text \\",
            "text %s %n {} ${x}",
        ];
        for query in hostile {
            let result = client.result(
                "tools/call",
                json!({ "name": "search_documents", "arguments": { "query": query } }),
            );
            let told = result["content"][0]["text"].as_str().expect("text");
            let fine = result["isError"] == false || told.contains("has no words");
            assert!(fine, "{query:?}: {told}");
            assert!(!told.to_lowercase().contains("sql"), "{query:?}: {told}");
        }
        assert_eq!(client.call("dataset_stats", json!({}))["documents"], 1);
        let told = client.call_error("search_documents", json!({ "query": "" }));
        assert!(told.contains("at least one letter or digit"), "{told}");
        let told = client.call_error("search_documents", json!({ "query": "x".repeat(2001) }));
        assert!(told.contains("QUERY_CHARS_MAX"), "{told}");
        let long = "lighthouse ".repeat(180);
        assert_eq!(client.call("search_documents", json!({ "query": long }))["total"], 0);
    });
}

#[test]
fn wrong_arguments_are_named() {
    for_each_era(|client| {
        for (tool, arguments, expected) in [
            ("search_documents", json!({}), "query"),
            ("search_documents", json!({ "query": 5 }), "query"),
            ("search_documents", json!({ "query": "x", "limit": "many" }), "limit"),
            ("search_documents", json!({ "query": "x", "limt": 5 }), "limt"),
            ("get_document", json!({ "id": "x", "offset": -1 }), "offset"),
            ("add_document", json!({ "title": "x" }), "text"),
            ("add_document", json!({ "title": " ", "text": "x" }), "give the document a title"),
            (
                "add_document",
                json!({ "title": "x", "text": "x", "mime_type": "md" }),
                "type/subtype",
            ),
            ("add_document", json!({ "title": "x".repeat(501), "text": "x" }), "TITLE_CHARS_MAX"),
            ("update_document", json!({ "id": "x" }), "nothing to change"),
            ("update_document", json!({ "id": "x", "title": "y" }), "no document"),
        ] {
            let told = client.call_error(tool, arguments.clone());
            assert!(told.contains(expected), "{tool} {arguments}: {told}");
        }
        // Too many or too few are no mistake: a page has what it can have.
        for limit in [0, 1_000_000] {
            client.call("search_documents", json!({ "query": "x", "limit": limit }));
        }
        assert_eq!(client.call("dataset_stats", json!({}))["documents"], 0);
    });
}

/// Another process has the write lock, as an import has for moments: writes wait, reads do not.
#[test]
fn reads_do_not_wait_for_writes() {
    const WRITES: usize = 12;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.db");
    let daemon = Daemon::over(&file);
    let mut client = daemon.client();
    let id = add(&mut client, "Lighthouses", "lamps");
    let lock = rusqlite::Connection::open(&file).expect("opened");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    std::thread::scope(|scope| {
        let writes: Vec<_> = (0..WRITES)
            .map(|i| {
                let mut client = daemon.client();
                scope.spawn(move || add(&mut client, &format!("Note {i}"), "text"))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(200));
        let begun = Instant::now();
        for _ in 0..20 {
            assert_eq!(client.call("search_documents", json!({ "query": "lamps" }))["total"], 1);
            client.call("get_document", json!({ "id": id }));
            client.result("resources/read", json!({ "uri": format!("doc://{id}") }));
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert!(writes.iter().all(|write| !write.is_finished()));
        lock.execute_batch("COMMIT").expect("unlocked");
        for write in writes {
            write.join().expect("added");
        }
    });
    assert_eq!(client.call("dataset_stats", json!({}))["documents"], 1 + WRITES);
}
