// @modelcontextprotocol/client against a running mcp-fastd: node client.mjs URL [QUERY]

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { use } from './check.mjs';

const [url, query] = process.argv.slice(2);
for (const mode of [{ pin: '2026-07-28' }, 'auto', 'legacy']) {
  const client = new Client(
    { name: 'mcp-fastd-check', version: '1.0.0' },
    { versionNegotiation: { mode } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const told = await use(client, query);
  const version = client.getNegotiatedProtocolVersion();
  console.log(`typescript client, mode ${JSON.stringify(mode)}: ${version}: ${told}`);
  await client.close();
}
