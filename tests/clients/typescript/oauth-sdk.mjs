// The OAuth client of @modelcontextprotocol/sdk (the generation before) against mcp-fastd:
// node oauth-sdk.mjs URL

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CLIENT, Person, logIn } from './oauth.mjs';

const [url] = process.argv.slice(2);

async function open(person) {
  const client = new Client({ name: 'mcp-fastd-check', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: person });
  const error = await client.connect(transport).then(() => undefined, (error) => error);
  return { client, transport, error };
}

for (const document of [undefined, CLIENT]) {
  const finish = (transport, back) => transport.finishAuth(back.get('code'));
  console.log(`typescript sdk: ${await logIn(url, new Person(document), open, finish)}`);
}
