// The Anthropic messages format: one turn as a stream or as one object, and the tool results in a request.
import type { ServerResponse } from 'node:http';
import type { Json } from './modelEndpoint.ts';
import { sendEvent, startEvents } from './serverSentEvents.ts';
import { markedText, marker, type Turn } from './turns.ts';

type Block =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: unknown };

const USAGE = { input_tokens: 10, output_tokens: 5 } as const;

/** Answers and says what with. A request that offers no tools is one for a title or a summary. */
export function answerMessages(response: ServerResponse, body: Json, index: number, turn: Turn | undefined): string {
  const isAside = !Array.isArray(body.tools) || body.tools.length === 0;
  const block = blockFor(isAside ? undefined : turn, index);
  if (body.stream === true) sendStream(response, body.model, block);
  else sendWhole(response, body.model, block);
  return isAside ? 'an aside' : block.type === 'text' ? `says ${marker(index)}` : `${block.name} ${marker(index)}`;
}

/** Text by the id of the tool call it answers. */
export function messageResults(body: Json): (readonly [string, string])[] {
  const messages = Array.isArray(body.messages) ? (body.messages as Json[]) : [];
  const blocks = messages.flatMap(({ content }) => (Array.isArray(content) ? (content as Json[]) : []));
  return blocks
    .filter(({ type }) => type === 'tool_result')
    .map(({ tool_use_id, content }) => [String(tool_use_id), textOf(content)] as const);
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as Json[]).map(({ text }) => (typeof text === 'string' ? text : '')).join('');
}

function blockFor(turn: Turn | undefined, index: number): Block {
  if (turn === undefined) return { type: 'text', text: 'Done.' };
  if (turn.kind === 'text') return { type: 'text', text: markedText(index, turn.text) };
  return { type: 'tool_use', id: marker(index), name: turn.name, input: turn.input };
}

function message(model: unknown, content: readonly Block[], stopReason: string | null): object {
  const fixed = { id: 'msg_scripted', type: 'message', role: 'assistant', stop_sequence: null, usage: USAGE };
  return { ...fixed, model, content, stop_reason: stopReason };
}

const stopReason = (block: Block): string => (block.type === 'text' ? 'end_turn' : 'tool_use');

function sendWhole(response: ServerResponse, model: unknown, block: Block): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(message(model, [block], stopReason(block))));
}

function sendStream(response: ServerResponse, model: unknown, block: Block): void {
  startEvents(response);
  const start = block.type === 'text' ? { ...block, text: '' } : { ...block, input: {} };
  const delta =
    block.type === 'text'
      ? { type: 'text_delta', text: block.text }
      : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) };
  sendEvent(response, 'message_start', { message: message(model, [], null) });
  sendEvent(response, 'content_block_start', { index: 0, content_block: start });
  sendEvent(response, 'content_block_delta', { index: 0, delta });
  sendEvent(response, 'content_block_stop', { index: 0 });
  sendEvent(response, 'message_delta', {
    delta: { stop_reason: stopReason(block), stop_sequence: null },
    usage: { output_tokens: USAGE.output_tokens },
  });
  sendEvent(response, 'message_stop', {});
  response.end();
}
