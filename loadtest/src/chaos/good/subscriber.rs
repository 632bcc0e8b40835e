//! `subscriptions/listen` of 2026-07-28: each change is heard of.

use serde_json::{Value, json};

use super::stateless::ask;
use super::{Client, at, check_text, expect};
use crate::chaos::message;
use crate::chaos::wire::{Wire, json as parsed};

pub fn live(client: &mut Client<'_>) -> Result<(), String> {
    let (mut stream, mut wire, id) = (client.wire()?, client.wire()?, client.id());
    let uri = format!("chaos://{}-{}", client.number, client.dice.roll(1 << 30));
    let params = json!({ "notifications": { "resourceSubscriptions": [uri] } });
    stream.send(&message::modern(id, "subscriptions/listen", params)).map_err(at("listen"))?;
    let head = stream.head().map_err(at("listen"))?;
    expect(head.status == 200 && head.is_stream(), || format!("listen: {}", head.status))?;
    let acknowledged = next(&mut stream)?;
    let method = &acknowledged["method"];
    let is_right = method == "notifications/subscriptions/acknowledged";
    expect(is_right, || format!("not acknowledged: {acknowledged}"))?;
    for _ in 0..client.dice.between(5, 200) {
        if client.is_over() {
            break;
        }
        let call = client.id();
        let answer = ask(&mut wire, &message::call(call, "touch", json!({ "uri": uri })))?;
        check_text(&answer, call, &uri)?;
        let notice = next(&mut stream)?;
        let is_right = notice["method"] == "notifications/resources/updated"
            && notice["params"]["uri"] == uri
            && notice["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == id;
        expect(is_right, || format!("not a notice about {uri}: {notice}"))?;
        client.answered();
    }
    Ok(())
}

fn next(stream: &mut Wire) -> Result<Value, String> {
    let event = stream.event().map_err(at("stream"))?.ok_or("the stream ended")?;
    parsed(event.data.as_bytes())
}
