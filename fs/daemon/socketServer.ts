// The kernel's socket: who may listen, who may talk, one JSON line a request, a bound on everything.
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { peerCredentials } from '../host/syscall.ts';
import type { FirstMessage, Hello } from './clientProtocol.ts';
import { PROTOCOL_VERSION } from './clientProtocol.ts';
import { LineReader } from './lines.ts';
import { checkPrivate } from './places.ts';
import type { Failure } from './protocol.ts';
import { failureOf, RequestError } from './requestError.ts';

/** One client, for as long as its connection lasts. */
export interface Peer {
  readonly id: number;
  readonly pid: number;
  readonly program: string;
  readonly sinceMs: number;
}

export interface SocketHandlers {
  /** Serves one request; what it throws is the answer. */
  request(peer: Peer, method: string, params: unknown): Promise<unknown>;
  /** The peer was let in; paired with `gone`. */
  arrived(peer: Peer): void;
  gone(peer: Peer): void;
  log(text: string): void;
}

const FIRST_MESSAGE_TIMEOUT_MS = 5000;
const FIRST_MESSAGE_BYTES_MAX = 4096;
const CONNECTIONS_MAX = 256;
const REQUESTS_IN_FLIGHT_MAX = 64;
const PROGRAM_NAME = /^[\w.-]{1,32}$/;
const PROBE_TIMEOUT_MS = 2000;

/** Removes what lies in the socket's place unless it lives: a symlink, or a socket nobody listens on. */
export async function clearSocketPlace(file: string): Promise<void> {
  checkPrivate(path.dirname(file));
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isSymbolicLink()) return unlinkSync(file);
  if (!found.isSocket()) throw new RequestError('EEXIST', `${file}: is no socket; move it away`);
  if (await answers(file)) throw new RequestError('EBUSY', `a kernel listens on ${file} already`);
  unlinkSync(file);
}

/** Whether someone listens. */
function answers(file: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path: file });
    // A listener whose backlog is full lives, too.
    const timer = setTimeout(() => finish(true), PROBE_TIMEOUT_MS);
    const finish = (live: boolean, error?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve(live);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') finish(false);
      else finish(true, new RequestError(error.code ?? 'EIO', `${file}: ${error.message}`, { cause: error }));
    });
  });
}

export class SocketServer {
  readonly #token: Buffer;
  readonly #hello: Hello;
  readonly #handlers: SocketHandlers;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #inFlight = new Set<Promise<void>>();
  #draining = false;
  #nextPeer = 1;

  constructor(token: string, hello: Hello, handlers: SocketHandlers) {
    this.#token = digest(token);
    this.#hello = hello;
    this.#handlers = handlers;
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  async listen(file: string): Promise<void> {
    await clearSocketPlace(file);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'EBUSY' : (error.code ?? 'EIO');
        reject(new RequestError(code, `${file}: ${error.message}`, { cause: error }));
      });
      this.#server.listen({ path: file }, resolve);
    });
    chmodSync(file, 0o600);
  }

  /**
   * No new connection, no new request; resolves when every request in flight is answered. Unlinks the socket. The
   * connections stay: their end is the client's sign that everything is down.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    this.#server.close();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.allSettled([...this.#inFlight]), late]);
    clearTimeout(timer);
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    const peer = this.#identify(socket);
    if (peer === undefined) return void socket.destroy();
    let greeted: Peer | undefined;
    const timer = setTimeout(() => socket.destroy(), FIRST_MESSAGE_TIMEOUT_MS);
    const first = new LineReader((line) => {
      clearTimeout(timer);
      // What follows the first line in the same chunk belongs to the requests.
      if (greeted !== undefined) return this.#request(greeted, socket, line);
      greeted = this.#greet(peer, socket, line);
      if (greeted !== undefined) this.#handlers.arrived(greeted);
    });
    socket.on('data', (chunk) => {
      try {
        if (greeted === undefined && chunk.length > FIRST_MESSAGE_BYTES_MAX)
          throw new RequestError('EMSGSIZE', 'too long');
        first.push(chunk);
      } catch (error) {
        this.#send(socket, { ok: false, error: failureOf(error) });
        socket.destroy();
      }
    });
    socket.once('end', () => socket.end());
    socket.once('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
      if (greeted !== undefined) this.#handlers.gone(greeted);
    });
  }

  /** The system's word on who connected: only our own uid, and root. */
  #identify(socket: net.Socket): { readonly pid: number } | undefined {
    const handle = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle;
    const credentials = peerCredentials(handle?.fd ?? -1);
    if (typeof credentials === 'number') return undefined;
    if (credentials.uid !== process.getuid!() && credentials.uid !== 0) return undefined;
    return credentials;
  }

  /** The first message: the token, then the version. */
  #greet(credentials: { readonly pid: number }, socket: net.Socket, line: string): Peer | undefined {
    const first = parseFirst(line);
    if (first === undefined || !timingSafeEqual(digest(first.token), this.#token)) {
      this.#handlers.log(`refused a connection from pid ${credentials.pid}: wrong token`);
      return this.#refuse(socket, {
        code: 'EACCES',
        message: 'wrong token: this socket belongs to another AGENTSH_HOME',
      });
    }
    if (first.version !== PROTOCOL_VERSION) {
      const message = `the kernel (pid ${process.pid}) speaks version ${PROTOCOL_VERSION}, this command ${first.version}; run: agentsh shutdown`;
      return this.#refuse(socket, { code: 'version', message });
    }
    if (this.#draining) return this.#refuse(socket, { code: 'EBUSY', message: 'the kernel is shutting down' });
    this.#send(socket, { ok: true, result: this.#hello });
    const program = PROGRAM_NAME.test(first.program) ? first.program : 'unknown';
    return { id: this.#nextPeer++, pid: credentials.pid, program, sinceMs: Date.now() };
  }

  #refuse(socket: net.Socket, error: Failure): undefined {
    this.#send(socket, { ok: false, error });
    socket.end();
    return undefined;
  }

  #request(peer: Peer, socket: net.Socket, line: string): void {
    const parsed = parseRequest(line);
    if (parsed === undefined) {
      const error = { code: 'EINVAL', message: 'not a request: {"id","method","params"}' };
      this.#send(socket, { id: 0, ok: false, error });
      socket.end();
      return;
    }
    const { id, method, params } = parsed;
    const busy = this.#busy();
    if (busy !== undefined) {
      this.#send(socket, { id, ok: false, error: busy });
      return;
    }
    const served = this.#handlers.request(peer, method, params).then(
      (result) => this.#send(socket, { id, ok: true, result }),
      (error) => this.#send(socket, { id, ok: false, error: failureOf(error) }),
    );
    this.#inFlight.add(served);
    void served.finally(() => this.#inFlight.delete(served));
  }

  #busy(): Failure | undefined {
    if (this.#draining) return { code: 'EBUSY', message: 'the kernel is shutting down' };
    if (this.#inFlight.size < REQUESTS_IN_FLIGHT_MAX) return undefined;
    return { code: 'EAGAIN', message: 'too many requests at once' };
  }

  #send(socket: net.Socket, message: unknown): void {
    if (!socket.destroyed && !socket.writableEnded) socket.write(`${JSON.stringify(message)}\n`);
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function parseFirst(line: string): FirstMessage | undefined {
  const value = parseObject(line);
  if (typeof value?.token !== 'string' || typeof value.version !== 'number') return undefined;
  return { token: value.token, version: value.version, program: String(value.program ?? '') };
}

function parseRequest(
  line: string,
): { readonly id: number; readonly method: string; readonly params: unknown } | undefined {
  const value = parseObject(line);
  if (!Number.isSafeInteger(value?.id) || typeof value?.method !== 'string') return undefined;
  return { id: value.id as number, method: value.method, params: value.params ?? {} };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
