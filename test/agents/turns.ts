// What the scripted model does, turn by turn, and how a stateless endpoint knows from a request how far it has come:
// every turn leaves a marker in the conversation, and a program sends the whole conversation each time.

/** `text` ends the model's answer; `tool` calls a tool of the program, `freeform` one that takes plain text. */
export type Turn =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tool'; readonly name: string; readonly input: Readonly<Record<string, unknown>> }
  | { readonly kind: 'freeform'; readonly name: string; readonly input: string };

export const TURNS_MAX = 100;

/** Unique in a conversation, and valid as an id of a tool call: `turn_07`. */
export const marker = (index: number): string => `turn_${String(index).padStart(2, '0')}`;

/** A text shows its own marker; a program that keeps only texts is followed by these. */
export const markedText = (index: number, text: string): string => `${text} [${marker(index)}]`;

/** The number of turns that a conversation holds: the index of the one to take now. */
export function turnsTaken(conversation: string): number {
  let taken = 0;
  for (const [, digits] of conversation.matchAll(/turn_(\d\d)/g)) taken = Math.max(taken, Number(digits) + 1);
  return taken;
}
