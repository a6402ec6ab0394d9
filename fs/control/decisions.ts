// The operator's decisions through one mount: what was listed, what a command means, what came of it.

import type { PendingListing } from '../daemon/protocol.ts';
import { Errno } from '../errno.ts';
import { renderApproval, renderRejection, renderWaiting } from './listing.ts';
import { quoteText } from './quote.ts';
import { Refusal } from './refusal.ts';
import { type Command, parseCommand, type Selection, select, textOf } from './selection.ts';
import type { ControlSource } from './source.ts';

/** Characters of a reason. */
export const REASON_LENGTH_MAX = 1024;

/** Who writes a command. */
export interface Writer {
  readonly pid: number;
}

export class Decisions {
  readonly #source: ControlSource;
  #listed: ReadonlyMap<string, string> | undefined;
  #lastApproval = '';
  #lastRejection = '';

  constructor(source: ControlSource) {
    this.#source = source;
  }

  /** The operator reads the list: from now on bulk words cover exactly this. */
  listed(): PendingListing {
    const listing = this.#source.pending();
    this.#listed = new Map(listing.items.map((item) => [item.id, item.path]));
    return listing;
  }

  /** Reading `approve`: what waits in an agent's mount, what the last command came to in the operator's. */
  get approvals(): string {
    return this.#source.principal === 'agent' ? renderWaiting(this.#source.pending()) : this.#lastApproval;
  }

  get rejections(): string {
    return this.#source.principal === 'agent' ? renderWaiting(this.#source.pending()) : this.#lastRejection;
  }

  /** A write to `approve`. */
  approve(command: string, writer: Writer): void {
    this.#approval(() => this.#approve(this.#select(parseCommand(command, false), true), writer));
  }

  /** A write to `reject`. */
  reject(command: string, writer: Writer): void {
    this.#rejection(() => {
      const parsed = parseCommand(command, true);
      return this.#reject(this.#select(parsed, false), parsed.reason, writer);
    });
  }

  /** A write to `pending/<id>`: `approve` or `reject [reason]`. */
  decide(id: string, command: string, writer: Writer): void {
    const verb = /^(approve|reject(?: +([^\n]*))?) *$/.exec(command);
    if (verb === null) throw new Refusal('EINVAL', 'the verbs are: approve, reject [reason]');
    const one: Command = { selectors: [{ kind: 'id', id }], reason: textOf(verb[2] ?? '').trim() };
    if (verb[1] === 'approve') this.#approval(() => this.#approve(this.#select(one, true), writer));
    else this.#rejection(() => this.#reject(this.#select(one, false), one.reason, writer));
  }

  #select(command: Command, spareProtected: boolean): Selection & { readonly listing: PendingListing } {
    const listing = this.#source.pending();
    const selection = select(command.selectors, {
      listing,
      listed: this.#listed,
      spareProtected,
      requirePending: (id) => this.#source.requirePending(id),
    });
    return { ...selection, listing };
  }

  /** Returns the result's text; throws where nothing has landed. */
  #approve({ ids, skipped, listing }: Selection & { readonly listing: PendingListing }, writer: Writer): string {
    if (ids.length === 0) return renderApproval([], skipped, () => undefined);
    const results = this.#source.approve({ ids, by: `operator pid ${writer.pid}` });
    const text = renderApproval(results, skipped, pathsOf(listing));
    if (results.some((result) => result.conflicts.length > 0)) throw new Refusal('ESTALE', text);
    return text;
  }

  #reject(
    { ids, skipped, listing }: Selection & { readonly listing: PendingListing },
    reason: string,
    writer: Writer,
  ): string {
    if (reason.length > REASON_LENGTH_MAX)
      throw new Refusal('EINVAL', `a reason has ${REASON_LENGTH_MAX} characters at most`);
    if (ids.length === 0) return renderRejection([], skipped, () => undefined);
    const rejected = this.#source.reject({ ids, reason, pid: writer.pid });
    return renderRejection(rejected, skipped, pathsOf(listing));
  }

  #approval(run: () => string): void {
    this.#lastApproval = outcome(run, (failure) => {
      this.#lastApproval = failure;
    });
  }

  #rejection(run: () => string): void {
    this.#lastRejection = outcome(run, (failure) => {
      this.#lastRejection = failure;
    });
  }
}

function pathsOf(listing: PendingListing): (id: string) => string | undefined {
  const paths = new Map(listing.items.map((item) => [item.id, item.path]));
  return (id) => paths.get(id);
}

/** Runs a command; a failure is kept as `error NAME REASON` and thrown on. */
function outcome(run: () => string, failed: (text: string) => void): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal) failed(failureText(error));
    else if (error instanceof Errno) failed(`error ${error.name}\n`);
    throw error;
  }
}

/** A reason of lines (conflicts) follows the error line as it is; a sentence stands on it. */
function failureText({ errno, reason }: Refusal): string {
  if (reason.endsWith('\n')) return `error ${errno.name}\n${reason}`;
  return `error ${errno.name} ${quoteText(reason)}\n`;
}
