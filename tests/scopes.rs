//! What somebody may not use is refused by the head and by the body, is not listed, and says which
//! scopes would do.

mod common;

use common::http_sse::OldClient;
use common::session::initialize;
use common::{Post, Response, Wire, legacy, modern};
use mcp_fastd::app::Reference;
use mcp_fastd::{
    Access, Action, Call, CompletionRequest, Credentials, Empty, Failure, Missing, Policy,
    Principal, Running, Server, ToolEntry, ToolPage, ToolProvider, ToolReply, about,
};
use serde_json::{Value, json};

/// `Bearer NAME:SCOPE,SCOPE`.
fn access(_: &(), credentials: &Credentials) -> Access {
    let Some(token) = credentials.bearer() else { return Access::Anonymous };
    let Some((name, scopes)) = token.split_once(':') else { return credentials.denied() };
    let scopes = scopes.split(',').filter(|scope| !scope.is_empty());
    Access::Principal(Principal::named(name).with_scopes(scopes).into())
}

/// Seven tools, two on a page, of which the even ones are for `even` alone.
struct Many;

impl ToolProvider<()> for Many {
    fn list(&self, _: &(), cursor: Option<&str>, page: &mut ToolPage<'_>) -> Result<(), Failure> {
        let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap_or_default());
        for number in from..(from + 2).min(7) {
            page.entry(&ToolEntry { name: format!("many_{number}"), ..ToolEntry::default() });
        }
        if from + 2 < 7 {
            page.continues((from + 2).to_string());
        }
        Ok(())
    }

    fn call(
        &self,
        _: &(),
        name: &str,
        _: mcp_fastd::json::Value<'_>,
        _: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        reply.text(name);
        Ok(())
    }
}

fn start() -> Running {
    let authorize = |_: &(), principal: Option<&Principal>, action: Action<'_>| match action {
        Action::Tool("many_0" | "many_1" | "many_2" | "many_3" | "many_6")
            if !principal.is_some_and(|principal| principal.has("many")) =>
        {
            Err(Missing::scopes(["many"]))
        }
        Action::Method("server/discover") if principal.is_none() => Err(Missing::default()),
        _ => Ok(()),
    };
    Server::builder()
        .authenticate(access)
        .authorize(authorize)
        .tool_provider(Many)
        .tool("free", |_: Empty| "free")
        .tool(about("write").scopes(["w", "x"]), |_: Empty| "written")
        .tool(about("slow").scopes(["w"]).on_worker(), |_: Empty| "slow")
        .prompt(about("secret").scopes(["p"]), |_: Empty| "a secret".to_owned())
        .resource(about("app:open"), |_: &()| "open")
        .resource(about("app:shut").scopes(["r"]), |_: &()| "shut")
        .resource_template(about("note://{id}").scopes(["r"]), |_: &(), _: Note| "a note")
        .completion(|_: &(), request: &CompletionRequest<'_>| match request.reference {
            Reference::Prompt(_) | Reference::Resource(_) => vec!["one".to_owned()],
        })
        .page_size(3)
        .bind("127.0.0.1:0")
        .cores(2)
        .start()
        .expect("the server starts")
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Note {
    #[allow(dead_code)]
    id: String,
}

fn as_(scopes: &str, post: Post) -> Post {
    post.with("Authorization", &format!("Bearer ada:{scopes}"))
}

#[track_caller]
fn forbidden(response: &Response, scope: &str) {
    let challenge = response.field("WWW-Authenticate").unwrap_or_default();
    let expected = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
    assert_eq!((response.status, challenge), (403, &*expected), "{}", response.text());
    let (_, message) = response.error();
    assert!(message.contains(&format!("`{scope}`")), "{message}");
}

fn tool(name: &str) -> Post {
    modern(json!(1), "tools/call", json!({ "name": name }))
}

#[test]
fn a_use_is_refused_with_all_that_it_needs() {
    let running = start();
    let mut wire = Wire::connect(running.addr());
    assert_eq!(wire.ask(as_("w,x", tool("write")).bytes()).status, 200);
    forbidden(&wire.ask(as_("", tool("write")).bytes()), "w x");
    forbidden(&wire.ask(as_("x", tool("write")).bytes()), "w x");
    forbidden(&wire.ask(as_("", tool("slow")).bytes()), "w");
    forbidden(&wire.ask(as_("", tool("many_0")).bytes()), "many");
    let get = |name: &str| modern(json!(1), "prompts/get", json!({ "name": name }));
    forbidden(&wire.ask(as_("w", get("secret")).bytes()), "p");
    assert_eq!(wire.ask(as_("p", get("secret")).bytes()).status, 200);
    let read = |uri: &str| modern(json!(1), "resources/read", json!({ "uri": uri }));
    forbidden(&wire.ask(as_("", read("app:shut")).bytes()), "r");
    forbidden(&wire.ask(as_("", read("note://7")).bytes()), "r");
    assert_eq!(wire.ask(as_("", read("app:open")).bytes()).status, 200);
    assert_eq!(wire.ask(as_("r", read("note://7")).bytes()).status, 200);
    // What is completed, or watched, is used.
    let complete = |reference: Value| {
        let argument = json!({ "name": "id", "value": "" });
        modern(json!(1), "completion/complete", json!({ "ref": reference, "argument": argument }))
    };
    let prompt = json!({ "type": "ref/prompt", "name": "secret" });
    let template = json!({ "type": "ref/resource", "uri": "note://{id}" });
    forbidden(&wire.ask(as_("", complete(prompt.clone())).bytes()), "p");
    forbidden(&wire.ask(as_("p", complete(template)).bytes()), "r");
    assert_eq!(wire.ask(as_("p", complete(prompt)).bytes()).status, 200);
    let uris = json!({ "resourceSubscriptions": ["app:open", "app:shut"] });
    let listen = modern(json!(1), "subscriptions/listen", json!({ "notifications": uris }));
    forbidden(&wire.ask(as_("", listen).bytes()), "r");
    running.stop();
}

#[test]
fn somebody_unknown_is_asked_who_they_are() {
    let running = start();
    let mut wire = Wire::connect(running.addr());
    assert_eq!(wire.ask(tool("free").bytes()).status, 200);
    let response = wire.ask(tool("write").bytes());
    let challenge = response.field("WWW-Authenticate");
    assert_eq!((response.status, challenge), (401, Some("Bearer scope=\"w x\"")));
    // No scope would help.
    let response = wire.ask(modern(json!(1), "server/discover", json!({})).bytes());
    assert_eq!(
        (response.status, response.field("WWW-Authenticate")),
        (401, Some("Bearer realm=\"mcp\""))
    );
    running.stop();
}

#[test]
fn the_head_is_refused_before_its_body_and_the_body_too() {
    let running = start();
    let mut wire = Wire::connect(running.addr());
    let bytes = as_("", tool("write")).bytes();
    let head = bytes.windows(4).position(|at| at == b"\r\n\r\n").expect("a head") + 4;
    wire.send(&bytes[..head]);
    forbidden(&wire.response(), "w x");
    wire.half_close();
    wire.expect_end();
    // A name that is written in base64 is the same name.
    let mut wire = Wire::connect(running.addr());
    let encoded = as_("", tool("write")).instead("Mcp-Name", "=?base64?d3JpdGU=?=");
    wire.send(&encoded.bytes()[..encoded.bytes().len() - 5]);
    forbidden(&wire.response(), "w x");
    // A head that says something else than the body is no way in.
    let mut wire = Wire::connect(running.addr());
    let response = wire.ask(as_("", tool("write")).instead("Mcp-Name", "free").bytes());
    assert_ne!(response.status, 200, "{}", response.text());
    // Older revisions have no such headers.
    let call = legacy(json!(1), "tools/call", json!({ "name": "write", "arguments": {} }));
    forbidden(&wire.ask(as_("", call.clone()).bytes()), "w x");
    assert_eq!(wire.ask(as_("w,x", call).bytes()).status, 200);
    running.stop();
}

#[test]
fn a_batch_is_taken_as_a_whole_or_not() {
    let running = start();
    let mut wire = Wire::connect(running.addr());
    let call = |id: u64, name: &str| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": name, "arguments": {} } })
    };
    let batch = Post::new(json!([call(1, "free"), call(2, "write"), call(3, "slow")]).to_string())
        .with("MCP-Protocol-Version", "2025-03-26");
    forbidden(&wire.ask(as_("", batch.clone()).bytes()), "w x");
    let answers = wire.ask(as_("w,x", batch).bytes()).json();
    assert_eq!(answers.as_array().map(Vec::len), Some(3), "{answers}");
    running.stop();
}

fn pages(wire: &mut Wire, scopes: &str, method: &str, key: &str) -> (Vec<String>, usize) {
    let (mut names, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let mut params = json!({});
        if !cursor.is_null() {
            params["cursor"] = cursor.clone();
        }
        let page = wire.ask(as_(scopes, modern(json!(1), method, params)).bytes()).result();
        pages += 1;
        assert!(pages < 20, "it ends");
        assert_eq!(page["cacheScope"], "private", "what somebody sees is theirs");
        assert_eq!(page["ttlMs"], 0, "with another token it is another list");
        let entries = page[key].as_array().expect("a list");
        let name = |entry: &Value| {
            let name = ["uriTemplate", "uri", "name"].iter().find_map(|key| entry[*key].as_str());
            name.expect("a name").to_owned()
        };
        names.extend(entries.iter().map(name));
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            return (names, pages);
        }
    }
}

#[test]
fn lists_show_what_can_be_used() {
    let running = start();
    let mut wire = Wire::connect(running.addr());
    let (all, _) = pages(&mut wire, "w,x,many", "tools/list", "tools");
    let many: Vec<_> = (0..7).map(|number| format!("many_{number}")).collect();
    assert_eq!(all, [&["free", "write", "slow"].map(String::from)[..], &many].concat());
    let (few, count) = pages(&mut wire, "", "tools/list", "tools");
    // Pages of the provider's on which nothing is for them are passed over.
    assert_eq!((few, count), (vec!["free".into(), "many_4".into(), "many_5".into()], 3));
    let (some, _) = pages(&mut wire, "w", "tools/list", "tools");
    assert_eq!(some, ["free", "slow", "many_4", "many_5"]);
    let prompts = |wire: &mut Wire, scopes| pages(wire, scopes, "prompts/list", "prompts").0;
    assert!(prompts(&mut wire, "").is_empty());
    assert_eq!(prompts(&mut wire, "p"), ["secret"]);
    let resources = |wire: &mut Wire, scopes| pages(wire, scopes, "resources/list", "resources").0;
    assert_eq!(resources(&mut wire, ""), ["app:open"]);
    assert_eq!(resources(&mut wire, "r"), ["app:open", "app:shut"]);
    let (method, key) = ("resources/templates/list", "resourceTemplates");
    assert!(pages(&mut wire, "", method, key).0.is_empty());
    assert_eq!(pages(&mut wire, "r", method, key).0, ["note://{id}"]);
    running.stop();
}

#[test]
fn a_session_grows_with_the_scopes_of_its_principal() {
    let running = start();
    let mut wire = Wire::connect(running.addr());
    let begun = wire.ask(as_("", initialize("2025-11-25", json!({}))).bytes());
    let id = begun.field("Mcp-Session-Id").expect("a session").to_owned();
    let call = |who: &str, name: &str| {
        legacy(json!(2), "tools/call", json!({ "name": name, "arguments": {} }))
            .with("Mcp-Session-Id", &id)
            .with("Authorization", &format!("Bearer {who}"))
    };
    forbidden(&wire.ask(call("ada:", "write").bytes()), "w x");
    assert_eq!(wire.ask(call("ada:w,x", "write").bytes()).status, 200, "stepped up");
    forbidden(&wire.ask(call("ada:", "write").bytes()), "w x");
    assert_eq!(wire.ask(call("alan:w,x", "write").bytes()).status, 404, "somebody else's");
    let subscribe = legacy(json!(3), "resources/subscribe", json!({ "uri": "app:shut" }))
        .with("Mcp-Session-Id", &id);
    forbidden(&wire.ask(as_("", subscribe).bytes()), "r");
    running.stop();
}

#[test]
fn a_line_is_judged_by_each_message() {
    let running = start();
    let get = common::http_sse::open().with("Authorization", "Bearer ada:");
    let mut client = OldClient::connect_with(running.addr(), &get);
    let mut wire = Wire::connect(running.addr());
    let post = |who: &str, id: u64, name: &str| {
        let params = json!({ "name": name, "arguments": {} });
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        Post::new(body.to_string())
            .line(&format!("POST {} HTTP/1.1", client.endpoint))
            .with("Authorization", &format!("Bearer {who}"))
    };
    forbidden(&wire.ask(post("ada:", 1, "write").bytes()), "w x");
    assert_eq!(wire.ask(post("alan:w,x", 2, "write").bytes()).status, 404);
    let (quick, slow) = (post("ada:w,x", 3, "write").bytes(), post("ada:w", 4, "slow").bytes());
    assert_eq!(wire.ask(quick).status, 202);
    assert_eq!(client.next()["result"]["content"][0]["text"], "written");
    assert_eq!(wire.ask(slow).status, 202);
    assert_eq!(client.next()["result"]["content"][0]["text"], "slow");
    running.stop();
}

#[test]
fn without_a_policy_lists_are_for_everybody() {
    let running = Server::builder()
        .authenticate(access)
        .tool("free", |_: Empty| "free")
        .bind("127.0.0.1:0")
        .start()
        .expect("the server starts");
    let list = modern(json!(1), "tools/list", json!({}));
    let page = Wire::connect(running.addr()).ask(as_("", list).bytes()).result();
    assert_eq!(page["cacheScope"], "public");
    running.stop();
}

/// One challenge for what each request needs and what the tool needs, with what is there already: a
/// token with just that will do, and nobody is asked twice.
#[test]
fn one_challenge_names_what_all_layers_need() {
    let mut policy = mcp_fastd::Policy::default();
    policy.requests(["use"]);
    let running = Server::builder()
        .authenticate(access)
        .policy(policy)
        .tool(about("write").scopes(["w", "x"]), |_: Empty| "written")
        .bind("127.0.0.1:0")
        .start()
        .expect("the server starts");
    let mut wire = Wire::connect(running.addr());
    forbidden(&wire.ask(as_("", tool("write")).bytes()), "use w x");
    forbidden(&wire.ask(as_("x", tool("write")).bytes()), "use w x");
    forbidden(&wire.ask(as_("use,x", tool("write")).bytes()), "w x use");
    forbidden(&wire.ask(as_("w,x", tool("write")).bytes()), "use w x");
    assert_eq!(wire.ask(as_("use,w,x", tool("write")).bytes()).status, 200);
    // By the body, where the head says nothing of the tool.
    let old = || legacy(json!(1), "tools/call", json!({ "name": "write" }));
    forbidden(&wire.ask(as_("use", old()).bytes()), "w x use");
    assert_eq!(wire.ask(as_("use,w,x", old()).bytes()).status, 200);
    running.stop();
}

#[test]
fn a_policy_is_for_what_there_is() {
    let start = |name: fn(&mut Policy)| {
        let mut policy = Policy::default();
        name(&mut policy);
        let builder = Server::builder().policy(policy).tool("read", |_: Empty| "read");
        let builder = builder.prompt("ask", |_: Empty| "asked".to_owned());
        let builder = builder.resource(about("app:open"), |_: &()| "open");
        let builder = builder.resource_template(about("note://{id}"), |_: &(), _: Note| "a note");
        builder.bind("127.0.0.1:0").cores(1).start().map(Running::stop).map_err(|it| it.to_string())
    };
    let found: fn(&mut Policy) = |policy| {
        policy.tool("read", ["r"]);
        policy.prompt("ask", ["r"]);
        for uri in ["app:open", "note://1", "note://{id}", "note://{+id}"] {
            policy.resource(uri, ["r"]).expect("a template");
        }
    };
    start(found).expect("the server starts");
    for (missing, told) in [
        ((|policy| policy.tool("raed", ["r"])) as fn(&mut Policy), "no tool `raed`"),
        (|policy| policy.prompt("aks", ["r"]), "no prompt `aks`"),
        (|policy| policy.resource("app:opne", ["r"]).unwrap(), "no resource `app:opne`"),
        (|policy| policy.resource("memo://{id}", ["r"]).unwrap(), "no resource `memo://{id}`"),
    ] {
        let problem = start(missing).expect_err("it would be free for all");
        assert!(problem.contains(told), "{problem}");
    }
}
