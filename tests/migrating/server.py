"""A server on the official Python SDK: one of the programs that docs/migrating.md starts from.

    python server.py PORT
"""

import sys

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

PRICES = {"apple": 30, "pear": 45}


class Price(BaseModel):
    fruit: str
    cents: int


server = MCPServer("shop")


@server.tool()
def price(fruit: str, count: int = 1) -> Price:
    """Says what some fruit costs."""
    if fruit not in PRICES:
        raise ToolError(f"there is no {fruit}")
    return Price(fruit=fruit, cents=PRICES[fruit] * count)


@server.tool()
async def ripen(days: int, ctx: Context) -> str:
    """Waits until the fruit is ripe."""
    for day in range(days):
        await ctx.report_progress(day, days)
    return f"Ripe after {days} days."


server.run(transport="streamable-http", port=int(sys.argv[1]))
