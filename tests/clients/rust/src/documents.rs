//! A search in the documents of the daemon.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::connection::{Connection, Era, from_json, to_json};

/// Searches for the query, or for a word of a title.
pub async fn run(place: &str, query: Option<&str>, era: &Era) -> Result<()> {
    let title = era.title(place);
    let told = use_daemon(place, query, era).await;
    println!("{title}: {}", told.with_context(|| format!("{title}: FAILED"))?);
    Ok(())
}

async fn use_daemon(place: &str, query: Option<&str>, era: &Era) -> Result<String> {
    let alice = Connection::open("alice", place, era).await?;
    let tools = alice.service.list_all_tools().await?;
    ensure!(tools.iter().any(|tool| tool.name == "search_documents"), "{tools:?}");

    let listed = structured(&alice, "list_documents", json!({ "limit": 1 })).await?;
    let title = listed["documents"][0]["title"].as_str().context("a title")?;
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric());
    let query = query.or(words.max_by_key(|word| word.len())).context("a word")?;
    let found = structured(&alice, "search_documents", json!({ "query": query })).await?;
    let hit = &found["hits"][0];
    let document = structured(&alice, "get_document", json!({ "id": hit["id"] })).await?;
    ensure!(document["title"] == hit["title"], "{document}");

    let resources = alice.service.list_all_resources().await?;
    ensure!(resources.iter().any(|one| hit["uri"] == *one.uri), "{hit} is no resource");
    let read = alice.service.read_resource(from_json(json!({ "uri": hit["uri"] }))).await?;
    let text = to_json(&read)["contents"][0]["text"].clone();
    let begins = text.as_str().zip(document["text"].as_str());
    ensure!(begins.is_some_and(|(whole, part)| whole.starts_with(part)), "{text}: {document}");
    alice.close().await?;
    Ok(format!("{} found for {query}, first {}", found["total"], hit["title"]))
}

/// Calls a tool that succeeds; its structured content.
async fn structured(alice: &Connection, tool: &str, arguments: Value) -> Result<Value> {
    let result = alice.call(tool, arguments).await?;
    ensure!(result["isError"] != true, "{tool}: {result}");
    Ok(result["structuredContent"].clone())
}
