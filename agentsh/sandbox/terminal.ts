// Keeps the terminal's job control true across the sandbox's border.
//
// The program shares our session and process group, so the terminal's own signals (Ctrl-C, Ctrl-\, Ctrl-Z, resize)
// reach it and us together. What does not: a program that stops itself (vim's Ctrl-Z is kill(0, SIGTSTP)) stops only
// inside, because Landlock keeps its signals there. So we look at its state and stop our whole job when it has stopped,
// which gives the outer shell its prompt; on `fg` we continue it and hand it the terminal back.
import { closeSync, openSync } from 'node:fs';
import { ioctl, signalDefault, signalIgnore } from '../../fs/host/syscall.ts';
import { processState } from './status.ts';

const STOP_POLL_MS = 150;
const TIOCSPGRP = 0x5410;
const SIGTTOU = 22;

/** Follows the program until the returned function is called. */
export function followTerminal(program: number): () => void {
  const own = processState('self');
  if (own === undefined || own.terminal === 0) return () => {};
  const wasForeground = own.foreground === own.group;
  let stopped = false;
  const look = () => {
    const found = processState(program);
    if (found === undefined) return;
    if (found.state !== 'T') {
      stopped = false;
    } else if (!stopped) {
      stopped = true;
      process.kill(0, 'SIGTSTP');
    }
  };
  const resume = () => {
    stopped = false;
    resumeProgram(program);
  };
  const timer = setInterval(look, STOP_POLL_MS);
  process.on('SIGCONT', resume);
  return () => {
    clearInterval(timer);
    process.off('SIGCONT', resume);
    if (wasForeground) takeTerminalBack();
  };
}

function resumeProgram(program: number): void {
  const own = processState('self');
  const found = processState(program);
  if (own === undefined || found === undefined) return;
  if (own.foreground === own.group && found.group !== own.group) giveTerminal(found.group);
  try {
    process.kill(program, 'SIGCONT');
  } catch {
    // It has ended meanwhile: its exit is on its way to us.
  }
}

/** A shell inside made its own group the terminal's; it is gone now, and whoever reads next would get EIO. */
function takeTerminalBack(): void {
  const own = processState('self');
  if (own !== undefined && own.foreground !== own.group) giveTerminal(own.group);
}

function giveTerminal(group: number): void {
  let terminal: number;
  try {
    terminal = openSync('/dev/tty', 'r+');
  } catch {
    return;
  }
  const argument = Buffer.alloc(4);
  argument.writeInt32LE(group);
  // From the background this very call would stop us.
  signalIgnore(SIGTTOU);
  ioctl(terminal, TIOCSPGRP, argument);
  signalDefault(SIGTTOU);
  closeSync(terminal);
}
