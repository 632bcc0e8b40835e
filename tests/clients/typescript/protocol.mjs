// What the TypeScript clients are put through against examples/conformance_server; see ../run.
//
// `Person` is what either generation of the client makes of itself: a connected client that
// answers questions in its own name and remembers what it was told.

import assert from 'node:assert/strict';
import { wayTo } from './places.mjs';
import { openWire } from './wire.mjs';

const PATIENCE_MS = 15_000;
const ROUNDS = 10;

export class Person {
  constructor(name) {
    this.name = name;
    this.declines = false;
    this.asked = [];
    this.updated = [];
    this.logged = [];
    this.toolsChanged = 0;
    this.progress = [];
    /** The user takes their time until it is settled. */
    this.answers = Promise.resolve();
  }

  /** A resource that nobody else watches. */
  resource = `test://template/${crypto.randomUUID()}/data`;

  /**
   * Notes the progress that its transport brings. What comes together with the answer, as it does
   * where one channel brings both, is dropped by the client (typescript-sdk, issue 2580).
   */
  connected(client, transport) {
    const { onmessage } = transport;
    transport.onmessage = (message, extra) => {
      if (message.method === 'notifications/progress') this.progress.push(message.params);
      onmessage(message, extra);
    };
    return Object.assign(this, { client, transport });
  }

  /** `elicitation/create`. */
  async elicit({ message, requestedSchema }) {
    this.asked.push(message);
    await this.answers;
    if (this.declines) return { action: 'decline' };
    const values = Object.entries(requestedSchema.properties).map(([field, { type }]) =>
      [field, type === 'boolean' ? true : this.name]);
    return { action: 'accept', content: Object.fromEntries(values) };
  }

  /** `sampling/createMessage`. */
  sample({ messages }) {
    // One block of content, or from 2025-11-25 on perhaps several.
    const { text } = [messages[0].content].flat()[0];
    this.asked.push(text);
    const content = { type: 'text', text: `${this.name} heard ${text}` };
    return { role: 'assistant', model: 'a parrot', stopReason: 'endTurn', content };
  }

  /** `roots/list`. */
  roots() {
    return { roots: [{ uri: `file:///home/${this.name}`, name: this.name }] };
  }
}

/**
 * Runs every check. A generation gives `connect(name, place, way)`,
 * `call(person, tool, args, options)`, the `classes` of its transports by their ways, what differs
 * between the eras as `subscribe`, `logAt` and so on, and a `title`.
 */
export async function check(generation, place) {
  const { stateful } = generation;
  const way = wayTo(place);
  const title = `${generation.title} over ${way}`;
  const person = await generation.connect('alice', place);
  const checks = { tools, resources, prompts, completion, progress, logging, elicitation };
  Object.assign(checks, { sampling, roots, subscription, cancellation, overtaking });
  if (stateful) Object.assign(checks, { ping, hangUp });
  if (stateful && way === 'http') Object.assign(checks, { cut, cutGet });
  if (way === 'sse') Object.assign(checks, { comeBack, fallback });
  if (!stateful && way === 'http') Object.assign(checks, { cutIsCancellation });
  Object.assign(checks, generation.checks, way === 'http' && generation.httpChecks);
  Object.assign(checks, { twoClients, end });
  for (const [name, run] of Object.entries(checks)) {
    const told = await run({ generation, person, place }).catch((error) => {
      console.error(`${title}: ${name}: FAILED`);
      throw error;
    });
    console.log(`${title}: ${name}: ${told}`);
  }
}

export async function until(what, condition) {
  for (const begun = Date.now(); !condition(); ) {
    assert.ok(Date.now() - begun < PATIENCE_MS, `nothing came, but expected: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function text({ generation, person }, tool, args = {}, options = {}) {
  const result = await generation.call(person, tool, args, options);
  assert.ok(!result.isError, `${tool}: ${JSON.stringify(result)}`);
  return result.content[0].text;
}

async function tools(at) {
  const { tools } = await at.person.client.listTools();
  assert.ok(tools.some((tool) => tool.name === 'greet' && tool.inputSchema.properties.name));
  assert.equal(await text(at, 'greet', { name: 'Ada' }), 'Hello, Ada!');
  const { content } = await at.generation.call(at.person, 'test_multiple_content_types', {});
  assert.deepEqual(content.map((block) => block.type), ['text', 'image', 'resource']);
  const failed = await at.generation.call(at.person, 'test_error_handling', {});
  assert.ok(failed.isError && failed.content[0].text === 'This tool always fails.', failed);
  const wrong = await at.generation.call(at.person, 'greet', { name: 5 });
  assert.ok(wrong.isError, 'a number is no name');
  assert.match(wrong.content[0].text, /name/);
  await assert.rejects(at.generation.call(at.person, 'nothing', {}), { code: -32602 });
  return `${tools.length} listed, called, failed as they should`;
}

async function resources({ person: { client } }) {
  const { resources } = await client.listResources();
  assert.ok(resources.some(({ uri }) => uri === 'test://static-text'), resources);
  const fixed = await client.readResource({ uri: 'test://static-text' });
  assert.equal(fixed.contents[0].text, 'Always this.');
  const binary = await client.readResource({ uri: 'test://static-binary' });
  assert.match(atob(binary.contents[0].blob), /^\x89PNG/);
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.deepEqual(resourceTemplates.map((t) => t.uriTemplate), ['test://template/{id}/data']);
  const entry = await client.readResource({ uri: 'test://template/7/data' });
  assert.equal(JSON.parse(entry.contents[0].text).id, '7');
  await assert.rejects(client.readResource({ uri: 'test://nothing' }), (e) =>
    [-32002, -32602].includes(e.code));
  return `${resources.length} and a template`;
}

async function prompts({ person: { client } }) {
  const { prompts } = await client.listPrompts();
  const get = async (name, args) => {
    const { messages } = await client.getPrompt({ name, arguments: args });
    return messages[0].content.text;
  };
  const two = await get('test_prompt_with_arguments', { arg1: 'one', arg2: 'two' });
  assert.equal(two, 'The arguments are `one` and `two`.');
  assert.equal(await get('test_input_required_result_prompt'), 'My name is alice.');
  await assert.rejects(get('nothing'), { code: -32602 });
  return `${prompts.length} listed, two got`;
}

async function completion({ person: { client } }) {
  const { completion } = await client.complete({
    ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
    argument: { name: 'arg1', value: 'test' },
  });
  assert.deepEqual(completion.values, ['test', 'testing']);
  return completion.values;
}

async function progress(at) {
  const { person } = at;
  person.progress = [];
  const heard = [];
  const onprogress = ({ progress, total }) => heard.push(`${progress} of ${total}`);
  assert.equal(await text(at, 'test_tool_with_progress', {}, { onprogress }), 'Done.');
  const came = person.progress.map(({ progress, total }) => `${progress} of ${total}`);
  assert.deepEqual(came, ['0 of 100', '50 of 100', '100 of 100']);
  assert.deepEqual(heard, came.slice(0, heard.length));
  return came;
}

async function logging(at) {
  const { person, generation } = at;
  await generation.logAt(person, 'error', () => text(at, 'test_tool_with_logging'));
  await generation.logAt(person, 'info', () => text(at, 'test_tool_with_logging'));
  await until('three lines', () => person.logged.length >= 3);
  // Only those of the second call.
  assert.deepEqual(person.logged, ['started', 'half done', 'done']);
  return person.logged;
}

async function elicitation(at) {
  const { person } = at;
  const accepted = await text(at, 'test_elicitation', { message: 'Who are you?' });
  assert.equal(accepted, 'The user said: {"username":"alice","email":"alice"}');
  assert.equal(person.asked.at(-1), 'Who are you?');
  person.declines = true;
  const declined = await text(at, 'test_elicitation', { message: 'And now?' });
  person.declines = false;
  assert.equal(declined, 'The user declined to answer.');
  const twice = await text(at, 'test_input_required_result_multi_round');
  assert.equal(twice, 'The user said: {"name":"alice"} The user said: {"color":"alice"}');
  return 'accepted, declined, asked twice';
}

async function sampling(at) {
  const said = await text(at, 'test_sampling', { prompt: 'one and one' });
  assert.equal(said, 'The model said: alice heard one and one');
  return said;
}

async function roots(at) {
  const told = await text(at, 'test_input_required_result_list_roots');
  assert.equal(told, "The client's roots: file:///home/alice");
  return told;
}

async function subscription(at) {
  const { person, generation } = at;
  const unsubscribe = await generation.subscribe(person);
  await text(at, 'test_trigger_resource_update', { uri: 'test://of-no-interest' });
  await text(at, 'test_trigger_resource_update', { uri: person.resource });
  await until('resources/updated', () => person.updated.length > 0);
  assert.deepEqual(person.updated, [person.resource], 'nothing but what was subscribed to');
  const before = person.toolsChanged;
  await text(at, 'test_trigger_tool_change');
  await until('tools/list_changed', () => person.toolsChanged > before);
  await unsubscribe();
  return 'the resource was updated, the tools have changed';
}

async function cancellation(at) {
  const { person, generation } = at;
  const unsubscribe = await generation.subscribe(person);
  const before = person.updated.length;
  const abort = new AbortController();
  const onprogress = () => abort.abort('enough');
  const call = generation.call(person, 'test_cancellation', { uri: person.resource },
    { onprogress, signal: abort.signal });
  await assert.rejects(call, /enough/);
  await until('the tool to see it', () => person.updated.length > before);
  await unsubscribe();
  return 'the tool has seen it';
}

/** A quick call is answered while a slow one waits for the user. */
async function overtaking(at) {
  const { person } = at;
  let answer;
  person.answers = new Promise((resolve) => (answer = resolve));
  const before = person.asked.length;
  let slowIsDone = false;
  const slow = text(at, 'test_elicitation', { message: 'Well?' }).finally(() => {
    slowIsDone = true;
  });
  await until('the question', () => person.asked.length > before);
  assert.equal(await text(at, 'greet', { name: 'Ada' }), 'Hello, Ada!');
  assert.ok(!slowIsDone);
  answer();
  assert.match(await slow, /"username":"alice"/);
  return 'the quick answer came first';
}

async function ping({ person: { client } }) {
  assert.deepEqual(await client.ping(), {});
  return 'answered';
}

async function hangUp(at) {
  const told = await text(at, 'test_reconnection');
  assert.equal(told, 'Done, while nobody was connected.');
  return told;
}

/** The connection is cut in the middle of a streaming call; the rest comes by Last-Event-ID. */
async function cut({ generation, place }) {
  const wire = await openWire(place);
  const person = await generation.connect('alice', wire.url);
  const onprogress = ({ progress }) => progress === 0 && wire.cut();
  const done = await text({ generation, person }, 'test_tool_with_progress', {}, { onprogress });
  assert.equal(done, 'Done.');
  assert.deepEqual(person.progress.map((each) => each.progress), [0, 50, 100], 'each event once');
  await person.client.close();
  wire.close();
  return 'nothing lost, nothing twice';
}

/** What happens while the GET stream is cut comes when it is there again. */
async function cutGet({ generation, person: witness, place }) {
  const wire = await openWire(place);
  const person = await generation.connect('alice', wire.url);
  await generation.subscribe(person);
  const update = { uri: person.resource };
  await text({ generation, person: witness }, 'test_trigger_resource_update', update);
  await until('the first update', () => person.updated.length === 1);
  wire.cut();
  await text({ generation, person: witness }, 'test_trigger_resource_update', update);
  await until('the update of the meantime', () => person.updated.length > 1);
  await text({ generation, person: witness }, 'test_trigger_resource_update', update);
  await until('the update after', () => person.updated.length > 2);
  assert.equal(person.updated.length, 3, 'each update once');
  await person.client.close();
  wire.close();
  return 'nothing lost, nothing twice';
}

/**
 * The stream of HTTP+SSE is cut. The client opens another, but says neither that it had one
 * (typescript-sdk, pull request 339) nor who it is (issue 510): all the same it is answered.
 */
async function comeBack({ generation, place }) {
  const wire = await openWire(place);
  const person = await generation.connect('alice', wire.url);
  wire.cut();
  const greeted = () =>
    text({ generation, person }, 'greet', { name: 'Ada' }, { timeout: 1000 }).catch(() => '');
  let tries = 0;
  // Until it has another, answers go to the stream that it had.
  while ((await greeted()) !== 'Hello, Ada!') assert.ok(++tries < 15, 'it has not come back');
  assert.ok(tries > 0, 'it was not cut');
  await person.client.close();
  wire.close();
  return 'answered on its new stream';
}

/** The recipe for servers of any age: Streamable HTTP first; if it is refused, HTTP+SSE. */
async function fallback({ generation, place }) {
  for (const [url, way] of [[place, 'sse'], [new URL('/mcp', place).href, 'http']]) {
    let refused;
    const person = await generation.connect('alice', url, 'http').catch((error) => {
      refused = String(error);
      return generation.connect('alice', url, 'sse');
    });
    assert.ok(person.transport instanceof generation.classes[way], `${url}: ${refused}`);
    assert.equal(await text({ generation, person }, 'greet', { name: 'Ada' }), 'Hello, Ada!');
    await person.client.close();
  }
  return 'to HTTP+SSE where there is no other, and only there';
}

/** Without sessions a cut connection ends the call on both sides. */
async function cutIsCancellation({ generation, person: witness, place }) {
  const wire = await openWire(place);
  const person = await generation.connect('alice', wire.url);
  const unsubscribe = await generation.subscribe(witness);
  const before = witness.updated.length;
  const uri = witness.resource;
  // The client of 2.4.0 does not see that nothing more can come: it waits for its own timeout.
  const options = { onprogress: () => wire.cut(), timeout: 3000 };
  await assert.rejects(generation.call(person, 'test_cancellation', { uri }, options));
  await until('the tool to see it', () => witness.updated.length > before);
  await unsubscribe();
  await person.client.close();
  wire.close();
  return 'the call was rejected, the tool has seen it';
}

/**
 * Both ask, are asked and listen at once, with the same ids of requests; what belongs to one never
 * reaches the other.
 */
async function twoClients({ generation, place }) {
  const people = await Promise.all(['bob', 'carol'].map((name) => generation.connect(name, place)));
  const unsubscribe = await Promise.all(people.map((person) => generation.subscribe(person)));
  const live = async (person) => {
    const at = { generation, person };
    for (let round = 0; round < ROUNDS; round++) {
      const word = `${person.name} ${round}`;
      const [sampled, elicited] = await Promise.all([
        text(at, 'test_sampling', { prompt: word }),
        text(at, 'test_elicitation', { message: word }),
        text(at, 'test_trigger_resource_update', { uri: person.resource }),
        progress(at),
      ]);
      assert.equal(sampled, `The model said: ${person.name} heard ${word}`);
      assert.match(elicited, new RegExp(`"username":"${person.name}"`));
      await until('its update', () => person.updated.length > round);
    }
  };
  await Promise.all(people.map(live));
  for (const person of people) {
    const foreign = person.asked.filter((question) => !question.startsWith(person.name));
    assert.deepEqual(foreign, [], `${person.name} was asked what another should have been`);
    assert.equal(person.asked.length, 2 * ROUNDS);
    assert.deepEqual(person.updated, Array(ROUNDS).fill(person.resource));
  }
  await Promise.all(unsubscribe.map((end) => end()));
  await Promise.all(people.map((person) => person.client.close()));
  return `${ROUNDS} rounds, nothing of one reached the other`;
}

/** With a session of Streamable HTTP: deleted, and the server knows it no more. */
async function end({ generation, person: { client, transport }, place }) {
  const { sessionId } = transport;
  const hasSession = generation.stateful && wayTo(place) === 'http';
  assert.equal(sessionId !== undefined, hasSession);
  if (hasSession) await transport.terminateSession();
  await client.close();
  if (!hasSession) return 'closed, without a session';
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-session-id': sessionId,
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
  assert.equal((await fetch(place, { method: 'POST', headers, body })).status, 404);
  return 'the session was deleted, and is gone';
}
