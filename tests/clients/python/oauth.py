"""The OAuth client of the official Python client against mcp-fastd: python oauth.py URL

All of OAuth is the client's: this keeps what it wants kept, and is the browser.
"""

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

# The client id that is a document (authorization-server.mjs answers for it).
CLIENT = "https://client.example/about.json"
CALLBACK = "http://127.0.0.1:9/callback"


class Person:
    """A memory, and a browser in which all is agreed to."""

    def __init__(self) -> None:
        self.tokens = None
        self.information = None
        self.back = None
        self.asked = []
        self.browser = httpx2.AsyncClient(follow_redirects=False)

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


async def log_in(url: str, mode: str, document: str | None) -> str:
    person = Person()
    metadata = OAuthClientMetadata(
        client_name="mcp-fastd-check",
        redirect_uris=[CALLBACK],
        grant_types=["authorization_code"],
        response_types=["code"],
        token_endpoint_auth_method="none",
    )
    auth = OAuthClientProvider(url, metadata, person, person.follow, person.come_back, document)
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert len(person.asked) == 1, person.asked
            assert person.asked[0]["resource"] == [url], person.asked
            assert person.asked[0]["scope"] == ["mcp:use"], person.asked
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
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as again:
            names = {tool.name for tool in (await again.list_tools()).tools}
            assert "search_documents" in names, names
            assert len(person.asked) == 2, person.asked
    await person.browser.aclose()
    how = "by its document" if person.information.client_id == CLIENT else "registered"
    return f"{client.protocol_version}: {how}, {' '.join(sorted(asked))} in the end"


async def main(url: str) -> None:
    for mode in ["2026-07-28", "auto", "legacy"]:
        for document in [None, CLIENT]:
            print(f"python client, mode {mode}: {await log_in(url, mode, document)}")


asyncio.run(main(*sys.argv[1:]))
