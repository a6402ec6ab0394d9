// Sealed content: a copy, named by what it holds, stored once, never changed by what happens to its source.
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ERRNO, Errno } from '../../fs/errno.ts';
import { blobPath, openBlob, removeLeftovers, seal, verifyBlob } from '../../fs/store/blobs.ts';
import { cidOfBytes } from '../../fs/store/cid.ts';

describe('blobs', () => {
  let home: string;
  let blobs: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'agentsh-blobs-'));
    blobs = `${home}/blobs`;
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  function sealBytes(bytes: Buffer) {
    writeFileSync(`${home}/source`, bytes);
    const fd = openSync(`${home}/source`, 'r');
    try {
      return seal(fd, blobs);
    } finally {
      closeSync(fd);
    }
  }

  it.each([0, 1, 4097, 3_000_000])('keeps %i bytes under their CID, read-only', (sizeBytes) => {
    const bytes = Buffer.alloc(sizeBytes, 'content');
    const sealed = sealBytes(bytes);
    expect(sealed).toEqual({ cid: cidOfBytes(bytes), path: blobPath(blobs, sealed.cid), sizeBytes });
    expect(readFileSync(sealed.path).equals(bytes)).toBe(true);
    expect(statSync(sealed.path).mode & 0o7777).toBe(0o400);
    expect(verifyBlob(blobs, sealed.cid)).toBe('sound');
  });

  it('stores equal content once', () => {
    const first = sealBytes(Buffer.from('same'));
    expect(sealBytes(Buffer.from('same'))).toEqual(first);
    expect(readdirSync(blobs, { recursive: true }).filter((name) => String(name).length > 50)).toHaveLength(1);
  });

  it('is not touched by later writes to its source', () => {
    writeFileSync(`${home}/source`, 'before');
    const fd = openSync(`${home}/source`, 'r+');
    const { cid } = seal(fd, blobs);
    writeSync(fd, 'after!', 0);
    ftruncateSync(fd, 2);
    closeSync(fd);
    const blob = openBlob(blobs, cid);
    expect(readFileSync(blob, 'utf8')).toBe('before');
    closeSync(blob);
    expect(verifyBlob(blobs, cid)).toBe('sound');
  });

  it('ignores where the descriptor stands, and leaves it there', () => {
    writeFileSync(`${home}/source`, 'abcdef');
    const fd = openSync(`${home}/source`, 'r');
    readFileSync(fd);
    expect(seal(fd, blobs).sizeBytes).toBe(6);
    closeSync(fd);
  });

  it('T43 tells damaged from missing content', () => {
    const { cid, path } = sealBytes(Buffer.from('some content'));
    rmSync(path);
    expect(verifyBlob(blobs, cid)).toBe('missing');
    expect(openBlob(blobs, cid)).toBe(-ERRNO.ENOENT);
    writeFileSync(path, 'some c0ntent');
    expect(verifyBlob(blobs, cid)).toBe('damaged');
    sealBytes(Buffer.from('some content'));
    expect(verifyBlob(blobs, cid)).toBe('sound');
  });

  it('never makes a path of what is no CID', () => {
    for (const bad of ['', '../../etc/passwd', 'bafy', `b${'a'.repeat(60)}/..`, 'B'.repeat(60)]) {
      expect(() => blobPath(blobs, bad)).toThrow(TypeError);
    }
  });

  it('clears what an interrupted seal left, and nothing else', () => {
    const { path } = sealBytes(Buffer.from('kept'));
    writeFileSync(`${blobs}/seal-00ff.tmp`, 'half');
    expect(removeLeftovers(blobs)).toBe(1);
    expect(readFileSync(path, 'utf8')).toBe('kept');
  });

  it('leaves nothing behind when the source cannot be read', () => {
    const fd = openSync(home, 'r');
    expect(() => seal(fd, blobs)).toThrow(Errno);
    closeSync(fd);
    expect(readdirSync(blobs)).toEqual([]);
  });
});
