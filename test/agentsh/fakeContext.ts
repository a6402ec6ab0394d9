// A context for command tests: a kernel that answers from a table, a terminal that answers from a script.

import type { Context, Kernel } from '../../agentsh/context.ts';
import type { ClientMethod, ClientMethods } from '../../fs/daemon/clientProtocol.ts';
import type { PendingItem } from '../../fs/daemon/protocol.ts';

/** How the fake kernel answers; a method that is missing fails the test. */
export type Answers = {
  readonly [M in ClientMethod]?: (params: ClientMethods[M]['params']) => ClientMethods[M]['result'];
};

export interface FakeContext extends Context {
  /** Lines on stdout. */
  readonly lines: string[];
  /** Everything on stderr. */
  readonly errors: string[];
  /** What the kernel was asked, in order. */
  readonly calls: { readonly method: ClientMethod; readonly params: unknown }[];
}

export function fakeContext(answers: Answers, script?: readonly string[], changes: Partial<Context> = {}): FakeContext {
  const lines: string[] = [];
  const errors: string[] = [];
  const calls: FakeContext['calls'] = [];
  const left = script === undefined ? undefined : [...script];
  const kernel: Kernel = {
    call: async (method, params) => {
      calls.push({ method, params });
      const answer = answers[method];
      if (answer === undefined) throw new Error(`unexpected call of ${method}`);
      return answer(params);
    },
    close: () => {},
    closed: Promise.resolve(),
  };
  return {
    cwd: '/w',
    environment: { PATH: '/usr/bin:/bin', HOME: '/home/u', SHELL: '/bin/bash' },
    output: {
      line: (text) => void lines.push(text),
      note: (text) => void errors.push(`agentsh: ${text}\n`),
      error: (text) => void errors.push(text),
      colour: false,
    },
    kernel: async () => kernel,
    runningKernel: async () => kernel,
    ...(left === undefined ? {} : { ask: answerFrom(left, errors) }),
    lines,
    errors,
    calls,
    ...changes,
  };
}

/** Shows the question on stderr, as the terminal does, and takes the next answer; undefined is the end of input. */
function answerFrom(script: string[], errors: string[]): (question: string) => Promise<string | undefined> {
  return async (question) => {
    errors.push(question);
    return script.shift();
  };
}

/** A pending item with what a test does not care about filled in. */
export function item(id: string, path: string, changes: Partial<PendingItem> = {}): PendingItem {
  return {
    id,
    kind: 'modify',
    path,
    agent: 'main',
    base: 'bafkbase',
    result: 'bafkresult',
    sizeBytes: 12,
    taint: '',
    protected: false,
    ageSeconds: 5,
    count: 1,
    ...changes,
  };
}
