"""The official Python client against examples/conformance_server: python protocol.py PLACE

PLACE is one of places.py. Every step is checked, in each era; the first that fails ends it with
exit code 1.
"""

import asyncio
import base64
import json
import sys
import traceback

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from person import PATIENCE, REVISION, Person, connect, refused, subscribed, until
from places import modes, way_to
from wire import open_wire

ROUNDS = 10


async def tools(person: Person, *_) -> str:
    call = person.client.call_tool
    listed = (await person.client.list_tools()).tools
    greet = next(tool for tool in listed if tool.name == "greet")
    assert "name" in greet.input_schema["properties"], greet
    assert await person.text("greet", {"name": "Ada"}) == "Hello, Ada!"
    content = (await call("test_multiple_content_types", {})).content
    assert [block.type for block in content] == ["text", "image", "resource"], content
    failed = await call("test_error_handling", {})
    assert failed.is_error and failed.content[0].text == "This tool always fails.", failed
    wrong = await call("greet", {"name": 5})
    assert wrong.is_error and "name" in wrong.content[0].text, wrong
    await refused(call("nothing", {}), -32602)
    return f"{len(listed)} listed, called, failed as they should"


async def resources(person: Person, *_) -> str:
    client = person.client
    listed = (await client.list_resources()).resources
    assert "test://static-text" in [resource.uri for resource in listed], listed
    fixed = await client.read_resource("test://static-text")
    assert fixed.contents[0].text == "Always this.", fixed
    binary = await client.read_resource("test://static-binary")
    assert base64.b64decode(binary.contents[0].blob).startswith(b"\x89PNG"), binary
    templates = (await client.list_resource_templates()).resource_templates
    assert [each.uri_template for each in templates] == ["test://template/{id}/data"], templates
    entry = await client.read_resource("test://template/7/data")
    assert json.loads(entry.contents[0].text)["id"] == "7", entry
    await refused(client.read_resource("test://nothing"), -32002, -32602)
    return f"{len(listed)} and a template"


async def prompts(person: Person, *_) -> str:
    listed = (await person.client.list_prompts()).prompts
    arguments = {"arg1": "one", "arg2": "two"}
    got = await person.client.get_prompt("test_prompt_with_arguments", arguments)
    assert got.messages[0].content.text == "The arguments are `one` and `two`.", got
    asked = await person.client.get_prompt("test_input_required_result_prompt")
    assert asked.messages[0].content.text == "My name is alice.", asked
    await refused(person.client.get_prompt("nothing"), -32602)
    return f"{len(listed)} listed, two got"


async def completion(person: Person, *_) -> str:
    reference = types.PromptReference(name="test_prompt_with_arguments")
    completed = await person.client.complete(reference, {"name": "arg1", "value": "test"})
    assert completed.completion.values == ["test", "testing"], completed
    return str(completed.completion.values)


async def progress(person: Person, *_) -> str:
    seen = []

    async def note(progress: float, total: float | None, _) -> None:
        seen.append((progress, total))

    assert await person.text("test_tool_with_progress", progress_callback=note) == "Done."
    assert seen == [(0, 100), (50, 100), (100, 100)], seen
    return str(seen)


async def logging(person: Person, *_) -> str:
    for level in ["error", "info"]:
        # Before 2026-07-28 a session has its level, from then on each request.
        meta = {"io.modelcontextprotocol/logLevel": level}
        if person.client.protocol_version != REVISION:
            await person.client.set_logging_level(level)
            meta = None
        await person.text("test_tool_with_logging", meta=meta)
    await until("three lines", lambda: len(person.logged) >= 3)
    assert person.logged == ["started", "half done", "done"], person.logged
    return str(person.logged)


async def elicitation(person: Person, *_) -> str:
    accepted = await person.text("test_elicitation", {"message": "Who are you?"})
    assert accepted == 'The user said: {"username":"alice","email":"alice"}', accepted
    assert person.asked[-1] == "Who are you?", person.asked
    person.declines = True
    declined = await person.text("test_elicitation", {"message": "And now?"})
    person.declines = False
    assert declined == "The user declined to answer.", declined
    twice = await person.text("test_input_required_result_multi_round")
    assert twice == 'The user said: {"name":"alice"} The user said: {"color":"alice"}', twice
    return "accepted, declined, asked twice"


async def sampling(person: Person, *_) -> str:
    said = await person.text("test_sampling", {"prompt": "one and one"})
    assert said == "The model said: alice heard one and one", said
    return said


async def roots(person: Person, *_) -> str:
    told = await person.text("test_input_required_result_list_roots")
    assert told == "The client's roots: file:///home/alice", told
    return told


async def subscription(person: Person, *_) -> str:
    async with subscribed(person):
        await person.touch("test://of-no-interest")
        await person.touch(person.resource)
        await until("resources/updated", lambda: person.updated)
        assert person.updated == [person.resource], person.updated
        before = person.tools_changed
        await person.text("test_trigger_tool_change")
        await until("tools/list_changed", lambda: person.tools_changed > before)
    return "the resource was updated, the tools have changed"


async def cancellation(person: Person, *_) -> str:
    before = len(person.updated)
    async with subscribed(person):
        started = asyncio.Event()

        async def note(*_) -> None:
            started.set()

        arguments = {"uri": person.resource}
        call = person.client.call_tool("test_cancellation", arguments, progress_callback=note)
        call = asyncio.create_task(call)
        await started.wait()
        call.cancel()
        await until("the tool to see it", lambda: len(person.updated) > before)
    return "the tool has seen it"


async def overtaking(person: Person, *_) -> str:
    """A quick call is answered while a slow one waits for the user."""
    person.answers.clear()
    before = len(person.asked)
    slow = asyncio.create_task(person.text("test_elicitation", {"message": "Well?"}))
    await until("the question", lambda: len(person.asked) > before)
    assert await person.text("greet", {"name": "Ada"}) == "Hello, Ada!"
    assert not slow.done()
    person.answers.set()
    assert '"username":"alice"' in await slow
    return "the quick answer came first"


async def ping(person: Person, *_) -> str:
    await person.client.send_ping()
    return "answered"


async def hang_up(person: Person, *_) -> str:
    told = await person.text("test_reconnection")
    assert told == "Done, while nobody was connected.", told
    return told


async def cut(_, place: str, mode: str) -> str:
    """The connection is cut in a streaming call; the rest comes by Last-Event-ID."""
    seen = []
    async with open_wire(place) as wire, connect("alice", wire.url, mode) as person:

        async def note(progress: float, *_) -> None:
            seen.append(progress)
            if progress == 0:
                wire.cut()

        assert await person.text("test_tool_with_progress", progress_callback=note) == "Done."
    assert seen == [0, 50, 100], f"each event once: {seen}"
    return "nothing lost, nothing twice"


async def cut_get(witness: Person, place: str, mode: str) -> str:
    """What happens while the GET stream is cut comes when it is there again."""
    async with open_wire(place) as wire, connect("alice", wire.url, mode) as person:
        async with subscribed(person):
            await witness.touch(person.resource)
            await until("the first update", lambda: len(person.updated) == 1)
            wire.cut()
            await witness.touch(person.resource)
            await until("the update of the meantime", lambda: len(person.updated) > 1)
            await witness.touch(person.resource)
            await until("the update after", lambda: len(person.updated) > 2)
            assert len(person.updated) == 3, f"each update once: {person.updated}"
    return "nothing lost, nothing twice"


async def cut_is_cancellation(witness: Person, place: str, mode: str) -> str:
    """Without sessions a cut connection ends the call on both sides."""
    before = len(witness.updated)
    async with subscribed(witness), open_wire(place) as wire:
        async with connect("alice", wire.url, mode) as person:

            async def note(*_) -> None:
                wire.cut()

            arguments = {"uri": witness.resource}
            call = person.client.call_tool("test_cancellation", arguments, progress_callback=note)
            await refused(call, types.CONNECTION_CLOSED)
            await until("the tool to see it", lambda: len(witness.updated) > before)
    return "the call failed, the tool has seen it"


async def tasks(person: Person, *_) -> str:
    call = person.client.call_tool
    computed = await call("slow_compute", {"seconds": 1, "label": "It"})
    assert computed.content[0].text == "It: computed for 1 s.", computed
    asked = await call("confirm_delete", {"filename": "a.txt"})
    assert asked.content[0].text == "a.txt would be gone now.", asked
    failed = await call("failing_job", {})
    assert failed.is_error and failed.content[0].text == "This job always fails.", failed
    both = await call("multi_input", {})
    assert person.tasks.statuses[0] == "working" and not both.is_error, both
    person.tasks.cancels = True
    cancelled = await call("slow_compute", {"seconds": 30})
    person.tasks.cancels = False
    assert cancelled.is_error and "cancelled" in cancelled.content[0].text, cancelled
    assert (await call("protocol_error_job", {})).content[0].text.startswith("failed: {")
    return "computed, asked the user, failed, cancelled"


async def two_clients(_, place: str, mode: str) -> str:
    """Both ask, are asked and listen at once, with the same ids of requests; what belongs to one
    never reaches the other."""

    async def live(person: Person) -> None:
        for count in range(ROUNDS):
            word = f"{person.name} {count}"
            sampled, elicited, *_ = await asyncio.gather(
                person.text("test_sampling", {"prompt": word}),
                person.text("test_elicitation", {"message": word}),
                person.touch(person.resource),
                progress(person),
            )
            assert sampled == f"The model said: {person.name} heard {word}", sampled
            assert f'"username":"{person.name}"' in elicited, elicited
            await until("its update", lambda: len(person.updated) > count)

    async with connect("bob", place, mode) as bob, connect("carol", place, mode) as carol:
        async with subscribed(bob), subscribed(carol):
            await asyncio.gather(live(bob), live(carol))
        for person in [bob, carol]:
            assert all(said.startswith(person.name) for said in person.asked), person.asked
            assert len(person.asked) == 2 * ROUNDS, person.asked
            assert person.updated == [person.resource] * ROUNDS, person.updated
    return f"{ROUNDS} rounds, nothing of one reached the other"


async def session_end(_, place: str, mode: str) -> str:
    """Leaving the client deletes its session; the server knows it no more."""
    ids: list[str] = []

    async def note(response: httpx2.Response) -> None:
        ids.extend(filter(None, [response.headers.get("mcp-session-id")]))

    async with httpx2.AsyncClient(event_hooks={"response": [note]}) as http:
        async with Client(streamable_http_client(place, http_client=http), mode=mode):
            assert len(set(ids)) == 1, ids
        headers = {
            "accept": "application/json, text/event-stream",
            "mcp-session-id": ids[0],
        }
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        answer = await http.post(place, json=ping, headers=headers)
        assert answer.status_code == 404, f"expected 404 for a deleted session: {answer}"
    return "the session was deleted, and is gone"


CHECKS = [tools, resources, prompts, completion, progress, logging, elicitation, sampling, roots]
CHECKS += [subscription, cancellation, overtaking, two_clients]
STATEFUL = [ping, hang_up]
STATELESS = [tasks]
# What is promised by Streamable HTTP alone.
STATEFUL_HTTP = [cut, cut_get, session_end]
STATELESS_HTTP = [cut_is_cancellation]


def checks(person: Person, place: str) -> list:
    of_http = way_to(place) == "http"
    if person.client.protocol_version == REVISION:
        return CHECKS + STATELESS + (STATELESS_HTTP if of_http else [])
    return CHECKS + STATEFUL + (STATEFUL_HTTP if of_http else [])


async def passes(place: str, mode: str) -> bool:
    async with connect("alice", place, mode) as person:
        title = f"python mcp {person.client.protocol_version} ({mode}) over {way_to(place)}"
        for check in checks(person, place):
            try:
                async with asyncio.timeout(4 * PATIENCE):
                    told = await check(person, place, mode)
            except Exception:
                print(f"{title}: {check.__name__}: FAILED", flush=True)
                traceback.print_exc()
                return False
            print(f"{title}: {check.__name__}: {told}", flush=True)
    return True


async def main(place: str) -> int:
    for mode in modes(place):
        if not await passes(place, mode):
            return 1
    return 0


sys.exit(asyncio.run(main(sys.argv[1])))
