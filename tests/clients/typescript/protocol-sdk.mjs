// @modelcontextprotocol/sdk (the generation before) against examples/conformance_server:
// node protocol-sdk.mjs PLACE, which is one of places.mjs

import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as types from '@modelcontextprotocol/sdk/types.js';
import { transportTo } from './places.mjs';
import { Person, check, until } from './protocol.mjs';

const REVISION = '2025-11-25';
const classes = {
  http: StreamableHTTPClientTransport,
  sse: SSEClientTransport,
  stdio: StdioClientTransport,
};
const capabilities = { elicitation: {}, sampling: {}, roots: { listChanged: true } };

async function connect(name, place, way) {
  const person = new Person(name);
  const client = new Client({ name, version: '1.0.0' }, { capabilities });
  client.setRequestHandler(types.ElicitRequestSchema, ({ params }) => person.elicit(params));
  client.setRequestHandler(types.CreateMessageRequestSchema, ({ params }) => person.sample(params));
  client.setRequestHandler(types.ListRootsRequestSchema, () => person.roots());
  client.setNotificationHandler(types.LoggingMessageNotificationSchema, ({ params }) => {
    person.logged.push(params.data);
  });
  client.setNotificationHandler(types.ResourceUpdatedNotificationSchema, ({ params }) => {
    person.updated.push(params.uri);
  });
  client.setNotificationHandler(types.ToolListChangedNotificationSchema, () => {
    person.toolsChanged += 1;
  });
  // What the server answers to those who resume a stream.
  const resumed = [];
  const fetchAndNote = async (target, init) => {
    const response = await fetch(target, init);
    if (new Headers(init.headers).has('last-event-id')) resumed.push(response.status);
    return response;
  };
  const transport = transportTo(place, classes, way, { fetch: fetchAndNote });
  await client.connect(transport);
  return Object.assign(person.connected(client, transport), { resumed });
}

/** A call that the client makes a task of; the messages it gave. */
async function asTask({ client }, name, args) {
  const messages = [];
  const stream = client.experimental.tasks.callToolStream({ name, arguments: args }, undefined, {
    task: { ttl: 60_000 },
  });
  for await (const message of stream) messages.push(message);
  return messages;
}

async function tasks({ person }) {
  const computed = await asTask(person, 'slow_compute', { seconds: 1, label: 'It' });
  assert.deepEqual([computed[0].type, computed.at(-1).type], ['taskCreated', 'result'], computed);
  assert.equal(computed.at(-1).result.content[0].text, 'It: computed for 1 s.');
  const { tasks } = await person.client.experimental.tasks.listTasks();
  assert.ok(tasks.some(({ taskId }) => taskId === computed[0].task.taskId), tasks);

  const asked = await asTask(person, 'confirm_delete', { filename: 'a.txt' });
  assert.equal(asked.at(-1).result?.content[0].text, 'a.txt would be gone now.', asked);
  assert.equal(person.asked.at(-1), 'Delete a.txt?');

  const failed = await asTask(person, 'failing_job', {});
  assert.ok(failed.at(-1).type === 'error' || failed.at(-1).result.isError, failed);
  return 'computed and listed, asked the user, failed';
}

async function cancelledTask({ person: { client } }) {
  const { tasks } = client.experimental;
  const params = { name: 'slow_compute', arguments: { seconds: 30 } };
  let taskId;
  for await (const message of tasks.callToolStream(params, undefined, { task: {} })) {
    if (message.type === 'error') {
      assert.match(message.error.message, /cancelled/);
      break;
    }
    taskId ??= message.task.taskId;
    if (message.type === 'taskStatus' && message.task.status === 'working') {
      assert.equal((await tasks.cancelTask(taskId)).status, 'cancelled');
    }
  }
  assert.equal((await tasks.getTask(taskId)).status, 'cancelled');
  return 'cancelled while it ran';
}

async function negotiated({ person: { transport } }) {
  assert.equal(transport.protocolVersion, REVISION);
  return REVISION;
}

/** A cancelled call's stream ends without a result; this client resumes until it is refused. */
async function cancelledForGood({ person }) {
  person.resumed.length = 0;
  const abort = new AbortController();
  const args = { uri: person.resource };
  const options = { onprogress: () => abort.abort('enough'), signal: abort.signal };
  await assert.rejects(generation.call(person, 'test_cancellation', args, options), /enough/);
  await until('an end of resuming', () => person.resumed.some((status) => status !== 200));
  return `resuming its stream is answered ${person.resumed.at(-1)}`;
}

const generation = {
  title: `typescript sdk ${REVISION}`,
  stateful: true,
  classes,
  connect,
  call: ({ client }, name, args, options) =>
    client.callTool({ name, arguments: args }, undefined, options),
  async subscribe({ client, resource: uri }) {
    await client.subscribeResource({ uri });
    return () => client.unsubscribeResource({ uri });
  },
  async logAt({ client }, level, run) {
    await client.setLoggingLevel(level);
    await run();
  },
  checks: { tasks, cancelledTask },
  httpChecks: { negotiated, cancelledForGood },
};

await check(generation, process.argv[2]);
