// OpenAI chat completions: one turn as a stream or as one object. Texts only: who speaks it here edits by text.
import type { ServerResponse } from 'node:http';
import type { Json } from './modelEndpoint.ts';
import { sendData, startEvents } from './serverSentEvents.ts';
import { markedText, marker, type Turn } from './turns.ts';

/** A model of this name writes commit messages and summaries: asides. */
export const ASIDE_MODEL = 'scripted-weak';
const ASIDE_TEXT = 'feat: add subtract';
const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } as const;

/** Answers and says what with. */
export function answerChat(response: ServerResponse, body: Json, index: number, turn: Turn | undefined): string {
  const isAside = body.model === ASIDE_MODEL;
  const text = isAside ? ASIDE_TEXT : turn?.kind === 'text' ? markedText(index, turn.text) : 'Done.';
  const base = { id: `chatcmpl-${index}`, created: 0, model: body.model };
  if (body.stream === true) {
    startEvents(response);
    const chunk = (choice: object) =>
      sendData(
        response,
        JSON.stringify({ ...base, object: 'chat.completion.chunk', choices: [{ index: 0, ...choice }] }),
      );
    chunk({ delta: { role: 'assistant', content: text }, finish_reason: null });
    chunk({ delta: {}, finish_reason: 'stop' });
    sendData(response, '[DONE]');
    response.end();
  } else {
    const choice = { index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...base, object: 'chat.completion', choices: [choice], usage: USAGE }));
  }
  return isAside ? 'an aside' : `says ${marker(index)}`;
}
