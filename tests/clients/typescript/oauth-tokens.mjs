// What the clients of the SDKs do not do by themselves: metadata at each of its places, and tokens
// that are wrong, of the authorization server itself: node oauth-tokens.mjs URL FORMAT ISSUER [KEY]
//
// FORMAT is that of the issuer's tokens, jwt or opaque. KEY is an API key that counts beside them.

import * as client from '@modelcontextprotocol/client';
import * as sdk from '@modelcontextprotocol/sdk/client/auth.js';
import assert from 'node:assert/strict';
import { refusal } from './oauth.mjs';

const [url, format, issuer, key] = process.argv.slice(2);
const endpoint = new URL(url);
const METADATA = '/.well-known/oauth-protected-resource';

async function tokenThat(how) {
  const response = await fetch(`${issuer}/test/tokens/${how}?resource=${encodeURIComponent(url)}`);
  assert.equal(response.status, 200, how);
  return response.text();
}

function ask(fields, method = 'ping', params = {}, where = url) {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...fields,
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return fetch(where, { method: 'POST', headers, body });
}

// Both well-known forms, from any web page; and as the SDKs find it who have seen no challenge.
const resource = endpoint.pathname === '/' ? endpoint.origin : url;
const expected = {
  resource,
  authorization_servers: [issuer],
  scopes_supported: ['mcp:search', 'mcp:use'],
  bearer_methods_supported: ['header'],
};
for (const path of new Set([METADATA, `${METADATA}${endpoint.pathname}`])) {
  const headers = { origin: 'https://page.example' };
  const response = await fetch(endpoint.origin + path, { headers });
  assert.equal(response.status, 200, path);
  assert.equal(response.headers.get('access-control-allow-origin'), '*', path);
  const metadata = await response.json();
  metadata.scopes_supported.sort();
  assert.deepEqual(metadata, expected, path);
}
for (const { discoverOAuthProtectedResourceMetadata: discover } of [client, sdk]) {
  assert.equal((await discover(url)).resource, resource);
}

// Whoever shows nothing is told where to go, and of no error.
const nothing = await ask({});
assert.equal(nothing.status, 401);
assert.equal((await nothing.json()).jsonrpc, '2.0');
const place = `${endpoint.origin}${METADATA}${endpoint.pathname.replace(/\/$/, '')}`;
assert.equal(
  nothing.headers.get('www-authenticate'),
  `Bearer resource_metadata="${place}", scope="mcp:use"`,
);

const wrong = {
  jwt: {
    audience: /for another server/,
    everybody: /for another server/,
    issuer: /an issuer that this server does not take/,
    expired: /has expired/,
    lasting: /a claim is missing/,
    early: /not valid yet/,
    id: /no access token/,
    key: /signature is wrong/,
    unsigned: /signature is wrong/,
    none: /algorithm/,
    secret: /algorithm/,
  },
  opaque: { audience: /for another server/ },
}[format];
const good = await tokenThat('good');
assert.equal(await refusal(url, good), undefined);
for (const [how, why] of Object.entries(wrong)) {
  assert.match((await refusal(url, await tokenThat(how))) ?? 'it was taken', why, how);
}
// Nobody's tokens.
for (const token of [`${good}x`, 'x']) {
  const why = format === 'jwt' ? /signature is wrong|no token that/ : /is not active/;
  assert.match((await refusal(url, token)) ?? 'it was taken', why);
}
// In the query it is no token (2025-06-18, authorization, "Token Requirements").
assert.equal((await ask({}, 'ping', {}, `${url}?access_token=${good}`)).status, 401);

if (format === 'jwt') {
  // The issuer has a new key, and no longer the old one: a token of the new one is taken at once.
  await fetch(`${issuer}/test/rotate`, { method: 'POST' });
  assert.equal(await refusal(url, await tokenThat('good')), undefined);
  assert.match((await refusal(url, good)) ?? 'it was taken', /no such key/);
}

if (key) {
  const search = ['tools/call', { name: 'search_documents', arguments: { query: 'documents' } }];
  for (const fields of [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }]) {
    assert.equal((await ask(fields)).status, 200);
    const forbidden = await ask(fields, ...search);
    assert.equal(forbidden.status, 403);
    const challenge = forbidden.headers.get('www-authenticate');
    assert.match(challenge, /error="insufficient_scope"/);
    assert.match(challenge, /scope="mcp:search mcp:use"/);
  }
  assert.equal((await ask({ 'x-api-key': `${key.slice(0, -1)}_` })).status, 401);
  // What is in Authorization counts, whatever is beside it.
  assert.equal((await ask({ authorization: 'Bearer x', 'x-api-key': key })).status, 401);
}
const beside = key ? ', and a key is taken beside them' : '';
console.log(`tokens, ${format}: those that are wrong are refused, each for what it is${beside}`);
