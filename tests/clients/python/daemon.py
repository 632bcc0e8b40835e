"""The official Python client against mcp-fastd: python daemon.py PLACE [QUERY]

PLACE is one of places.py. Every step is checked; the first that fails ends it with exit code 1.
"""

import asyncio
import re
import sys

from mcp import Client, MCPError
from places import modes, transport_to, way_to

REVISION = "2026-07-28"
TOOLS = {
    "search_documents",
    "get_document",
    "list_documents",
    "dataset_stats",
    "add_document",
    "update_document",
    "delete_document",
}


async def call(client: Client, tool: str, arguments: dict) -> dict:
    """Calls a tool that succeeds; its structured content, which the client has validated."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


async def word_of_a_title(client: Client) -> str:
    listed = await call(client, "list_documents", {"limit": 1})
    words = re.findall(r"[A-Za-z0-9]{4,}", listed["documents"][0]["title"])
    return max(words, key=len)


async def use(place: str, mode: str, query: str | None) -> str:
    async with Client(transport_to(place), mode=mode) as client:
        # A client that is told the revision does not ask the server what it is.
        assert mode == REVISION or "search_documents" in client.instructions
        tools = await client.list_tools()
        assert {tool.name for tool in tools.tools} >= TOOLS, tools
        query = query or await word_of_a_title(client)

        found = await call(client, "search_documents", {"query": query, "limit": 5})
        assert found["total"] > 0 and found["hits"], found
        hit = found["hits"][0]
        assert hit["uri"] == "doc://" + hit["id"], hit

        document = await call(client, "get_document", {"id": hit["id"], "max_chars": 500})
        assert document["title"] == hit["title"] and document["text"], document
        refused = await client.call_tool("get_document", {"id": "nothing"})
        assert refused.is_error and "no document" in refused.content[0].text, refused

        listed = await client.list_resources()
        assert listed.resources and listed.resources[0].uri.startswith("doc://"), listed
        templates = await client.list_resource_templates()
        assert templates.resource_templates[0].uri_template == "doc://{id}", templates
        read = await client.read_resource(hit["uri"])
        assert read.contents[0].text.startswith(document["text"]), read
        assert read.contents[0].mime_type == document["mime_type"], read
        try:
            await client.read_resource("doc://nothing")
            raise AssertionError("a resource that is not there was read")
        except MCPError:
            pass

        prompts = await client.list_prompts()
        assert {p.name for p in prompts.prompts} == {"summarize_document", "answer_from_documents"}
        summary = await client.get_prompt("summarize_document", {"id": hit["id"]})
        assert hit["uri"] in summary.messages[0].content.text, summary
        answer = await client.get_prompt("answer_from_documents", {"question": query})
        assert "doc://" in answer.messages[0].content.text, answer
        return (
            f"{client.protocol_version}: {found['total']} found for {query!r}, "
            f"first {hit['title']!r}"
        )


async def main() -> None:
    place, query = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else None)
    for mode in modes(place):
        told = await use(place, mode, query)
        print(f"python mcp over {way_to(place)}, mode {mode}: {told}", flush=True)


asyncio.run(main())
