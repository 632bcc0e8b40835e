// Both generations of the official TypeScript client against examples/19_rmcp_counter:
// node counter.mjs URL. Every step is checked, in each era.

import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as SdkClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as SdkTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const url = new URL(process.argv[2]);
const info = { name: 'mcp-fastd-check', version: '1.0.0' };

async function text(client, name, args = {}) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, JSON.stringify(result));
  return result.content[0].text;
}

/** Uses a connected client, whose calls share a counter where they share a session. */
async function use(client, shared) {
  const { tools } = await client.listTools();
  const names = tools.map((tool) => tool.name);
  for (const name of ['increment', 'decrement', 'get_value', 'say_hello', 'echo', 'sum']) {
    assert.ok(names.includes(name), name);
  }
  assert.equal(await text(client, 'sum', { a: 2, b: 40 }), '42');
  assert.equal(await text(client, 'echo', { word: 'é' }), '{"word":"é"}');
  const counts = [];
  for (let call = 0; call < 3; call += 1) counts.push(await text(client, 'increment'));
  assert.deepEqual(counts, shared ? ['1', '2', '3'] : ['1', '1', '1']);
  const prompt = await client.getPrompt({ name: 'counter_analysis', arguments: { goal: '20' } });
  assert.match(prompt.messages[1].content.text, /Goal value: 20/);
  const { resources } = await client.listResources();
  const read = await client.readResource({ uri: resources[1].uri });
  assert.match(read.contents[0].text, /Business/);
  await assert.rejects(client.readResource({ uri: 'memo://nothing' }));
  return `counted ${counts.join(', ')}`;
}

for (const mode of [{ pin: '2026-07-28' }, 'auto', 'legacy']) {
  const client = new Client(info, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(url));
  const told = await use(client, mode === 'legacy');
  const version = client.getNegotiatedProtocolVersion();
  console.log(`typescript client, mode ${JSON.stringify(mode)}: ${version}: ${told}`);
  await client.close();
}
const client = new SdkClient(info);
const transport = new SdkTransport(url);
await client.connect(transport);
console.log(`typescript sdk: ${transport.protocolVersion}: ${await use(client, true)}`);
await transport.terminateSession();
await client.close();
