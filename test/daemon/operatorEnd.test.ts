// The operator's mount closed its device while the worker still read from it: an error at best, another file's bytes at
// worst, since a closed descriptor's number is given to the next that opens.
import { expect, test } from 'vitest';
import type { Mounted, Mounter } from '../../fs/daemon/mounter.ts';
import { OperatorMount } from '../../fs/daemon/operatorMount.ts';

/** Answers everything; says that it is closing before it answers that. */
const WORKER = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ id, method }) => {
      if (method === 'close') parentPort.postMessage({ event: { text: 'the worker is closing' } });
      parentPort.postMessage({ id, ok: true, result: {} });
    });
  `)}`,
);

test('the device closes after the worker has', async () => {
  const order: string[] = [];
  const mounted: Mounted = {
    connection: 1,
    fd: -1,
    mountpoint: '/nowhere',
    idShift: 0,
    slot: undefined,
    profile: 'open' as const,
  };
  const mounter = {
    mountAt: async () => mounted,
    unmount: async () => void order.push('unmounted'),
    closeDevice: () => void order.push('device closed'),
  } as unknown as Mounter;
  const mount = new OperatorMount(mounter, WORKER, {
    deliver: () => {},
    drop: (_fd, close) => close(),
    log: (text) => void order.push(text),
  });
  await mount.start('/nowhere', async () => ({}));
  await mount.stop();
  expect(order).toEqual(['unmounted', 'operator: the worker is closing', 'device closed']);
});
