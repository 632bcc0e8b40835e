// Tokens that are wrong, of the authorization server itself: node oauth-tokens.mjs URL ISSUER

import assert from 'node:assert/strict';

const [url, issuer] = process.argv.slice(2);

async function tokenThat(how) {
  const response = await fetch(`${issuer}/test/tokens/${how}?resource=${encodeURIComponent(url)}`);
  return response.text();
}

async function ask(token) {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
  return fetch(url, { method: 'POST', headers, body });
}

const nothing = await ask();
assert.equal(nothing.status, 401);
const challenge = nothing.headers.get('www-authenticate');
assert.match(challenge, /^Bearer .*resource_metadata="/);
assert.doesNotMatch(challenge, /error=/);
const good = await tokenThat('none');
assert.equal((await ask(good)).status, 200);
for (const how of ['audience', 'issuer', 'expired', 'early', 'key']) {
  const response = await ask(await tokenThat(how));
  assert.equal(response.status, 401, how);
  assert.match(response.headers.get('www-authenticate'), /error="invalid_token"/, how);
}
const [header, claims] = good.split('.');
const none = Buffer.from('{"alg":"none"}').toString('base64url');
for (const token of [`${none}.${claims}.`, `${header}.${claims}.`, 'x', `${good}x`]) {
  assert.equal((await ask(token)).status, 401, token);
}
// The issuer has a new key, and no longer the old one: a token of the new one is taken at once.
await fetch(`${issuer}/test/rotate`, { method: 'POST' });
assert.equal((await ask(await tokenThat('none'))).status, 200);
assert.equal((await ask(good)).status, 401);
console.log('tokens that are wrong are refused, and a new key is found');
