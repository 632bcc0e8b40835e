// A wire between client and server that can be cut: both sides see the connection reset.

import { connect, createServer } from 'node:net';

/** Opens a wire to the server of `url`; `wire.url` is where clients find the server through it. */
export async function openWire(url) {
  const { hostname, port, pathname } = new URL(url);
  const ends = new Set();
  const listener = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [[near, far], [far, near]]) {
      ends.add(from);
      from.on('error', () => {});
      from.on('close', () => (ends.delete(from), to.destroy()));
      from.pipe(to);
    }
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const cut = () => ends.forEach((end) => end.resetAndDestroy());
  return {
    url: `http://127.0.0.1:${listener.address().port}${pathname}`,
    cut,
    close: () => (listener.close(), cut()),
  };
}
