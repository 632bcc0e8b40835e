"""The OAuth client of the official Python client against mcp-fastd: python oauth.py URL FORMAT

All of OAuth is the client's: this keeps what it wants kept, and is the browser. FORMAT is that of
tokens, jwt or opaque.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

# The client id that is a document (authorization-server.mjs answers for it).
CLIENT = "https://client.example/about.json"
CALLBACK = "http://127.0.0.1:9/callback"
# The name of a client whose tokens soon expire there.
HURRIED = "mcp-fastd-hurried"


class Person:
    """A memory, and a browser in which all is agreed to."""

    def __init__(self) -> None:
        self.tokens = None
        self.information = None
        self.back = None
        self.asked = []
        self.opened = AsyncExitStack()

    async def __aenter__(self):
        browser = httpx2.AsyncClient(follow_redirects=False, timeout=30)
        self.browser = await self.opened.enter_async_context(browser)
        return self

    async def __aexit__(self, *error):
        await self.opened.aclose()

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.information

    async def set_client_info(self, information):
        self.information = information

    async def follow(self, url: str) -> None:
        """Follows redirects until one leads back to the client."""
        self.asked.append(parse_qs(urlsplit(url).query))
        for _ in range(20):
            response = await self.browser.get(url)
            assert "location" in response.headers, f"{url}: {response.status_code} {response.text}"
            url = str(response.url.join(response.headers["location"]))
            if url.startswith(CALLBACK):
                self.back = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
                return
        raise AssertionError("the redirects do not end")

    async def come_back(self) -> AuthorizationCodeResult:
        back = self.back
        return AuthorizationCodeResult(code=back["code"], state=back["state"], iss=back.get("iss"))


    async def client(self, url: str, mode: str, document: str | None = None, hurried: bool = False):
        """A client that logs in when it has to, as often as it is connected."""
        metadata = OAuthClientMetadata(
            client_name=HURRIED if hurried else "mcp-fastd-check",
            redirect_uris=[CALLBACK],
            grant_types=["authorization_code", *(["refresh_token"] if hurried else [])],
            response_types=["code"],
            token_endpoint_auth_method="none",
        )
        self.auth = OAuthClientProvider(url, metadata, self, self.follow, self.come_back, document)
        if mode == "sse":
            return lambda: Client(sse_client(url, auth=self.auth), mode="legacy")
        http = await self.opened.enter_async_context(httpx2.AsyncClient(auth=self.auth, timeout=30))
        return lambda: Client(streamable_http_client(url, http_client=http), mode=mode)

    async def until_refused(self, url: str, token: str) -> str:
        """Waits until the server refuses a token that it took before; what it says then."""
        accept = "application/json, text/event-stream"
        headers = {"authorization": f"Bearer {token}", "accept": accept}
        for _ in range(300):
            message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            response = await self.browser.post(url, json=message, headers=headers)
            if response.status_code == 401:
                return response.headers["www-authenticate"]
            assert response.status_code == 200, response.text
            await asyncio.sleep(0.1)
        raise AssertionError("a token that is no good any more is taken")


async def use_more(place: str, form: str, mode: str, document: str | None) -> str:
    """Logs in, uses what that is good for, and then asks for more."""
    async with Person() as person:
        connect = await person.client(place, mode, document)
        async with connect() as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert (person.information.client_id == CLIENT) == (document is not None)
            assert person.tokens.access_token.count(".") == (2 if form == "jwt" else 0)
            assert len(person.asked) == 1, person.asked
            # Without a slash that stands for no path.
            assert person.asked[0]["resource"] == [place.removesuffix("/")], person.asked
            assert person.asked[0]["scope"] == ["mcp:use"], person.asked
            assert person.asked[0]["code_challenge_method"] == ["S256"], person.asked
            assert person.asked[0]["code_challenge"][0], person.asked
            assert "dataset_stats" in names and "search_documents" not in names, names
            stats = await client.call_tool("dataset_stats", {})
            assert not stats.is_error, stats
            # A tool that needs more: the person is asked again, and the call goes on.
            found = await client.call_tool("search_documents", {"query": "documents"})
            assert not found.is_error, found
            assert len(person.asked) == 2, person.asked
            asked = set(person.asked[1]["scope"][0].split())
            assert asked == {"mcp:use", "mcp:search"}, asked
        # What the list shows now (the client before has kept the one that it read).
        async with connect() as again:
            names = {tool.name for tool in (await again.list_tools()).tools}
            assert "search_documents" in names, names
            assert len(person.asked) == 2, person.asked
            version = again.protocol_version
    how = "by its document" if document else "registered"
    return f"{version}, {form}: {how}, {' '.join(sorted(asked))} in the end"


async def refresh(url: str, form: str, mode: str) -> str:
    """A token expires, and the client has another one without asking the person."""
    async with Person() as person:
        connect = await person.client(url, mode, hurried=True)
        async with connect() as client:
            await client.call_tool("dataset_stats", {})
            token = person.tokens.access_token
            why = await person.until_refused(url, token)
            assert "has expired" in why or form == "opaque" and "is not active" in why, why
            # This client refreshes by its own clock, which runs from when the token came.
            while person.auth.context.is_token_valid():
                await asyncio.sleep(0.1)
            stats = await client.call_tool("dataset_stats", {})
            assert not stats.is_error, stats
            assert person.tokens.access_token != token
            assert len(person.asked) == 1, person.asked
            version = client.protocol_version
    return f"{version}, {form}: a token that expired was refreshed"


async def main(url: str, form: str) -> None:
    for mode in ["2026-07-28", "auto", "legacy", "sse"]:
        place = urljoin(url, "/sse") if mode == "sse" else url
        for document in [None, CLIENT]:
            print(f"python client, mode {mode}: {await use_more(place, form, mode, document)}")
        # A session over HTTP+SSE is over when its token is.
        if mode != "sse":
            print(f"python client, mode {mode}: {await refresh(url, form, mode)}")


asyncio.run(main(*sys.argv[1:]))
