//! A tool that is a type of its own, in a group: for tools too big for a closure, and for servers
//! with too many tools for one list.
//!
//! ```sh
//! cargo run --example 03_typed_tool -- --bind 127.0.0.1:8000
//! ```

use mcp_fastd::{About, Annotations, Call, Json, Server, Tool, about};

/// Finds words in a fixed list.
struct Search {
    words: Vec<&'static str>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Query {
    /// What the words begin with.
    prefix: String,
    /// How many words to give at most.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    limit: usize,
}

fn ten() -> usize {
    10
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Found {
    /// The words, in alphabetical order.
    words: Vec<String>,
    /// Whether there are more.
    more: bool,
}

impl<S> Tool<S> for Search {
    type Input = Query;
    type Output = Result<Json<Found>, String>;

    fn about(&self) -> About {
        about("search_words")
            .title("Search words")
            .describe("Finds words by their first letters.")
            .annotations(Annotations::READ_ONLY)
    }

    fn call(&self, _state: &S, query: Query, _call: &Call<'_>) -> Self::Output {
        if !(1..=100).contains(&query.limit) {
            return Err(format!("limit is {}; it must be from 1 to 100", query.limit));
        }
        let mut found = self.words.iter().filter(|word| word.starts_with(&query.prefix));
        let words = found.by_ref().take(query.limit).map(|word| (*word).to_owned()).collect();
        Ok(Json(Found { words, more: found.next().is_some() }))
    }
}

/// What another module might offer.
mod words {
    use super::Search;
    use mcp_fastd::app::tool::{Group, Tools};

    pub(crate) fn tools<S: Send + Sync + 'static>() -> Group<S, impl Tools<S>> {
        mcp_fastd::group().with(Search { words: vec!["alder", "almond", "ash", "beech", "birch"] })
    }
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let running = Server::builder().tools(words::tools()).bind(bind.as_str()).start()?;
    println!("listening on http://{}/mcp", running.addr());
    running.wait();
    Ok(())
}
