// @modelcontextprotocol/client against examples/conformance_server: node protocol-client.mjs URL

import assert from 'node:assert/strict';
import {
  Client,
  LOG_LEVEL_META_KEY,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { Person, check } from './protocol.mjs';

const capabilities = { elicitation: {}, sampling: {}, roots: {} };

async function connect(options, name, url) {
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
  const transport = new StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);
  return Object.assign(person, { client, transport });
}

const call = ({ client, meta }, name, args, options) =>
  client.callTool({ name, arguments: args, _meta: meta }, options);

/** Up to 2025-11-25. */
const stateful = (revision) => ({
  title: `typescript client ${revision}`,
  stateful: true,
  async connect(name, url) {
    const person = await connect({ supportedProtocolVersions: [revision] }, name, url);
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

/** From 2026-07-28 on, found out or known. */
const stateless = (mode) => ({
  title: `typescript client 2026-07-28 (${mode.pin ? 'pinned' : mode})`,
  stateful: false,
  async connect(name, url) {
    const person = await connect({ versionNegotiation: { mode } }, name, url);
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

const [url] = process.argv.slice(2);
await check(stateful('2025-06-18'), url);
await check(stateful('2025-11-25'), url);
await check(stateless('auto'), url);
await check(stateless({ pin: '2026-07-28' }), url);
