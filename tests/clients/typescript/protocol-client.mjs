// @modelcontextprotocol/client against examples/conformance_server: node protocol-client.mjs PLACE
// PLACE is one of places.mjs.

import assert from 'node:assert/strict';
import {
  Client,
  LOG_LEVEL_META_KEY,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { transportTo, wayTo } from './places.mjs';
import { Person, check } from './protocol.mjs';

const classes = {
  http: StreamableHTTPClientTransport,
  sse: SSEClientTransport,
  stdio: StdioClientTransport,
};
const capabilities = { elicitation: {}, sampling: {}, roots: {} };

async function connect(options, name, place, way) {
  const person = new Person(name);
  const client = new Client({ name, version: '1.0.0' }, { capabilities, ...options });
  client.setRequestHandler('elicitation/create', ({ params }) => person.elicit(params));
  client.setRequestHandler('sampling/createMessage', ({ params }) => person.sample(params));
  client.setRequestHandler('roots/list', () => person.roots());
  client.setNotificationHandler('notifications/message', ({ params }) => {
    person.logged.push(params.data);
  });
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    person.updated.push(params.uri);
  });
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    person.toolsChanged += 1;
  });
  const transport = transportTo(place, classes, way);
  await client.connect(transport);
  return person.connected(client, transport);
}

const call = ({ client, meta }, name, args, options) =>
  client.callTool({ name, arguments: args, _meta: meta }, options);

/** Up to 2025-11-25. */
const stateful = (revision) => ({
  title: `typescript client ${revision}`,
  stateful: true,
  classes,
  async connect(name, place, way) {
    const person = await connect({ supportedProtocolVersions: [revision] }, name, place, way);
    assert.equal(person.client.getNegotiatedProtocolVersion(), revision);
    return person;
  },
  call,
  async subscribe({ client, resource: uri }) {
    await client.subscribeResource({ uri });
    return () => client.unsubscribeResource({ uri });
  },
  async logAt({ client }, level, run) {
    await client.setLoggingLevel(level);
    await run();
  },
});

/** Finds out that over HTTP+SSE nothing newer is spoken. */
const discovered = {
  ...stateful('2025-11-25'),
  title: 'typescript client 2025-11-25 (auto)',
  async connect(name, place, way = wayTo(place)) {
    const person = await connect({ versionNegotiation: { mode: 'auto' } }, name, place, way);
    const revision = way === 'sse' ? '2025-11-25' : '2026-07-28';
    assert.equal(person.client.getNegotiatedProtocolVersion(), revision);
    return person;
  },
};

/** From 2026-07-28 on, found out or known. */
const stateless = (mode) => ({
  title: `typescript client 2026-07-28 (${mode.pin ? 'pinned' : mode})`,
  stateful: false,
  async connect(name, place, way) {
    const person = await connect({ versionNegotiation: { mode } }, name, place, way);
    assert.equal(person.client.getNegotiatedProtocolVersion(), '2026-07-28');
    return person;
  },
  call,
  async subscribe({ client, resource }) {
    const filter = { resourceSubscriptions: [resource], toolsListChanged: true };
    const subscription = await client.listen(filter);
    assert.deepEqual(subscription.honoredFilter, filter);
    return async () => {
      await subscription.close();
      assert.equal(await subscription.closed, 'local');
    };
  },
  async logAt(person, level, run) {
    person.meta = { [LOG_LEVEL_META_KEY]: level };
    await run();
    delete person.meta;
  },
});

const [place] = process.argv.slice(2);
if (wayTo(place) === 'sse') {
  await check(stateful('2024-11-05'), place);
  await check(discovered, place);
} else {
  await check(stateful('2025-06-18'), place);
  await check(stateful('2025-11-25'), place);
  await check(stateless('auto'), place);
  await check(stateless({ pin: '2026-07-28' }), place);
}
