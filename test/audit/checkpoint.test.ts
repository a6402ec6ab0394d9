// Signed checkpoints are C2SP signed notes: another implementation of Ed25519 and of the format agrees with ours.
import { createHash } from 'node:crypto';
import * as ed25519 from '@noble/ed25519';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, signCheckpoint, splitNotes, verifierKey } from '../../fs/audit/checkpoint.ts';
import { signerOfSeed, verifySignature } from '../../fs/audit/identity.ts';
import { signer } from './fixture.ts';

const chain = { seq: 1042, head: 'ab'.repeat(32) };

describe('audit checkpoint', () => {
  beforeAll(() => {
    ed25519.hashes.sha512 = sha512;
  });

  it('is a body, an empty line and a signature line', () => {
    const lines = signCheckpoint('my agent', chain, signer).split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'agentsh.audit/my\\x20agent',
      '1042',
      Buffer.from(chain.head, 'hex').toString('base64'),
      '',
    ]);
    expect(lines[4]).toMatch(/^\u2014 agentsh\.audit [A-Za-z0-9+/]{91}=$/);
    expect(lines.slice(5)).toEqual(['']);
  });

  it('verifies with @noble/ed25519, from the verifier key alone', () => {
    const note = signCheckpoint('claude', chain, signer);
    const [name, hash, key] = verifierKey(signer.publicKey).split('+') as [string, string, string];
    const typed = Buffer.from(key, 'base64');
    expect(createHash('sha256').update(`${name}\n`).update(typed).digest('hex').slice(0, 8)).toBe(hash);
    const [body, signatureLine] = note.split('\n\n') as [string, string];
    const raw = Buffer.from(signatureLine.split(' ')[2] ?? '', 'base64');
    expect(raw.subarray(0, 4).toString('hex')).toBe(hash);
    expect(ed25519.verify(raw.subarray(4), Buffer.from(`${body}\n`), typed.subarray(1))).toBe(true);
  });

  it('node:crypto and @noble/ed25519 make the same keys and signatures', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 200 }),
        (seed, message) => {
          const ours = signerOfSeed(seed);
          expect(Buffer.from(ed25519.getPublicKey(seed)).equals(ours.publicKey)).toBe(true);
          expect(Buffer.from(ed25519.sign(message, seed)).equals(ours.sign(message))).toBe(true);
          expect(verifySignature(ours.publicKey, message, ed25519.sign(message, seed))).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('node:crypto and @noble/hashes agree on SHA-256', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
        expect(createHash('sha256').update(bytes).digest('hex')).toBe(Buffer.from(sha256(bytes)).toString('hex'));
      }),
    );
  });

  it('opens what it signed, for any name of an agent', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (bytes) => {
        const agent = Buffer.from(bytes).toString('latin1');
        expect(openCheckpoint(signCheckpoint(agent, chain, signer), signer.publicKey)).toEqual({ agent, chain });
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a note with any character changed', () => {
    const note = signCheckpoint('claude', chain, signer);
    for (let at = 0; at < note.length - 1; at += 1) {
      const changed = `${note.slice(0, at)}${note[at] === 'A' ? 'B' : 'A'}${note.slice(at + 1)}`;
      expect(() => openCheckpoint(changed, signer.publicKey), changed).toThrow(SyntaxError);
    }
  });

  it('splits a file of notes, and keeps a torn one apart', () => {
    const one = signCheckpoint('a', chain, signer);
    const two = signCheckpoint('b', chain, signer);
    expect(splitNotes(`${one}\n${two}\n`)).toEqual([one, two]);
    expect(splitNotes(`${one}\n${two.slice(0, 30)}`)).toEqual([one, two.slice(0, 30)]);
    expect(splitNotes('')).toEqual([]);
  });
});
