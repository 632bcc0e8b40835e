"""The official Python client against one mcp-fastd that serves stdio and HTTP: python both.py PLACE

PLACE is a program that runs `mcp-fastd --transport both`, with its standard error in PLACE.log.
Whatever one client does to a document, all others hear of and see, whatever way they came. When the
client that started the server leaves, the server ends, though the others are still there.
"""

import asyncio
import re
import sys
from pathlib import Path

from person import PATIENCE, REVISION, Person, connect, subscribed, until
from places import way_to


class Guest:
    """A client in a task of its own, so that it can come and go in any order."""

    def __init__(self, tasks: asyncio.TaskGroup, name: str, place: str, mode: str) -> None:
        self.title = f"{name} ({mode} over {way_to(place)})"
        self.person = asyncio.get_running_loop().create_future()
        self.subscribe, self.is_subscribed = asyncio.Event(), asyncio.Event()
        self.leave = asyncio.Event()
        self.saw_the_end = False
        self.task = tasks.create_task(self.stay(name, place, mode))

    async def stay(self, name: str, place: str, mode: str) -> None:
        try:
            async with connect(name, place, mode) as person:
                self.person.set_result(person)
                await self.subscribe.wait()
                async with subscribed(person) as subscription:
                    self.is_subscribed.set()
                    await self.leave.wait()
                    if subscription and way_to(place) == "http":
                        # It ends with the server, and says so: otherwise it would be lost.
                        async for _ in subscription:
                            pass
                        self.saw_the_end = True
        except Exception:
            # What it wants of a server that has ended is none of our concern.
            if not self.leave.is_set() or way_to(place) == "stdio":
                raise


async def change(person: Person, tool: str, **arguments) -> dict:
    result = await person.client.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


async def read(person: Person, uri: str) -> str:
    return (await person.client.read_resource(uri)).contents[0].text


async def address(log: Path, before: int) -> str:
    def found():
        return re.search(r"http://[^/\s]+(?=/mcp)", log.read_text()[before:])

    await until("where it listens", found)
    return found().group()


async def live(guests: list[Guest]) -> None:
    """Each changes a document in turn, and all others hear of it and see it."""
    people = [await guest.person for guest in guests]
    added = await change(people[0], "add_document", title="Common", text="The first text.")
    uri = added["uri"]
    for guest, person in zip(guests, people):
        person.resource = uri
        guest.subscribe.set()
        await guest.is_subscribed.wait()
        assert await read(person, uri) == "The first text.", guest.title

    for writer, author in zip(guests, people):
        others = [(g.title, p) for g, p in zip(guests, people) if p is not author]
        before = {title: (len(p.updated), p.resources_changed) for title, p in others}
        text = f"The text of {writer.title}."
        await change(author, "update_document", id=uri, text=text)
        for title, person in others:
            heard = f"resources/updated for {title}, of what {writer.title} has changed"
            await until(heard, lambda: len(person.updated) > before[title][0])
            assert person.updated[-1] == uri, person.updated
            seen = await read(person, uri)
            assert seen == text, f"{title} sees {seen!r}, not {text!r}"
        other = await change(author, "add_document", title="Another", text="Of no concern.")
        for title, person in others:
            heard = f"resources/list_changed for {title}, of what {writer.title} has added"
            await until(heard, lambda: person.resources_changed > before[title][1])
            assert await read(person, other["uri"]) == "Of no concern.", title
            assert set(person.updated) == {uri}, f"{title}: {person.updated}"


async def main(place: str) -> None:
    for mode in ["legacy", REVISION]:
        log = Path(place + ".log")
        before = len(log.read_text()) if log.exists() else 0
        async with asyncio.timeout(4 * PATIENCE), asyncio.TaskGroup() as tasks:
            parent = Guest(tasks, "the parent", place, mode)
            await parent.person
            url = await address(log, before)
            ways = [("/mcp", REVISION), ("/mcp", "legacy"), ("/sse", "legacy")]
            guests = [Guest(tasks, "a guest", url + path, mode) for path, mode in ways]
            await live([parent, *guests])
            parent.leave.set()
            await parent.task
            for guest in guests:
                guest.leave.set()
        assert guests[0].saw_the_end, "a subscription over HTTP was lost when the server ended"
        print(f"python mcp, {mode} over stdio: with {len(guests)} clients over HTTP", flush=True)


asyncio.run(main(sys.argv[1]))
