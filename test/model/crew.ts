// The actors as processes of their own: started, asked, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Reply, Request } from './requests.ts';

const ANSWER_MS_MAX = 120_000;
const PROGRAM = '../../dist/test/model/actor.js';
/** From the sources as from the build. */
const program = fileURLToPath(new URL(import.meta.url.includes('/dist/') ? './actor.js' : PROGRAM, import.meta.url));

export interface Actor {
  readonly pid: number;
  /** Asks; rejects where the actor fails, ends, or does not answer in time. */
  ask(request: Request): Promise<Reply>;
  end(): Promise<void>;
}

export interface ActorOptions {
  readonly uid: number;
  readonly gid: number;
}

export function startActor({ uid, gid }: ActorOptions): Actor {
  const ids = process.getuid?.() === 0 && uid !== 0 ? { uid, gid } : {};
  const child = spawn(process.execPath, [program], { ...ids, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
  const waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = JSON.parse(line) as Reply;
    const next = waiting.shift();
    if (reply.error === undefined) next?.resolve(reply);
    else next?.reject(new Error(reply.error));
  });
  const ended = new Promise<void>((resolve) =>
    child.on('close', (code, signal) => {
      for (const { reject } of waiting) reject(new Error(`an actor ended (${code ?? signal}): ${said}`));
      resolve();
    }),
  );
  return {
    pid: child.pid ?? 0,
    ask: (request) =>
      withinTime(
        child,
        new Promise((resolve, reject) => {
          waiting.push({ resolve, reject });
          child.stdin.write(`${JSON.stringify(request)}\n`);
        }),
        request.do,
      ),
    end: async () => {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
    },
  };
}

function withinTime(child: ChildProcess, reply: Promise<Reply>, what: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`an actor did not answer "${what}" within ${ANSWER_MS_MAX} ms`));
    }, ANSWER_MS_MAX);
    reply.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
