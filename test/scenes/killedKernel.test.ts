// The kernel is killed in the middle of many writes: what the agent was told is done is done, nobody hangs, and the
// next command goes on where it was.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { treeDifference, treeState } from '../treeState.ts';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 90_000;
const FILES = 20_000;
/** Says each name after its file is closed; renames and removals are said too. Ends at the first error. */
const WRITER = `import os, sys
os.makedirs("many", exist_ok=True)
try:
    for n in range(${FILES}):
        with open(f"many/{n}", "w") as f: f.write(f"content {n}\\n" * 50)
        print("made", n)
        if n % 10 == 3:
            os.rename(f"many/{n}", f"many/renamed-{n}"); print("renamed", n)
        if n % 10 == 5:
            os.unlink(f"many/{n}"); print("removed", n)
        sys.stdout.flush()
except OSError as e:
    sys.exit(9)
`;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  beforeAll(() => {
    world = makeWorld({ user });
    world.write('kept.txt', 'host\n');
    world.write('writer.py', WRITER);
  });
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'nothing that was acknowledged is lost, and nobody hangs',
    async () => {
      await world.inside('echo agent > kept.txt');
      const before = treeState(world.workspace);
      const running = world.start(['-c', 'exec python3 writer.py'], { timeoutMs: TIMEOUT_MS });
      await running.says('made 400\n');
      const pid = world.kernelPid();
      process.kill(pid, 'SIGKILL');
      const { code, stdout } = await running.result;
      expect(code).not.toBe(0);
      expect(stdout).not.toContain(`made ${FILES - 1}\n`);
      expect(inUninterruptibleSleep()).toEqual([]);

      const { made, unsure } = acknowledged(stdout);
      expect(made.size).toBeGreaterThan(300);
      const printed = await world.inside('cat kept.txt; cd many && sha256sum * | sort -k 2');
      expect(printed).toMatch(/^agent\n/);
      const found = new Set(printed.split('\n').map((line) => line.slice(66)));
      expect([...made].filter((name) => !found.has(name) && !unsure.has(name))).toEqual([]);
      expect([...found].filter((name) => /\d/.test(name) && !made.has(name) && !unsure.has(name))).toEqual([]);
      const lengths = await world.inside("cd many && wc -c * | grep -v total | awk '{ print $1, $2 }'");
      const short = lengths
        .split('\n')
        .filter(Boolean)
        .filter((line) => !isWhole(line) && !unsure.has(line.split(' ')[1] ?? ''));
      expect(short).toEqual([]);
      expect(treeDifference(before, treeState(world.workspace))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'the stale mounts of the killed kernel are gone, the log is sound, and its changes can be approved',
    async () => {
      expect(await world.agentsh(['verify'])).toMatchObject({ code: 0 });
      expect(await world.agentsh(['approve', 'kept.txt'])).toMatchObject({ code: 0 });
      expect(readFileSync(`${world.workspace}/kept.txt`, 'utf8')).toBe('agent\n');
      const mounts = agentshMounts(world.directory).map(({ mountpoint }) => mountpoint);
      expect(await world.run('ls', ['-d', ...mounts])).toMatchObject({ code: 0, stderr: '' });
    },
    TIMEOUT_MS,
  );

  test(
    'npm install is cut off in the middle; run again, it is complete',
    async () => {
      const install = 'npm install --no-audit --no-fund --no-update-notifier --loglevel=http express@4.19.2 2>&1';
      const words = ['-n', 'installer', '--net', 'host'];
      const running = world.start([...words, '-c', install], { timeoutMs: TIMEOUT_MS });
      await running.says('.tgz');
      process.kill(world.kernelPid(), 'SIGKILL');
      expect((await running.result).code).not.toBe(0);
      expect(inUninterruptibleSleep()).toEqual([]);
      const text = `${install} > /dev/null && node -e 'console.log(typeof require("express")())' && ls`;
      expect(await world.inside(text, words, { timeoutMs: TIMEOUT_MS })).toContain('function\n');
      const paths = (await world.pending('-n', 'installer')).map((each) => each.path.slice(world.workspace.length));
      expect(paths).toEqual(['/package-lock.json', '/package.json']);
    },
    TIMEOUT_MS,
  );

  test(
    'a shell that waits while its kernel dies gets an error from its next look at a file, not silence',
    async () => {
      const running = world.start(['-c', 'echo ready; read -r go; cat kept.txt; echo "cat $?"; ls; echo "ls $?"']);
      await running.says('ready');
      process.kill(world.kernelPid(), 'SIGKILL');
      running.send('go\n');
      const { stdout } = await running.result;
      expect(stdout).not.toContain('cat 0');
      expect(await world.inside('cat kept.txt')).toBe('agent\n');
    },
    TIMEOUT_MS,
  );
});

/** `unsure` are the names of the operation that may have been on its way. */
function acknowledged(printed: string): { readonly made: Set<string>; readonly unsure: Set<string> } {
  const made = new Set<string>();
  let last = 0;
  // The last line may be half there.
  for (const line of printed.split('\n').slice(0, -1)) {
    const [verb, number] = line.split(' ');
    last = Number(number);
    if (verb === 'made') made.add(`${number}`);
    else made.delete(`${number}`);
    if (verb === 'renamed') made.add(`renamed-${number}`);
  }
  const unsure = [last, last + 1].flatMap((each) => [`${each}`, `renamed-${each}`]);
  return { made, unsure: new Set(unsure) };
}

/** A line "bytes name" whose file has all of its fifty lines. */
function isWhole(line: string): boolean {
  const [bytes, name = ''] = line.split(' ');
  return Number(bytes) === 50 * `content ${name.replace('renamed-', '')}\n`.length;
}

/** Processes that a lost answer holds: only their parents' end could free them. */
function inUninterruptibleSleep(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        const [state, wchan] = [
          readFileSync(`/proc/${pid}/stat`, 'latin1'),
          readFileSync(`/proc/${pid}/wchan`, 'latin1'),
        ];
        return /\) D /.test(state) && wchan.includes('fuse');
      } catch {
        return false;
      }
    });
}
