// agentsh verify [FILE]: checks the audit log against its hash chain and signed checkpoints, and names the first bad entry.
//
// With --key nothing but the files is needed: no kernel, no network. Checkpoints are read before the log, so that a log
// that is still growing covers them.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { AUDIT_CHECKPOINTS, AUDIT_LOG } from '../../fs/audit/log.ts';
import { type VerifyResult, verifyLog } from '../../fs/audit/verify.ts';
import { count } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { type Context, withKernel } from '../context.ts';
import { escapeText, readable } from '../escape.ts';
import { EXIT } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';
import { printListing } from '../listing.ts';
import { type AgentOption, agentFilter, type JsonOption, withAgent, withJson } from '../options.ts';

interface Options extends JsonOption, AgentOption {
  readonly key?: string;
  readonly checkpoints?: string;
}

/** One log to check. Paths are Node's text or byte strings turned into bytes. */
interface Subject {
  readonly title: string;
  readonly log: string | Buffer;
  readonly checkpoints: string | Buffer;
  readonly publicKey: Buffer;
  /** The kernel's own file, not one that was named. */
  readonly isOwn: boolean;
}

const PIECE_BYTES = 1 << 20;

export const command: CommandModule<Options> = {
  declare: (command) =>
    withJson(withAgent(command))
      .argument('[file]', 'an exported log; without it, every log of this kernel')
      .option('--key <hex>', "the kernel's public key; else the running kernel is asked")
      .option('--checkpoints <file>', `signed checkpoints; else ${AUDIT_CHECKPOINTS} beside the file`),
  run: async ({ operands: [file], options, context }) => {
    const subjects = file === undefined ? await ownLogs(options, context) : [await exported(file, options, context)];
    const results = subjects.map((subject) => ({ subject, result: verify(subject) }));
    for (const { subject, result } of results) if (!options.json) print(subject, result, context);
    if (options.json) printListing(context.output, [], results.map(row), true);
    return results.every(({ result }) => result.sound) ? EXIT.ok.code : EXIT.failure.code;
  },
};

async function ownLogs(options: Options, context: Context): Promise<Subject[]> {
  const inputs = await withKernel(context, (kernel) => kernel.call('verify.inputs', agentFilter(options)));
  return inputs.map(({ agent, directory, publicKey }) => ({
    title: agent,
    log: Buffer.from(`${directory}/${AUDIT_LOG}`, 'latin1'),
    checkpoints: Buffer.from(`${directory}/${AUDIT_CHECKPOINTS}`, 'latin1'),
    publicKey: keyBytes(publicKey),
    isOwn: true,
  }));
}

async function exported(file: string, options: Options, context: Context): Promise<Subject> {
  const log = path.resolve(context.cwd, file);
  const checkpoints = path.resolve(context.cwd, options.checkpoints ?? path.join(path.dirname(log), AUDIT_CHECKPOINTS));
  return {
    title: file,
    log,
    checkpoints,
    publicKey: keyBytes(options.key ?? (await kernelKey(context))),
    isOwn: false,
  };
}

async function kernelKey(context: Context): Promise<string> {
  const inputs = await withKernel(context, (kernel) => kernel.call('verify.inputs', {}));
  const key = inputs[0]?.publicKey;
  if (key === undefined) throw new CommandFailure('usage', 'this kernel has no log, so no key: give --key HEX');
  return key;
}

function keyBytes(hex: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(hex)) return Buffer.from(hex, 'hex');
  throw new CommandFailure('usage', `--key ${hex}: an Ed25519 public key is 64 hexadecimal digits`);
}

function verify(subject: Subject): VerifyResult {
  const checkpoints = readText(subject.checkpoints);
  const fd = open(subject);
  // An agent that never did anything has no log yet; one that is missing against its checkpoints is found below.
  if (fd === undefined) return verifyLog('', checkpoints, subject.publicKey);
  try {
    return verifyLog(pieces(fd), checkpoints, subject.publicKey);
  } finally {
    closeSync(fd);
  }
}

function open({ log, isOwn }: Subject): number | undefined {
  try {
    return openSync(log, 'r');
  } catch (error) {
    if (isOwn && isMissing(error)) return undefined;
    throw new CommandFailure('usage', `cannot read the log: ${error instanceof Error ? error.message : error}`);
  }
}

/** No checkpoints at all is a log that only its chain holds: that is told by `signed`. */
function readText(file: string | Buffer): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function* pieces(fd: number): Generator<Uint8Array> {
  for (;;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const size = readSync(fd, piece);
    if (size === 0) return;
    yield piece.subarray(0, size);
  }
}

function print({ title }: Subject, { bad, agents, entries }: VerifyResult, { output }: Context): void {
  const name = escapeText(readable(title));
  if (bad !== undefined) {
    const entry = bad.seq > 0 ? `entry ${bad.seq} ` : '';
    output.line(`${name}: BAD: ${bad.line > 0 ? `line ${bad.line}: ` : ''}${entry}${escapeText(bad.reason)}`);
    return;
  }
  const signed = agents.reduce((sum, agent) => sum + agent.signed, 0);
  output.line(`${name}: sound: ${count(entries, 'entry', 'entries')}, ${signed} covered by a signature`);
}

function row({ subject, result }: { readonly subject: Subject; readonly result: VerifyResult }) {
  return {
    log: subject.title,
    sound: result.sound,
    entries: result.entries,
    signed: result.agents.reduce((sum, { signed }) => sum + signed, 0),
    line: result.bad?.line ?? null,
    seq: result.bad?.seq ?? null,
    reason: result.bad?.reason ?? '',
  };
}
