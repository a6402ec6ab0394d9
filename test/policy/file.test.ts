// A policy file parses, or says exactly where and why not (T51).

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { POLICY_BYTES_MAX, parsePolicy } from '../../policy/file.ts';
import { InputError } from '../../policy/inputError.ts';

const FIXTURES = new URL('../../fixtures/policies/', import.meta.url);

function names(kind: string): string[] {
  return readdirSync(new URL(kind, FIXTURES)).filter((name) => name.endsWith('.toml'));
}

function parseFixture(kind: string, name: string) {
  return parsePolicy(readFileSync(new URL(`${kind}/${name}`, FIXTURES), 'utf8'), name);
}

function errorOf(text: string): InputError {
  try {
    parsePolicy(text, 'p.toml');
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('nothing was wrong');
}

describe('good policies', () => {
  it.each(names('good'))('%s', (name) => {
    expect(parseFixture('good', name).data.version).toBe(1);
  });

  it('come out as written', () => {
    const { data } = parseFixture('good', 'design.toml');
    expect(data.mount?.[2]).toEqual({ path: '/tmp', mode: 'ephemeral', empty: true });
    expect(data.quota).toMatchObject({ bytes: 2 ** 31, wall: 7_200_000, usd: 50, warn: 0.8 });
    expect(data.approval).toEqual({ expire: 259_200_000, timeout: 600_000 });
  });

  it('may use the long names of modes', () => {
    const modes = parseFixture('good', 'long-names.toml').data.mount?.map((mount) => mount.mode);
    expect(modes).toEqual(['ro', 'ephemeral', 'invisible', 'hidden', 'private']);
  });
});

describe('bad policies', () => {
  it.each(names('bad'))('%s', (name) => {
    const expected = readFileSync(new URL(`bad/${name.replace(/toml$/, 'error')}`, FIXTURES), 'utf8').trimEnd();
    expect(() => parseFixture('bad', name)).toThrow(InputError);
    expect(() => parseFixture('bad', name)).toThrow(expect.objectContaining({ message: expected }));
  });
});

describe('T51 bounds', () => {
  it.each([
    ['bytes', `version = 1\n# ${'x'.repeat(POLICY_BYTES_MAX)}`, /larger than/],
    ['list entries', `version = 1\n[files]\nhide = [${'"a",'.repeat(1001)}]\n`, /files\.hide: too long: at most 1000/],
    ['entries in all', `version = 1\nx = [${'1,'.repeat(20_001)}]\n`, /more than 20000 keys/],
    ['depth of tables', `version = 1\nx = ${'{a='.repeat(20)}1${'}'.repeat(20)}\n`, /not TOML: .*nested/],
    ['a pattern', `version = 1\n[files]\nhide = ["${'a'.repeat(2000)}"]\n`, /files\.hide\[1\]: too long/],
  ])('%s', (_, text, reason) => {
    expect(errorOf(text).message).toMatch(reason);
  });

  it('keys of the object prototype are unknown keys', () => {
    expect(errorOf('version = 1\n__proto__ = 1\n').message).toContain('unknown key "__proto__"');
    expect(errorOf('version = 1\nconstructor.prototype.x = 1\n').message).toContain('unknown key "constructor"');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('an error', () => {
  it('counts lines after carriage returns and columns after wide characters', () => {
    const error = errorOf('# é\r\nversion = 1\r\nmount = [ { path = "/ä€😀", mode = "rx" } ]\r\n');
    expect([error.line, error.column]).toEqual([3, 36]);
    expect(error.nearest).toBe('rw');
  });

  it('keeps file, line, column, reason and nearest word apart', () => {
    expect(errorOf('version = 1\n[nework]\nmode = "none"\n')).toMatchObject({
      file: 'p.toml',
      line: 2,
      column: 2,
      reason: 'unknown key "nework"',
      nearest: 'network',
    });
  });
});
