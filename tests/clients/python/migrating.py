"""The programs that docs/migrating.md starts from, and what they become: the same tools, with the
same answers. python migrating.py [NAME BEFORE AFTER]…

BEFORE and AFTER are URLs of running servers. A difference ends it with exit code 1; how each refuses
what is wrong may differ, and is said.
"""

import asyncio
import json
import sys

from mcp import Client, MCPError

PATIENCE_S = 30
# What describes a type; titles and formats are each SDK's own.
SUBSTANCE = ("type", "default")


def substance(schema: dict | None) -> dict | None:
    if schema is None:
        return None
    properties = {
        name: {key: of[key] for key in SUBSTANCE if key in of}
        for name, of in schema["properties"].items()
    }
    # With a default, a member is there in each result and may be left out of each request.
    optional = {name for name, of in properties.items() if "default" in of}
    required = sorted(set(schema.get("required", [])) - optional)
    return {"type": schema["type"], "properties": properties, "required": required}


async def tools(client: Client) -> dict:
    listed = (await client.list_tools()).tools
    return {
        tool.name: {
            "description": tool.description,
            "input": substance(tool.input_schema),
            "output": substance(tool.output_schema) if tool.name == "price" else None,
        }
        for tool in listed
    }


async def refusal(client: Client, tool: str, **arguments) -> tuple[str, str]:
    """How it is refused, and the words."""
    try:
        result = await client.call_tool(tool, arguments)
    except MCPError as error:
        return f"error {error.error.code}", error.error.message
    assert result.is_error, result
    return "isError", result.content[0].text


async def use(url: str, mode: str) -> tuple[dict, dict]:
    """What has to be the same, and what may differ."""
    async with Client(url, mode=mode) as client:
        heard = []

        async def hear(progress: float, total: float | None, _message: str | None) -> None:
            heard.append((progress, total))

        prices = {}
        for order in [{"fruit": "apple"}, {"fruit": "pear", "count": 3}]:
            result = await client.call_tool("price", order)
            assert not result.is_error, result
            assert json.loads(result.content[0].text) == result.structured_content, result
            prices[str(order)] = result.structured_content
        ripe = await client.call_tool("ripen", {"days": 3}, progress_callback=hear)
        missing = await refusal(client, "price", fruit="plum")
        wrong = await refusal(client, "price", fruit="apple", count="many")
        same = {
            "tools": await tools(client),
            "prices": prices,
            "text": ripe.content[0].text,
            "progress": heard,
            "no such fruit": (missing[0], "there is no plum" in missing[1]),
        }
        return same, {"revision": client.protocol_version, "missing": missing, "wrong": wrong}


async def ready(url: str) -> None:
    """Waits until a server listens."""
    host, port = url.split("/")[2].split(":")
    for _ in range(PATIENCE_S * 10):
        try:
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            return
        except OSError:
            await asyncio.sleep(0.1)
    raise SystemExit(f"nothing listens at {url}")


async def main() -> None:
    arguments = sys.argv[1:]
    assert arguments and len(arguments) % 3 == 0, "expected NAME BEFORE AFTER, once or more"
    for name, before, after in zip(*[iter(arguments)] * 3):
        await ready(before)
        await ready(after)
        for mode in ["legacy", "auto"]:
            (old, was), (new, now) = await use(before, mode), await use(after, mode)
            assert old == new, f"{name}, {mode}\nbefore: {old}\nafter:  {new}"
            print(f"{name}, mode {mode}: the same tools and answers")
            for what in was:
                print(f"  {what}: {was[what]} → {now[what]}")


asyncio.run(main())
