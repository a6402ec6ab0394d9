// Signed checkpoints of a chain, in C2SP signed-note form (c2sp.org/signed-note, body as in c2sp.org/tlog-checkpoint).
//
//   agentsh.audit/<agent>           origin: one log an agent
//   1042                            how many entries
//   q83v…=                          base64 of the SHA-256 of the last line: the head of the chain
//   <empty line>
//   — agentsh+audit <base64 of key hash (4 bytes) and Ed25519 signature (64 bytes)>
//
// A file of checkpoints is such notes, one after the other, each followed by an empty line.
import { createHash } from 'node:crypto';
import type { ChainState } from './chain.ts';
import { type Signer, verifySignature } from './identity.ts';
import { escapeBytes, unescapeText } from './text.ts';

const ORIGIN = 'agentsh.audit/';
const KEY_NAME = 'agentsh.audit';
const SIGNATURE_PREFIX = '\u2014 ';
/** Signed-note's type byte of Ed25519. */
const ALGORITHM_ED25519 = 1;
const KEY_HASH_BYTES = 4;
const SIGNATURE_BYTES = 64;

/** A checkpoint whose signature was checked. */
export interface Checkpoint {
  readonly agent: string;
  readonly chain: ChainState;
}

/** The signed note of a chain's state. */
export function signCheckpoint(agent: string, chain: ChainState, signer: Signer): string {
  const head = Buffer.from(chain.head, 'hex').toString('base64');
  const body = `${ORIGIN}${originText(agent)}\n${chain.seq}\n${head}\n`;
  const signature = Buffer.concat([keyHash(signer.publicKey), signer.sign(Buffer.from(body))]);
  return `${body}\n${SIGNATURE_PREFIX}${KEY_NAME} ${signature.toString('base64')}\n`;
}

/**
 * Reads one note and checks its signature.
 * @throws SyntaxError with the reason
 */
export function openCheckpoint(note: string, publicKey: Uint8Array): Checkpoint {
  const split = note.indexOf('\n\n');
  if (split < 0) throw new SyntaxError('a checkpoint without a signature');
  const body = note.slice(0, split + 1);
  const lines = body.split('\n');
  const [origin, size, head] = lines;
  if (lines.length !== 4 || !origin?.startsWith(ORIGIN)) throw new SyntaxError('not a checkpoint of an audit log');
  if (!size || !/^(0|[1-9][0-9]{0,14})$/.test(size)) throw new SyntaxError('a checkpoint with a bad entry count');
  const headBytes = Buffer.from(head ?? '', 'base64');
  if (headBytes.length !== 32 || headBytes.toString('base64') !== head)
    throw new SyntaxError('a checkpoint with a bad head');
  checkSignature(body, note.slice(split + 2), publicKey);
  const agent = unescapeText(origin.slice(ORIGIN.length).replaceAll('\\x20', ' '));
  return { agent, chain: { seq: Number(size), head: headBytes.toString('hex') } };
}

/** The notes of a file of checkpoints, in order. */
export function splitNotes(text: string): string[] {
  const notes: string[] = [];
  let start = 0;
  for (const match of text.matchAll(/^\u2014 .*\n/gmu)) {
    const end = match.index + match[0].length;
    notes.push(text.slice(start, end).replace(/^\n+/, ''));
    start = end;
  }
  const rest = text.slice(start).replace(/^\n+/, '');
  if (rest !== '') notes.push(rest);
  return notes;
}

/** The verifier key of signed-note tools: `name+hash+base64(type || key)`. */
export function verifierKey(publicKey: Uint8Array): string {
  const key = Buffer.concat([Buffer.from([ALGORITHM_ED25519]), publicKey]).toString('base64');
  return `${KEY_NAME}+${keyHash(publicKey).toString('hex')}+${key}`;
}

/** An origin has no spaces in it. */
const originText = (agent: string): string => escapeBytes(agent).replaceAll(' ', '\\x20');

function checkSignature(body: string, signatures: string, publicKey: Uint8Array): void {
  const expected = keyHash(publicKey);
  for (const line of signatures.split('\n')) {
    if (!line.startsWith(`${SIGNATURE_PREFIX}${KEY_NAME} `)) continue;
    const raw = Buffer.from(line.slice(SIGNATURE_PREFIX.length + KEY_NAME.length + 1), 'base64');
    if (raw.length !== KEY_HASH_BYTES + SIGNATURE_BYTES || !raw.subarray(0, KEY_HASH_BYTES).equals(expected)) continue;
    if (verifySignature(publicKey, Buffer.from(body), raw.subarray(KEY_HASH_BYTES))) return;
    throw new SyntaxError('a checkpoint whose signature does not fit its text');
  }
  throw new SyntaxError('a checkpoint that this key did not sign');
}

/** The first four bytes of SHA-256 over name, newline, type and key. */
function keyHash(publicKey: Uint8Array): Buffer {
  const hash = createHash('sha256')
    .update(`${KEY_NAME}\n`)
    .update(Buffer.from([ALGORITHM_ED25519]))
    .update(publicKey);
  return hash.digest().subarray(0, KEY_HASH_BYTES);
}
