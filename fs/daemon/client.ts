// The client's side of the kernel's socket: connect, call, and start the kernel where none runs.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, ClientMethod, ClientMethods, FirstMessage, Hello } from './clientProtocol.ts';
import { PROTOCOL_VERSION } from './clientProtocol.ts';
import { LineReader } from './lines.ts';
import { checkPrivate, makePlaces, type Places, placesOf } from './places.ts';
import { programPath } from './program.ts';
import type { Failure } from './protocol.ts';
import { RequestError, raise } from './requestError.ts';

export interface Client {
  readonly kernel: Hello;
  readonly places: Places;
  /** Throws a RequestError: an errno name or a word as `code`, a text for people, `problems` with code `policy`. */
  call<M extends ClientMethod>(method: M, params: ClientMethods[M]['params']): Promise<ClientMethods[M]['result']>;
  /** Resolves when the connection is over, by either side. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface ClientOptions {
  /** Default: process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Shown by `who`. Default: agentsh. */
  readonly program?: string;
}

const BOOT_TIMEOUT_MS = 30_000;
const BOOT_ATTEMPTS_MAX = 40;
const ATTEMPT_PAUSE_MS = 50;

/** Connects to a running kernel; `undefined` where none runs. Throws where one runs but refuses. */
export async function connect(options: ClientOptions = {}): Promise<Client | undefined> {
  const places = placesOf(options.environment ?? process.env);
  const socket = await dial(places);
  if (socket === undefined) return undefined;
  return introduce(socket, places, options.program ?? 'agentsh');
}

/** Connects; starts the kernel first where none runs. Two callers at once get the same kernel. */
export async function ensureKernel(options: ClientOptions & { readonly exitWithLast?: boolean } = {}): Promise<Client> {
  const deadline = Date.now() + BOOT_TIMEOUT_MS;
  let last: unknown;
  for (let attempt = 0; attempt < BOOT_ATTEMPTS_MAX && Date.now() < deadline; attempt++) {
    try {
      const client = await connect(options);
      if (client !== undefined) return client;
      last = await bootKernel(options);
    } catch (error) {
      // A kernel that is just going down, or another client's that is just coming up: look again.
      if (!(error instanceof RequestError) || !['EBUSY', 'ECONNRESET'].includes(error.code)) throw error;
      last = error;
    }
    await sleep(ATTEMPT_PAUSE_MS);
  }
  throw last instanceof Error ? last : new RequestError('ETIMEDOUT', 'the kernel did not come up in time');
}

/** Starts a kernel, detached; resolves when it serves its socket. Throws EBUSY where another one has the home. */
export async function bootKernel(
  options: ClientOptions & { readonly exitWithLast?: boolean } = {},
): Promise<undefined> {
  const environment = options.environment ?? process.env;
  makePlaces(placesOf(environment));
  const parameters = [programPath('main'), '--ready-fd=3', ...(options.exitWithLast ? ['--exit-with-last'] : [])];
  const child = spawn(process.execPath, parameters, {
    cwd: '/',
    detached: true,
    env: kernelEnvironment(environment),
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => reject(new RequestError('ENOENT', `cannot start the kernel: ${cause.message}`)));
  });
  const failure = await Promise.race([firstLine(child.stdio[3] as net.Socket), failed]);
  child.stdio[3]?.destroy?.();
  child.unref();
  if (failure !== undefined) raise(failure);
}

const KERNEL_VARIABLES = /^(HOME|USER|LOGNAME|PATH|LANG|LC_.*|TZ|SHELL|TMPDIR|XDG_.*|AGENTSH_.*)$/;

/** What would change how Node or the linker runs (NODE_OPTIONS, LD_PRELOAD) stays behind. */
function kernelEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && KERNEL_VARIABLES.test(name)) kept[name] = value;
  }
  return kept;
}

/** The readiness handshake on descriptor 3: `{"ready":true}`, or the failure that ended the boot. */
async function firstLine(pipe: net.Socket): Promise<Failure | undefined> {
  let text = '';
  pipe.setEncoding('utf8');
  for await (const chunk of pipe) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  const line = text.split('\n')[0];
  if (!line)
    return { code: 'defect', message: 'the kernel ended before it was ready; its log is in AGENTSH_HOME/kernel.log' };
  const message = JSON.parse(line) as { ready?: boolean; error?: Failure };
  return message.ready ? undefined : (message.error ?? { code: 'defect', message: line });
}

/** A connected socket, or undefined where nobody listens. */
function dial(places: Places): Promise<net.Socket | undefined> {
  try {
    checkPrivate(places.run);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Promise.resolve(undefined);
    throw error;
  }
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path: places.socket });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(new RequestError(error.code ?? 'EIO', `${places.socket}: ${error.message}`));
    });
  });
}

/** Sends the token, awaits the kernel's hello. */
async function introduce(socket: net.Socket, places: Places, program: string): Promise<Client> {
  const first: FirstMessage = { version: PROTOCOL_VERSION, token: readToken(places), program };
  const connection = new Connection(socket);
  const answer = await connection.handshake(first);
  if (!answer.ok) {
    socket.destroy();
    raise(answer.error);
  }
  return {
    kernel: answer.result,
    places,
    closed: connection.closed,
    call: (method, params) => connection.call(method, params),
    close: () => void socket.end(),
  };
}

function readToken(places: Places): string {
  try {
    return readFileSync(places.token, 'latin1').trim();
  } catch (cause) {
    throw new RequestError('EACCES', `${places.token}: cannot read the kernel's token`, { cause });
  }
}

type HelloAnswer = { readonly ok: true; readonly result: Hello } | { readonly ok: false; readonly error: Failure };
interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

class Connection {
  readonly closed: Promise<void>;
  readonly #socket: net.Socket;
  readonly #waiting = new Map<number, Waiting>();
  #greeting: Waiting | undefined;
  #nextId = 1;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    const reader = new LineReader((line) => this.#receive(line));
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#abandon();
        resolve();
      });
    });
  }

  handshake(first: FirstMessage): Promise<HelloAnswer> {
    return new Promise((resolve, reject) => {
      this.#greeting = { resolve: resolve as (value: unknown) => void, reject };
      this.#socket.write(`${JSON.stringify(first)}\n`);
    });
  }

  call<M extends ClientMethod>(method: M, params: ClientMethods[M]['params']): Promise<ClientMethods[M]['result']> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed || this.#socket.writableEnded) return reject(gone());
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#socket.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  #receive(line: string): void {
    if (this.#greeting !== undefined) {
      this.#greeting.resolve(JSON.parse(line));
      this.#greeting = undefined;
      return;
    }
    const answer = JSON.parse(line) as Answer;
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.result);
    else {
      const { code, message, problems } = answer.error;
      waiting?.reject(new RequestError(code, message, problems ? { problems } : {}));
    }
  }

  #abandon(): void {
    this.#greeting?.reject(gone());
    for (const waiting of this.#waiting.values()) waiting.reject(gone());
    this.#waiting.clear();
  }
}

const gone = () => new RequestError('ECONNRESET', 'the kernel closed the connection');
