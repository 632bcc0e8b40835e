// The OAuth client of @modelcontextprotocol/sdk (the generation before) against mcp-fastd:
// node oauth-sdk.mjs URL FORMAT, which is jwt or opaque

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CLIENT, refresh, useMore } from './oauth.mjs';

const [url, format] = process.argv.slice(2);

async function open(person) {
  const client = new Client({ name: 'mcp-fastd-check', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: person });
  const error = await client.connect(transport).then(() => undefined, (error) => error);
  return { client, transport, error };
}

const finish = (transport, back) => transport.finishAuth(back.get('code'));
for (const document of [undefined, CLIENT]) {
  const told = await useMore(url, format, document, open, finish);
  console.log(`typescript sdk, ${format}: ${told}`);
}
console.log(`typescript sdk, ${format}: ${await refresh(url, format, open, finish)}`);
