// The CID of a file is the one that other IPFS tools compute: ipfs-unixfs-importer is the oracle.
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryBlockstore } from 'blockstore-core';
import fc from 'fast-check';
import { importer } from 'ipfs-unixfs-importer';
import { fixedSize } from 'ipfs-unixfs-importer/chunker';
import { balanced } from 'ipfs-unixfs-importer/layout';
import { describe, expect, it } from 'vitest';
import { cidOfBytes, cidOfFile, type Layout, PROFILE } from '../../fs/store/cid.ts';

async function oracle(content: Uint8Array, layout: Layout = PROFILE): Promise<string> {
  const options = {
    cidVersion: 1 as const,
    rawLeaves: true,
    reduceSingleLeafToSelf: true,
    chunker: fixedSize({ chunkSize: layout.chunkBytes }),
    layout: balanced({ maxChildrenPerNode: layout.linksMax }),
  };
  for await (const entry of importer([{ path: 'f', content }], new MemoryBlockstore(), options))
    return entry.cid.toString();
  throw new Error('no entry');
}

function onDisk<T>(content: Uint8Array, use: (fd: number) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'agentsh-cid-'));
  writeFileSync(join(directory, 'f'), content);
  const fd = openSync(join(directory, 'f'), 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}

const pattern = (sizeBytes: number): Buffer => Buffer.alloc(sizeBytes, Buffer.from('agentsh \u00e4\n'));

describe('cid of a file', () => {
  it.each([0, 1, 1000, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20, 5_000_001])('of %i bytes', async (sizeBytes) => {
    const content = pattern(sizeBytes);
    const expected = await oracle(content);
    expect(cidOfBytes(content)).toBe(expected);
    expect(onDisk(content, (fd) => cidOfFile(fd))).toBe(expected);
    expect(onDisk(content, (fd) => cidOfFile(fd, sizeBytes))).toBe(expected);
  });

  it('of the empty file is the well-known one', () => {
    expect(cidOfBytes(Buffer.alloc(0))).toBe('bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku');
  });

  it('with more leaves than fit one node, over several levels', async () => {
    const layout = { chunkBytes: 16, linksMax: 3 };
    for (const chunks of [1, 2, 3, 4, 9, 10, 27, 28, 90]) {
      const content = pattern(chunks * 16 - 5);
      expect(cidOfBytes(content, layout)).toBe(await oracle(content, layout));
    }
  });

  it('of any bytes', async () => {
    const layout = { chunkBytes: 8, linksMax: 4 };
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const expected = await oracle(bytes, layout);
        expect(cidOfBytes(bytes, layout)).toBe(expected);
        expect(onDisk(bytes, (fd) => cidOfFile(fd, undefined, layout))).toBe(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('stops at the size it was given', () => {
    expect(onDisk(pattern(3000), (fd) => cidOfFile(fd, 1234))).toBe(cidOfBytes(pattern(3000).subarray(0, 1234)));
  });
});

it('holes are identified without reading them, as the zeros they are', () => {
  const directory = mkdtempSync(join(tmpdir(), 'agentsh-holes-'));
  const sparse = join(directory, 'sparse');
  const dense = join(directory, 'dense');
  try {
    const sizeBytes = 5 * (1 << 20) + 17;
    writeFileSync(dense, Buffer.alloc(sizeBytes));
    writeFileSync(sparse, '');
    truncateSync(sparse, sizeBytes);
    for (const at of [undefined, 1 << 20, 3 * (1 << 20) + 5, sizeBytes - 1]) {
      if (at !== undefined) for (const path of [sparse, dense]) writeAt(path, at);
      expect(identify(sparse)).toBe(identify(dense));
    }
    truncateSync(sparse, 2 ** 37);
    expect(identify(sparse)).toMatch(/^b/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

function identify(path: string): string {
  const fd = openSync(path, 'r');
  try {
    return cidOfFile(fd);
  } finally {
    closeSync(fd);
  }
}

function writeAt(path: string, at: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, 'x', at);
  closeSync(fd);
}
