// The OAuth client of @modelcontextprotocol/client against mcp-fastd:
// node oauth-client.mjs URL FORMAT, which is jwt or opaque

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import assert from 'node:assert/strict';
import { CLIENT, refresh, useMore } from './oauth.mjs';

const [url, format] = process.argv.slice(2);

const revisions = {
  '2026-07-28': { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  '2025-11-25': { versionNegotiation: { mode: 'legacy' } },
  '2025-06-18': {
    versionNegotiation: { mode: 'legacy' },
    supportedProtocolVersions: ['2025-06-18'],
  },
};
for (const [revision, options] of Object.entries(revisions)) {
  const open = async (person) => {
    const client = new Client({ name: 'mcp-fastd-check', version: '1.0.0' }, options);
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: person });
    const error = await client.connect(transport).then(() => undefined, (error) => error);
    if (!error) assert.equal(client.getNegotiatedProtocolVersion(), revision);
    return { client, transport, error };
  };
  const finish = (transport, back) => transport.finishAuth(back);
  for (const document of [undefined, CLIENT]) {
    const told = await useMore(url, format, document, open, finish);
    console.log(`typescript client, ${revision}, ${format}: ${told}`);
  }
  const told = await refresh(url, format, open, finish);
  console.log(`typescript client, ${revision}, ${format}: ${told}`);
}
