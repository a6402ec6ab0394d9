// Under an exec policy nothing is executed from where no rule can see it; without one, everything usual works.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inSandbox, makeView, STARTERS, shell, type View } from './view.ts';

const COPY = 'cp /usr/bin/env /dev/shm/copy && /dev/shm/copy echo from-shm';
const MEMFD = `my $fd = syscall(${process.arch === 'arm64' ? 279 : 319}, my $name = "x", 0); print $fd < 0 ? "refused" : "made"`;

describe.each(STARTERS)('started by %s', (starter) => {
  let view: View;
  beforeAll(() => {
    view = makeView(starter);
  });
  afterAll(() => view.remove());

  test('without an exec policy a program in /dev/shm and a memfd work', async () => {
    expect((await shell(view, COPY)).out).toBe('from-shm\n');
    expect((await inSandbox(view, { argv: ['/usr/bin/perl', '-e', MEMFD] })).out).toBe('made');
  });

  test('with one they do not, and programs of the view still run', async () => {
    const copied = await shell(view, `${COPY}; cat /dev/shm/copy | head -c 0; echo still`, { execPolicy: true });
    expect(copied.out).toBe('still\n');
    expect(copied.error).toContain('ermission denied');
    expect((await inSandbox(view, { argv: ['/usr/bin/perl', '-e', MEMFD], execPolicy: true })).out).toBe('refused');
    expect((await shell(view, 'cp /usr/bin/env /work/e && /work/e echo ran', { execPolicy: true })).out).toBe('ran\n');
  });

  test('renames between directories work under the rules', async () => {
    const text =
      'cd $(mktemp -d -p .) && mkdir a b && echo x > a/f && perl -e \'rename("a/f","b/f") or die $!\' && ln b/f a/g && cat a/g';
    for (const execPolicy of [false, true]) expect((await shell(view, text, { execPolicy })).out).toBe('x\n');
  });

  test('a program may still be traced inside', async () => {
    const trace =
      'perl -e \'if (my $p = fork) { waitpid $p, 2; print "stopped\\n"; kill 9, $p } else { syscall(101, 0, 0, 0, 0); kill 19, $$; exit 0 }\'';
    if (process.arch === 'x64') expect((await shell(view, trace)).out).toContain('stopped');
  });
});
