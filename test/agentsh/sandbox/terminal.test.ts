// The terminal is the program's: interrupts, job control, size, end of input and full-screen programs through a pty.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL, Terminal } from '../../pty.ts';
import { TEST_USER } from '../../setup.ts';
import { driverWords, makeView, quoted, type Request, STARTERS, type View } from './view.ts';

const OUTER = 'OUTER> ';
/** A command that says when it runs: what is typed earlier is the shell's. */
const RUNNING = `perl -e '$| = 1; print "up-", 40 + 2; sleep 30'\n`;

describe.each(STARTERS)('started by %s', (starter) => {
  let view: View;
  let terminal: Terminal | undefined;
  beforeAll(() => {
    view = makeView(starter);
  });
  afterEach(async () => {
    await terminal?.close();
    terminal = undefined;
  });
  afterAll(() => view.remove());

  const owner = starter === 'root' ? {} : { user: TEST_USER };
  const commandLine = (request: Request) => driverWords(view, request).map(quoted).join(' ');

  /** The sandbox as the terminal's only job; `script` gives its status. */
  function alone(request: Request): Terminal {
    terminal = new Terminal(`exec ${commandLine(request)}`, owner);
    return terminal;
  }

  /** The sandbox as a job of an interactive shell. */
  async function asJob(request: Request): Promise<Terminal> {
    terminal = new Terminal('exec bash --norc --noprofile -i', {
      ...owner,
      env: { PS1: OUTER, HISTFILE: '', JOB: commandLine(request) },
    });
    await terminal.waitFor(/OUTER> /);
    // A short command line: the shell echoes what is typed.
    terminal.type('eval "$JOB"; echo status=$?\n');
    await terminal.waitFor(/status=\$\?\r?\n/);
    return terminal;
  }

  test('Ctrl-C ends a program that does nothing about it: 130', async () => {
    // Not a shell: one that has just forked may swallow the interrupt.
    const pty = alone({ argv: ['/usr/bin/perl', '-e', '$| = 1; print "ready\\n"; sleep 30; print "not reached"'] });
    await pty.waitFor(/ready/);
    pty.type(CONTROL.c);
    expect(await pty.exited).toBe(130);
    expect(pty.screen).not.toContain('not reached');
  });

  test('Ctrl-C and Ctrl-\\ are the program’s own where it handles them', async () => {
    const text = 'trap "echo got-int" INT; trap "echo got-quit" QUIT; echo ready; read a; read b; read c; echo end-$c';
    const pty = alone({ argv: ['/bin/bash', '-c', text] });
    await pty.waitFor(/ready/);
    pty.type(CONTROL.c);
    await pty.waitFor(/got-int/);
    pty.type(CONTROL.backslash);
    await pty.waitFor(/got-quit/);
    pty.type('1\n2\n3\n4\n');
    expect(await pty.exited).toBe(0);
  });

  test('Ctrl-Z stops the job, the outer shell prompts, fg goes on', async () => {
    const pty = await asJob({ argv: ['/bin/sh', '-c', 'echo ready; read line; echo got-$line'] });
    await pty.waitFor(/ready/);
    pty.type(CONTROL.z);
    await pty.waitFor(/Stopped/);
    await pty.waitFor(/OUTER> /);
    pty.type('echo outside-$((40+2))\n');
    await pty.waitFor(/outside-42/);
    pty.type('fg\n');
    pty.type('word\n');
    await pty.waitFor(/got-word/);
    await pty.waitFor(/OUTER> /);
  });

  test('a full-screen editor that stops itself gives the outer shell its prompt, and saves after fg', async () => {
    const pty = await asJob({ argv: [editor(), '-u', 'NONE', 'note.txt'] });
    await pty.waitFor(/note\.txt/);
    pty.type('ihello from inside');
    await pty.waitFor(/inside/);
    pty.type(CONTROL.escape);
    pty.type(CONTROL.z);
    await pty.waitFor(/Stopped/);
    await pty.waitFor(/OUTER> /);
    pty.type('echo outside-$((40+2))\n');
    await pty.waitFor(/outside-42/);
    pty.type('fg\n');
    await pty.waitFor(/hello from inside/);
    pty.type(':wq\r');
    await pty.waitFor(/status=0|OUTER> /);
    expect(readFileSync(path.join(view.mountpoint, 'work/note.txt'), 'utf8')).toBe('hello from inside\n');
  });

  test('an interactive shell inside has job control of its own', async () => {
    const pty = alone({
      argv: ['/bin/bash', '--norc', '--noprofile', '-i'],
      env: { PATH: '/usr/bin:/bin', PS1: 'IN> ', HISTFILE: '' },
    });
    await pty.waitFor(/IN> /);
    expect(pty.screen).not.toMatch(/no job control/);
    pty.type(RUNNING);
    await pty.waitFor(/up-42/);
    pty.type(CONTROL.z);
    await pty.waitFor(/Stopped/);
    pty.type('kill %1; wait; echo over-$((40+2))\n');
    await pty.waitFor(/over-42/);
    pty.type(CONTROL.d);
    expect(await pty.exited).toBe(0);
  });

  test('a resize reaches the program', async () => {
    const text = 'trap "stty size" WINCH; echo ready; while :; do sleep 0.1; done';
    terminal = new Terminal(`tty; exec ${commandLine({ argv: ['/bin/bash', '-c', text] })}`, owner);
    const [device] = await terminal.waitFor(/\/dev\/pts\/\d+/);
    await terminal.waitFor(/ready/);
    terminal.resize(device, 33, 111);
    await terminal.waitFor(/33 111/);
    terminal.type(CONTROL.c);
    await terminal.exited;
  });

  test('Ctrl-D is the end of input', async () => {
    const pty = alone({ argv: ['/bin/sh', '-c', 'echo ready; cat; echo ended'] });
    await pty.waitFor(/ready/);
    pty.type('a line\n');
    await pty.waitFor(/a line\r?\na line/);
    pty.type(CONTROL.d);
    await pty.waitFor(/ended/);
    expect(await pty.exited).toBe(0);
  });

  test('T56 nothing inside can type into the terminal: TIOCSTI and TIOCLINUX are refused', async () => {
    const text =
      'for (0x5412, 0x541c, 0x541d) { my $c = "x"; print ioctl(STDIN, $_, $c) ? "pushed" : "no-".($!+0), "\\n" }';
    const pty = alone({ argv: ['/usr/bin/perl', '-e', text] });
    expect(await pty.exited).toBe(0);
    expect(pty.screen).toBe('no-1\r\nno-1\r\nno-1\r\n');
  });

  test('/dev/tty and /dev/stdout are the terminal', async () => {
    const pty = alone({
      argv: [
        '/bin/sh',
        '-c',
        'echo one > /dev/tty; echo two > /dev/stdout; echo three > /dev/stderr; test -t 0 && echo four',
      ],
    });
    expect(await pty.exited).toBe(0);
    expect(pty.screen).toMatch(/one\r?\ntwo\r?\nthree\r?\nfour/);
  });
});

/** A minimal machine has none: then the test brings the smallest. */
function editor(): string {
  const found = () => ['/usr/bin/vim.tiny', '/usr/bin/vim'].find((file) => existsSync(file));
  if (found() === undefined) spawnSync('apt-get', ['install', '--yes', '--no-install-recommends', 'vim-tiny']);
  const file = found();
  if (file === undefined) throw new Error('needs an editor: apt-get install vim-tiny');
  return file;
}
