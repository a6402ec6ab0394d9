// An answer as a stream of server-sent events.
import type { ServerResponse } from 'node:http';

export function startEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
}

/** A named event whose data repeat the name, as both vendors do. */
export function sendEvent(response: ServerResponse, type: string, data: object): void {
  response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
}

/** An event without a name. */
export function sendData(response: ServerResponse, data: string): void {
  response.write(`data: ${data}\n\n`);
}
