"""The official Python client against examples/19_rmcp_counter: python counter.py URL

Every step is checked, in each era; the first that fails ends it with exit code 1.
"""

import asyncio
import sys

from mcp import Client, MCPError

REVISION = "2026-07-28"


async def text(client: Client, tool: str, **arguments) -> str:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.content[0].text


async def use(url: str, mode: str) -> str:
    async with Client(url, mode=mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"increment", "decrement", "get_value", "say_hello", "echo", "sum"} <= names, names
        assert await text(client, "sum", a=2, b=40) == "42"
        assert await text(client, "echo", word="é") == '{"word":"é"}'
        counts = [await text(client, "increment") for _ in range(3)]
        # A request of the stateless era has a counter of its own, as with rmcp's own service.
        lasts = mode == "legacy"
        assert counts == (["1", "2", "3"] if lasts else ["1", "1", "1"]), counts
        prompt = await client.get_prompt("counter_analysis", {"goal": "20"})
        assert "Goal value: 20" in prompt.messages[1].content.text, prompt
        resources = await client.list_resources()
        read = await client.read_resource(resources.resources[1].uri)
        assert "Business" in read.contents[0].text, read
        try:
            await client.read_resource("memo://nothing")
            raise AssertionError("a resource that is not there was read")
        except MCPError:
            pass
        return f"{client.protocol_version}: counted {', '.join(counts)}"


async def main() -> None:
    for mode in [REVISION, "auto", "legacy"]:
        print(f"python mcp, mode {mode}: {await use(sys.argv[1], mode)}", flush=True)


asyncio.run(main())
