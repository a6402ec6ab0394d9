#!/usr/bin/env node
// The program: puts together what a command works with, runs it, and exits with its code.
import type { Context } from './context.ts';
import { dispatch } from './dispatch.ts';
import { findInsideKernel } from './inside.ts';
import { terminalOutput } from './output.ts';

process.exit(await dispatch(process.argv.slice(2), makeContext()));

function makeContext(): Context {
  const insideKernel = findInsideKernel();
  return {
    cwd: process.cwd(),
    environment: process.env,
    output: terminalOutput(process.env),
    // Loaded when first needed: help and usage errors stay fast.
    kernel: async (options) =>
      (await import('../fs/daemon/client.ts')).ensureKernel({ environment: process.env, ...options }),
    runningKernel: async () => (await import('../fs/daemon/client.ts')).connect({ environment: process.env }),
    ...(process.stdin.isTTY ? { ask } : {}),
    ...(insideKernel === undefined ? {} : { insideKernel }),
  };
}

async function ask(question: string): Promise<string | undefined> {
  const { askTerminal } = await import('./prompt.ts');
  return askTerminal(question);
}
