// @modelcontextprotocol/sdk (the generation before) against mcp-fastd:
// node daemon-sdk.mjs PLACE [QUERY], where PLACE is one of places.mjs

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { use } from './daemon.mjs';
import { transportTo, wayTo } from './places.mjs';

const classes = {
  http: StreamableHTTPClientTransport,
  sse: SSEClientTransport,
  stdio: StdioClientTransport,
};
const [place, query] = process.argv.slice(2);
const client = new Client({ name: 'mcp-fastd-check', version: '1.0.0' });
await client.connect(transportTo(place, classes));
console.log(`typescript sdk over ${wayTo(place)}: ${await use(client, query)}`);
await client.close();
