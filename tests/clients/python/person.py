"""A connected client that answers in its own name and remembers what it was told."""

import asyncio
import uuid
import warnings
from contextlib import asynccontextmanager
from logging import getLogger

import mcp_types as types
from mcp import Client, MCPDeprecationWarning, MCPError
from places import transport_to, way_to
from tasks import Tasks

PATIENCE = 15
REVISION = "2026-07-28"

# What comes while a client closes is none of our concern; what is deprecated is not gone.
getLogger("mcp").setLevel("CRITICAL")
warnings.simplefilter("ignore", MCPDeprecationWarning)


class Person:
    def __init__(self, name: str) -> None:
        self.name = name
        self.declines = False
        self.asked: list[str] = []
        self.updated: list[str] = []
        self.logged: list[str] = []
        self.tools_changed = 0
        self.resources_changed = 0
        # The user takes their time until it is set.
        self.answers = asyncio.Event()
        self.answers.set()
        self.resource = f"test://template/{uuid.uuid4()}/data"
        self.tasks = Tasks({"action": "accept", "content": {"confirm": True, "name": name}})

    async def elicit(self, _, params: types.ElicitRequestParams) -> types.ElicitResult:
        self.asked.append(params.message)
        await self.answers.wait()
        if self.declines:
            return types.ElicitResult(action="decline")
        fields = params.requested_schema["properties"].items()
        content = {field: kind["type"] == "boolean" or self.name for field, kind in fields}
        return types.ElicitResult(action="accept", content=content)

    async def sample(self, _, params: types.CreateMessageRequestParams):
        text = params.messages[0].content.text
        self.asked.append(text)
        said = types.TextContent(type="text", text=f"{self.name} heard {text}")
        return types.CreateMessageResult(role="assistant", content=said, model="a parrot")

    async def roots(self, _) -> types.ListRootsResult:
        return types.ListRootsResult(roots=[types.Root(uri=f"file:///home/{self.name}")])

    async def log(self, params: types.LoggingMessageNotificationParams) -> None:
        self.logged.append(params.data)

    async def hear(self, message) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            self.updated.append(str(message.params.uri))
        if isinstance(message, types.ToolListChangedNotification):
            self.tools_changed += 1
        if isinstance(message, types.ResourceListChangedNotification):
            self.resources_changed += 1

    async def text(self, tool: str, arguments: dict | None = None, **options) -> str:
        """Calls a tool that succeeds."""
        result = await self.client.call_tool(tool, arguments or {}, **options)
        assert not result.is_error, f"{tool}: {result}"
        return result.content[0].text

    async def touch(self, uri: str) -> None:
        await self.text("test_trigger_resource_update", {"uri": uri})


@asynccontextmanager
async def connect(name: str, place: str, mode: str):
    person = Person(name)
    client = Client(
        transport_to(place),
        mode=mode,
        elicitation_callback=person.elicit,
        sampling_callback=person.sample,
        list_roots_callback=person.roots,
        logging_callback=person.log,
        message_handler=person.hear,
        extensions=[person.tasks],
    )
    async with client:
        person.client = client
        is_legacy = mode == "legacy" or way_to(place) == "sse"
        expected = "2025-11-25" if is_legacy else REVISION
        assert client.protocol_version == expected, client.protocol_version
        yield person


@asynccontextmanager
async def subscribed(person: Person):
    """Both eras' ways to hear of the person's own resource, and of the lists."""
    if person.client.protocol_version != REVISION:
        await person.client.subscribe_resource(person.resource)
        yield None
        await person.client.unsubscribe_resource(person.resource)
        return
    listen = person.client.listen(
        tools_list_changed=True,
        resources_list_changed=True,
        resource_subscriptions=[person.resource],
    )
    async with listen as subscription:
        assert subscription.honored.resource_subscriptions == [person.resource], subscription
        yield subscription


async def until(what: str, condition) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"nothing came, but expected: {what}") from None


async def refused(call, *codes: int) -> None:
    try:
        answer = await call
    except MCPError as error:
        assert error.code in codes, f"expected {codes}: {error!r}"
    else:
        raise AssertionError(f"expected {codes}: {answer}")
