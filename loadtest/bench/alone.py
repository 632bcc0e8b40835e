"""What something costs by itself, in instructions: the same call with it and without it."""

from bench import measure
from bench.servers import EXAMPLE_COUNT, FASTD, LOADTEST, Server, attempt, say

PROVIDED = ("tools", "prompts", "resources", "logging", "all")
KEYS = LOADTEST / "scenarios" / "token.jwks.json"
TOKEN = "tools_call_token"


def server(provided):
    """`add`, with a provider of this beside it; None is without any."""
    more = f" --provides {provided}" if provided else ""
    name = f"mcp-fastd-with-{provided or 'nothing'}"
    return Server(name, None, EXAMPLE_COUNT, FASTD.arguments + more)


# Calls that have nothing to do with a provider; and calls of somebody whose token is looked at.
PARTS = {
    "providers": tuple(server(provided) for provided in (None, *PROVIDED)),
    "tokens": (
        Server("mcp-fastd-no-token", None, EXAMPLE_COUNT, FASTD.arguments),
        Server("mcp-fastd-token-ignored", None, EXAMPLE_COUNT, FASTD.arguments, TOKEN),
        Server(
            "mcp-fastd-token-checked", None, EXAMPLE_COUNT, FASTD.arguments + f" --jwks {KEYS}", TOKEN
        ),
    ),
}


def run(setup, part):
    """Name of the server → user instructions of a call."""
    counted = {}
    for each in PARTS[part]:
        say(f"{each.name}: instructions")
        counted[each.name] = attempt(measure.instructions, setup, each)
    return counted
