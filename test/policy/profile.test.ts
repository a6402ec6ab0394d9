// Profiles are data: those shipped are sound, and a bad one says why.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../policy/inputError.ts';
import { parseProfile, profileFor, profileGrants } from '../../policy/profile.ts';

const PROFILES = new URL('../../policy/profiles/', import.meta.url);
const profiles = readdirSync(PROFILES).map((file) => parseProfile(readFileSync(new URL(file, PROFILES), 'utf8'), file));

describe('the profiles shipped', () => {
  it('are named after their files and claim a command once', () => {
    expect(profiles.map(({ name }) => `${name}.json`).sort()).toEqual(readdirSync(PROFILES).sort());
    const commands = profiles.flatMap(({ commands }) => commands);
    expect(new Set(commands).size).toBe(commands.length);
  });

  it.each([
    ['claude', 'claude'],
    ['/home/ada/.local/bin/claude', 'claude'],
    ['codex', 'codex'],
    ['aider', 'aider'],
    ['bash', undefined],
    ['claude-evil', undefined],
    ['', undefined],
  ])('%j chooses %j', (command, name) => {
    expect(profileFor(command, profiles)?.name).toBe(name);
  });

  it('print what they grant', () => {
    const lines = profileGrants(profileFor('codex', profiles)!);
    expect(lines).toContain('profile codex: private copy of ~/.codex');
    expect(lines.join('\n')).toMatch(/environment OPENAI_API_KEY/);
    expect(lines.join('\n')).toMatch(/network api\.openai\.com:443/);
    expect(lines.join('\n')).toMatch(/adds \(.*\) -c sandbox_mode=/);
  });
});

describe('a bad profile', () => {
  const good = { name: 'x', title: 'X', commands: ['x'], state: [], environment: [], set: {}, network: [], flags: [] };
  it.each([
    ['{', /^x\.json: not JSON/],
    [JSON.stringify({ ...good, extra: 1 }), /extra/],
    [JSON.stringify({ ...good, state: ['/etc'] }), /state\.0: expected a path that begins with "~\/"/],
    [JSON.stringify({ ...good, state: ['~/../bob'] }), /state\.0/],
    [JSON.stringify({ ...good, state: ['~/.'] }), /state\.0/],
    [JSON.stringify({ ...good, network: ['x'] }), /network\.0: expected HOST:PORT/],
    [JSON.stringify({ ...good, environment: ['A*'] }), /environment\.0/],
    [JSON.stringify({ ...good, commands: ['a/b'] }), /commands\.0/],
    [' '.repeat(70_000), /larger than/],
  ])('%#', (text, message) => {
    expect(() => parseProfile(text, 'x.json')).toThrow(InputError);
    expect(() => parseProfile(text, 'x.json')).toThrow(message);
  });

  it('and a good one is accepted', () => {
    expect(parseProfile(JSON.stringify(good), 'x.json').name).toBe('x');
  });
});
