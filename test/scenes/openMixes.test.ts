// One file open in several ways at once: through the page cache, past us, before and after copy-up, mapped, executed. The
// kernel answers EIO to some mixes of cached and passed-through opens: none of them may reach a program.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 120_000;
const FILES = 256;
const MIXES = `import mmap, os, subprocess
R, W, RW = os.O_RDONLY, os.O_WRONLY, os.O_RDWR
def once(name, a, b, flag, act):
    x = os.open(name, a)
    if a != W: os.pread(x, 10, 0)
    m = None
    if act == "write" and a != R: os.pwrite(x, b"hello", 0)
    if act == "truncate": os.truncate(name, 5000)
    if act == "ftruncate" and a != R: os.ftruncate(x, 5000)
    if act == "mmap" and a == RW: m = mmap.mmap(x, 4096); m[0:3] = b"abc"
    if act == "mmap" and a == R: m = mmap.mmap(x, 4096, prot=mmap.PROT_READ); m[0:3]
    if act == "exec":
        subprocess.run(["/bin/sh", "-c", f"head -c1 {name} >/dev/null && echo more >> {name} && cat < {name} >/dev/null"], check=True)
    y = os.open(name, b | flag)
    if b != R: os.write(y, b"second")
    if b != W: os.pread(y, 10, 0)
    if a != W: os.pread(x, 10, 0)
    if a != R: os.pwrite(x, b"third", 100)
    if act == "replace": open(name + "new", "w").write("y" * 9000); os.rename(name + "new", name)
    z = os.open(name, RW); os.pwrite(z, b"zz", 5); os.pread(z, 5, 0); os.close(z)
    if m is not None: m[1:2]; m.close()
    os.close(x)
    os.close(os.open(name, R))
    os.close(y)
    w = os.open(name, W | os.O_TRUNC); os.write(w, b"k" * 9000); os.close(w)
count, failed = 0, []
for own in (False, True):
    for a in (R, W, RW):
        for b in (R, W, RW):
            for flag in (0, os.O_APPEND):
                for act in ("none", "write", "truncate", "ftruncate", "mmap", "exec", "replace"):
                    name = f"file{count}"
                    count += 1
                    if own: open(name, "w").write("own" * 3000)
                    try: once(name, a, b, flag, act)
                    except Exception as error: failed.append((own, a, b, flag, act, str(error)))
print(count, failed)
print("".join(line for line in open("/.kernel/stats") if line.startswith("agentsh_io_errors") and not line.endswith(" 0\\n")))
`;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  beforeAll(() => {
    world = makeWorld({ user });
    for (let index = 0; index < FILES; index++) world.write(`file${index}`, 'host '.repeat(2000));
  });
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'every mix of two opens and something between them works, and nothing counts as EIO',
    async () => {
      const { stdout, stderr } = await world.agentsh(['--', 'python3', '-c', MIXES]);
      expect([stdout.trim(), stderr.includes('Traceback')]).toEqual(['252 []', false]);
    },
    TIMEOUT_MS,
  );
});
