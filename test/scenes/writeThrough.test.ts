// `rw` while files stay open: names and data go to the host together, and afterwards nothing of the agent's masks it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;
const POLICY = `version = 1\nmount = [ { path = "\${workspace}", mode = "rw" } ]\n`;
const PRELUDE = `import os
def put(f, text): f.write(text); f.flush(); os.fsync(f.fileno())
def show(*names): print([open(n).read() for n in names], sorted(os.listdir(".")))
`;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let policy: string;
  beforeAll(() => {
    world = makeWorld({ user });
    policy = path.join(world.directory, 'policy.toml');
    writeFileSync(policy, POLICY);
    world.own(policy);
  });
  afterAll(() => world.end(), TIMEOUT_MS);
  const python = async (text: string) => {
    const result = await world.agentsh(['--policy', policy, '--', 'python3', '-c', PRELUDE + text]);
    return result.code === 0 ? result.stdout : result.stderr;
  };
  const onHost = (name: string) => readFileSync(path.join(world.workspace, name), 'utf8');
  const clear = () => world.run('/bin/sh', ['-c', 'rm -rf -- ./*']);

  test(
    'after a close the host’s later edits show, and the next write builds on them',
    async () => {
      world.write('file', 'host\n');
      expect(await python('f = open("file", "a"); put(f, "agent\\n"); f.write("more\\n"); f.close()')).toBe('');
      expect(onHost('file')).toBe('host\nagent\nmore\n');
      writeFileSync(path.join(world.workspace, 'file'), 'edited on the host\n');
      expect(await python('show("file"); open("file", "a").write("agent again\\n")')).toContain('edited on the host');
      expect(onHost('file')).toBe('edited on the host\nagent again\n');
      expect(await world.pending()).toEqual([]);
      await clear();
    },
    TIMEOUT_MS,
  );

  test(
    'a file that is renamed while it is open lands under its new name',
    async () => {
      const text = 'f = open("a", "w"); put(f, "one"); os.rename("a", "b"); f.write("two"); f.close(); show("b")';
      expect(await python(text)).toBe("['onetwo'] ['b']\n");
      expect(onHost('b')).toBe('onetwo');
      await clear();
    },
    TIMEOUT_MS,
  );

  test(
    'a file that is removed or replaced while it is open lives on without a name, and lands nowhere',
    async () => {
      const text =
        'f = open("a", "w"); put(f, "one"); os.unlink("a"); put(f, "two"); show(); f.close(); show()\n' +
        'f = open("b", "w"); put(f, "bb"); g = open("c", "w"); put(g, "cc"); os.rename("b", "c"); g.write("CC"); g.close(); f.write("BB"); f.close(); show("c")';
      expect(await python(text)).toBe("[] []\n[] []\n['bbBB'] ['c']\n");
      expect(readdirSync(world.workspace)).toEqual(['c']);
      expect(onHost('c')).toBe('bbBB');
      await clear();
    },
    TIMEOUT_MS,
  );

  test(
    'directories move and go with what is open in them, and leave nothing behind',
    async () => {
      const text =
        'os.mkdir("d"); f = open("d/f", "w"); put(f, "one"); os.rename("d", "e"); f.write("two"); f.close(); show("e/f")\n' +
        'os.chmod("e", 0o750); print(oct(os.stat("e").st_mode)); os.unlink("e/f"); os.rmdir("e"); show()';
      expect(await python(text)).toBe("['onetwo'] ['e']\n0o40750\n[] []\n");
      expect(existsSync(path.join(world.workspace, 'e'))).toBe(false);
      expect(await world.pending()).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
