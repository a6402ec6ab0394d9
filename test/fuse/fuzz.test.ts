// T24: malformed, truncated and unknown requests get an errno or are dropped; replies always have a sound form.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPCODE_LIMIT } from '../../fs/fuse/abi.ts';
import { fixture, request, spy } from './spyOperations.ts';

const CASES = 100_000;
const recorded = [...fixture('requests.hex'), ...fixture('init.hex')].map(({ bytes }) => bytes);

const patch = fc.record({ at: fc.nat(200), value: fc.oneof(fc.constantFrom(0, 0x2f, 0x7f, 0x80, 0xff), fc.nat(255)) });
const mutated = fc
  .record({
    original: fc.constantFrom(...recorded),
    patches: fc.array(patch, { maxLength: 6 }),
    length: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(200)),
    honest: fc.boolean(),
  })
  .map(({ original, patches, length, honest }) => {
    const bytes = Buffer.from(original.subarray(0, length));
    for (const { at, value } of patches) if (at < bytes.length) bytes[at] = value;
    if (honest && bytes.length >= 4) bytes.writeUInt32LE(bytes.length, 0);
    return bytes;
  });
const invented = fc
  .record({ opcode: fc.nat(OPCODE_LIMIT + 8), payload: fc.uint8Array({ maxLength: 160 }) })
  .map(({ opcode, payload }) => request(opcode, Buffer.from(payload)));

test(`${CASES} requests that no kernel would send`, { timeout: 120_000 }, () => {
  const { session, sent, calls, logged } = spy();
  const receive = Buffer.alloc(4096);
  fc.assert(
    fc.property(fc.oneof(mutated, invented), (bytes) => {
      sent.length = 0;
      calls.length = 0;
      receive.fill(0xaa);
      bytes.copy(receive);
      session.handle(receive, bytes.length);
      if (sent.length > 1) throw new Error(`${sent.length} replies`);
      const reply = sent[0];
      if (reply === undefined) return;
      const error = reply.readInt32LE(4);
      const sound =
        reply.readUInt32LE(0) === reply.length &&
        reply.readBigUInt64LE(8) === bytes.readBigUInt64LE(8) &&
        (error === 0 || (error < 0 && error > -512 && reply.length === 16));
      if (!sound) throw new Error(`reply ${reply.toString('hex')}`);
    }),
    { numRuns: CASES },
  );
  // The operations behind were sound, so every refusal was an errno: nothing was caught by accident.
  expect([session.defects, logged]).toEqual([0, []]);
});
