// The OAuth client of @modelcontextprotocol/sdk (the generation before) against mcp-fastd:
// node oauth-sdk.mjs URL FORMAT, which is jwt or opaque

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CLIENT, refresh, use, useMore } from './oauth.mjs';

const [url, format] = process.argv.slice(2);

async function open(person, Transport = StreamableHTTPClientTransport, place = url) {
  const client = new Client({ name: 'mcp-fastd-check', version: '1.0.0' });
  const transport = new Transport(new URL(place), { authProvider: person });
  const error = await client.connect(transport).then(() => undefined, (error) => error);
  return { client, transport, error };
}

const finish = (transport, back) => transport.finishAuth(back.get('code'));
for (const document of [undefined, CLIENT]) {
  const told = await useMore(url, format, document, (it) => open(it), finish);
  console.log(`typescript sdk, ${format}: ${told}`);
}
console.log(`typescript sdk, ${format}: ${await refresh(url, format, (it) => open(it), finish)}`);
// The transport before, which does not know how to ask for more, and whose session is over when its
// token is.
const sse = new URL('/sse', url).href;
const openLine = (person) => open(person, SSEClientTransport, sse);
console.log(`typescript sdk, HTTP+SSE, ${format}: ${await use(sse, openLine, finish)}`);
