// Keys: made once, kept to their owner, refused where others could read them.
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { didOfKey, keyOfDid, loadIdentity } from '../../fs/audit/identity.ts';

describe('identity', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'agentsh-identity-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('is made on first use and the same ever after', () => {
    const first = loadIdentity(`${home}/keys`, 'kernel');
    const second = loadIdentity(`${home}/keys`, 'kernel');
    expect(second.publicKey.equals(first.publicKey)).toBe(true);
    expect(loadIdentity(`${home}/keys`, 'claude').publicKey.equals(first.publicKey)).toBe(false);
    expect(statSync(`${home}/keys`).mode & 0o7777).toBe(0o700);
    expect(statSync(`${home}/keys/kernel.key`).mode & 0o7777).toBe(0o600);
    expect(readdirSync(`${home}/keys`).sort()).toEqual(['claude.key', 'kernel.key']);
  });

  it('is refused where its directory or file lets others in, and says how to mend it', () => {
    loadIdentity(`${home}/keys`, 'kernel');
    chmodSync(`${home}/keys/kernel.key`, 0o640);
    expect(() => loadIdentity(`${home}/keys`, 'kernel')).toThrow(/mode 0640 lets others in; run: chmod 0600/);
    chmodSync(`${home}/keys/kernel.key`, 0o600);
    chmodSync(`${home}/keys`, 0o750);
    expect(() => loadIdentity(`${home}/keys`, 'kernel')).toThrow(/mode 0750 lets others in; run: chmod 0700/);
  });

  it('is refused where it is a link, another type, or not a key', () => {
    loadIdentity(`${home}/keys`, 'kernel');
    symlinkSync('kernel.key', `${home}/keys/linked.key`);
    expect(() => loadIdentity(`${home}/keys`, 'linked')).toThrow(/ELOOP/);
    writeFileSync(`${home}/keys/broken.key`, 'no key\n', { mode: 0o600 });
    expect(() => loadIdentity(`${home}/keys`, 'broken')).toThrow(/not a key/);
    expect(() => loadIdentity(`${home}/keys`, '../kernel')).toThrow(/not a key name/);
  });

  it('has a did:key that leads back to the key', () => {
    // The Ed25519 example of the did:key specification.
    const did = 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp';
    expect(didOfKey(keyOfDid(did))).toBe(did);
    const { did: own, publicKey } = loadIdentity(`${home}/keys`, 'kernel');
    expect(keyOfDid(own).equals(publicKey)).toBe(true);
    for (const bad of ['', 'did:key:', 'did:key:z6Mk', 'did:web:x', `${did}x`])
      expect(() => keyOfDid(bad)).toThrow(SyntaxError);
  });
});
