"""What providers cost the calls that have nothing to do with them, in instructions."""

from bench import measure
from bench.servers import EXAMPLE_COUNT, FASTD, Server, attempt, say

PROVIDED = ("tools", "prompts", "resources", "logging", "all")


def server(provided):
    """`add`, with a provider of this beside it; None is without any."""
    more = f" --provides {provided}" if provided else ""
    name = f"mcp-fastd-with-{provided or 'nothing'}"
    return Server(name, None, EXAMPLE_COUNT, FASTD.arguments + more)


SERVERS = tuple(server(provided) for provided in (None, *PROVIDED))


def run(setup):
    """Name of the server → user instructions of a call."""
    counted = {}
    for each in SERVERS:
        say(f"{each.name}: instructions")
        counted[each.name] = attempt(measure.instructions, setup, each)
    return counted
