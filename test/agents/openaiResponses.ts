// The OpenAI responses format: one turn as a stream, and the tool results in a request.
import type { ServerResponse } from 'node:http';
import type { Json } from './modelEndpoint.ts';
import { sendEvent, startEvents } from './serverSentEvents.ts';
import { markedText, marker, type Turn } from './turns.ts';

const USAGE = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 15,
} as const;

/** Answers and says what with. */
export function answerResponses(response: ServerResponse, body: Json, index: number, turn: Turn | undefined): string {
  const isAside = !Array.isArray(body.tools) || body.tools.length === 0;
  const id = `resp_${index}`;
  const item = itemFor(isAside ? undefined : turn, index);
  const base = { id, object: 'response', created_at: 0, model: body.model };
  startEvents(response);
  sendEvent(response, 'response.created', { response: { ...base, status: 'in_progress', output: [] } });
  sendEvent(response, 'response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress' } });
  sendEvent(response, 'response.output_item.done', { output_index: 0, item: { ...item, status: 'completed' } });
  sendEvent(response, 'response.completed', {
    response: { ...base, status: 'completed', output: [item], usage: USAGE },
  });
  response.end();
  if (isAside) return 'an aside';
  return `${turn === undefined || turn.kind === 'text' ? 'says' : turn.name} ${marker(index)}`;
}

/** Text by the id of the tool call it answers. */
export function responseResults(body: Json): (readonly [string, string])[] {
  const items = Array.isArray(body.input) ? (body.input as Json[]) : [];
  return items
    .filter(({ type }) => type === 'function_call_output' || type === 'custom_tool_call_output')
    .map(({ call_id, output }) => [String(call_id), typeof output === 'string' ? output : JSON.stringify(output)]);
}

function itemFor(turn: Turn | undefined, index: number): Json {
  const id = marker(index);
  if (turn === undefined || turn.kind === 'text') {
    const text = turn === undefined ? 'Done.' : markedText(index, turn.text);
    return {
      type: 'message',
      id: `msg_${index}`,
      role: 'assistant',
      content: [{ type: 'output_text', text, annotations: [] }],
    };
  }
  if (turn.kind === 'freeform') {
    return { type: 'custom_tool_call', id: `ctc_${index}`, call_id: id, name: turn.name, input: turn.input };
  }
  const call = { type: 'function_call', id: `fc_${index}`, call_id: id, name: turn.name };
  return { ...call, arguments: JSON.stringify(turn.input) };
}
