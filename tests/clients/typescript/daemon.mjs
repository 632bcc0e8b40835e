// What both generations of the official TypeScript client are put through; see ../run.

import assert from 'node:assert/strict';

const TOOLS = [
  'add_document',
  'dataset_stats',
  'delete_document',
  'get_document',
  'list_documents',
  'search_documents',
  'update_document',
];

/** Uses a connected client; every step is checked. Returns a line that says what was found. */
export async function use(client, query) {
  assert.match(client.getInstructions(), /search_documents/);
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name).sort(), TOOLS);
  query ??= await wordOfATitle(client);

  const found = await call(client, 'search_documents', { query, limit: 5 });
  assert.ok(found.total > 0 && found.hits.length > 0, `nothing found for ${query}`);
  const hit = found.hits[0];
  assert.equal(hit.uri, `doc://${hit.id}`);

  const document = await call(client, 'get_document', { id: hit.id, max_chars: 500 });
  assert.equal(document.title, hit.title);
  assert.ok(document.text.length > 0);
  const refused = await client.callTool({ name: 'get_document', arguments: { id: 'nothing' } });
  assert.ok(refused.isError);
  assert.match(refused.content[0].text, /no document/);

  const { resources } = await client.listResources();
  assert.match(resources[0].uri, /^doc:\/\//);
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.equal(resourceTemplates[0].uriTemplate, 'doc://{id}');
  const read = await client.readResource({ uri: hit.uri });
  assert.ok(read.contents[0].text.startsWith(document.text));
  assert.equal(read.contents[0].mimeType, document.mime_type);
  await assert.rejects(client.readResource({ uri: 'doc://nothing' }));
  const completed = await client.complete({
    ref: { type: 'ref/resource', uri: 'doc://{id}' },
    argument: { name: 'id', value: hit.id.slice(0, -1) },
  });
  assert.ok(completed.completion.values.includes(hit.id));

  const { prompts } = await client.listPrompts();
  const names = prompts.map((prompt) => prompt.name).sort();
  assert.deepEqual(names, ['answer_from_documents', 'summarize_document']);
  const summary = await client.getPrompt({ name: 'summarize_document', arguments: { id: hit.id } });
  assert.ok(summary.messages[0].content.text.includes(hit.uri));
  const answer = await client.getPrompt({
    name: 'answer_from_documents',
    arguments: { question: query },
  });
  assert.match(answer.messages[0].content.text, /doc:\/\//);
  return `${found.total} found for '${query}', first '${hit.title}'`;
}

/** Calls a tool that succeeds; its structured content, which the client has validated. */
async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, JSON.stringify(result));
  return result.structuredContent;
}

async function wordOfATitle(client) {
  const { documents } = await call(client, 'list_documents', { limit: 1 });
  const words = documents[0].title.match(/[A-Za-z0-9]{4,}/g);
  return words.reduce((a, b) => (b.length > a.length ? b : a));
}
