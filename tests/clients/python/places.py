"""Where a server is: the URL of its MCP endpoint, that of its stream of HTTP+SSE (it ends in /sse),
or a program that the client starts (stdio)."""

from typing import Literal

from mcp import StdioServerParameters
from mcp.client.sse import sse_client


def way_to(place: str) -> Literal["http", "sse", "stdio"]:
    if not place.startswith(("http://", "https://")):
        return "stdio"
    return "sse" if place.endswith("/sse") else "http"


def transport_to(place: str):
    """What `Client` takes for a server; each is for one client."""
    match way_to(place):
        case "http":
            return place
        case "sse":
            return sse_client(place)
        case "stdio":
            return StdioServerParameters(command=place)


def modes(place: str) -> list[str]:
    """How a client may find out which revision is spoken. HTTP+SSE ended before 2026-07-28, so that
    a client can only find out that there is nothing newer."""
    return ["legacy", "auto"] if way_to(place) == "sse" else ["legacy", "auto", "2026-07-28"]
