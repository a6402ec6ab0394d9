// A model endpoint on the loopback that follows a script instead of thinking: the Anthropic messages format, the OpenAI
// responses format and OpenAI chat completions, streamed as the real ones do.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerMessages, messageResults } from './anthropicMessages.ts';
import { answerChat } from './openaiChat.ts';
import { answerResponses, responseResults } from './openaiResponses.ts';
import { marker, type Turn, turnsTaken } from './turns.ts';

const BODY_BYTES_MAX = 16 * 1024 * 1024;
const REQUESTS_MAX = 500;

export type Json = Readonly<Record<string, unknown>>;

export interface ModelEndpoint {
  /** Without a path: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** One line each: method, path, and the turn that was answered. */
  readonly requests: readonly string[];
  /** What came back for a turn's tool call; undefined until it does. */
  result(index: number): string | undefined;
  close(): Promise<void>;
}

/** Starts an endpoint that takes `turns` one after the other. */
export async function startModelEndpoint(turns: readonly Turn[]): Promise<ModelEndpoint> {
  const requests: string[] = [];
  const results = new Map<string, string>();
  const server = createServer((request, response) => {
    answer(request, response, turns, requests, results).catch((error: unknown) => {
      requests.push(`${request.method} ${request.url} failed: ${error instanceof Error ? error.message : error}`);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    result: (index) => results.get(marker(index)),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  turns: readonly Turn[],
  requests: string[],
  results: Map<string, string>,
): Promise<void> {
  const text = await readBody(request);
  const path = (request.url ?? '/').replace(/\?.*/, '');
  const body = parse(text);
  for (const [id, result] of [...messageResults(body), ...responseResults(body)]) results.set(id, result);
  const index = turnsTaken(text);
  const turn = turns[index];
  const note = (what: string) => {
    if (requests.length < REQUESTS_MAX) requests.push(`${request.method} ${path}: ${what}`);
  };
  if (request.method === 'POST' && /\/v1\/messages$/.test(path)) note(answerMessages(response, body, index, turn));
  else if (request.method === 'POST' && /\/responses$/.test(path)) note(answerResponses(response, body, index, turn));
  else if (request.method === 'POST' && /\/chat\/completions$/.test(path))
    note(answerChat(response, body, index, turn));
  else if (path.endsWith('/count_tokens')) note(sendJson(response, { input_tokens: 10 }));
  else note(sendJson(response, {}));
}

function sendJson(response: ServerResponse, value: unknown): string {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  return 'answered';
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_BYTES_MAX) throw new RangeError('the request is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parse(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Json) : {};
  } catch {
    return {};
  }
}
