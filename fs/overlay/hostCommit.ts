// A commit of this agent to the host: its plan is in the agent's own journal before the first byte is touched.
//
// One commit at a time in this process: an Int32 in shared memory is the lock (0 free, 1 held). What a crash
// interrupted is carried on when the ledger is opened again.
import { randomBytes } from 'node:crypto';
import { fail } from '../errno.ts';
import { type CommitPorts, commit, recover } from '../journal/commit.ts';
import { base32 } from '../journal/identifier.ts';
import type { CommitOutcome, CommitPlan, Step } from '../journal/model.ts';
import type { ViewState } from './state.ts';
import { cidOf } from './versions.ts';

export interface CommitPlaces {
  /** Directory of sealed content. */
  readonly blobs: string;
  /** Directory that keeps what commits displaced. */
  readonly preimages: string;
  readonly lock: Int32Array;
}

/** A commit of another agent's that takes longer is waited for by trying again. */
const LOCK_WAIT_MS = 60_000;

/** What the `commits` table keeps. `status`: intended, done, conflict. */
export interface StoredCommit {
  readonly plan: CommitPlan;
  readonly status: 'intended' | 'done' | 'conflict';
  readonly by: string;
}

/**
 * Runs one commit. `durable` false is for a plain close under `rw`: its intent is recorded, nothing is flushed.
 */
export function runCommit(
  view: ViewState,
  places: CommitPlaces,
  roots: readonly string[],
  steps: readonly Step[],
  by: string,
  durable = true,
): { readonly id: string; readonly outcome: CommitOutcome } {
  const atMs = view.options.now();
  const id = base32(randomBytes(8)).slice(0, 12);
  const plan: CommitPlan = { id, agent: view.options.agent, atMs, roots, steps, inOrder: true };
  return { id, outcome: locked(places.lock, () => commit(plan, portsOf(view, places, by, durable))) };
}

/** Ends what a crash left half done. Returns how many commits that were. */
export function recoverCommits(view: ViewState, places: CommitPlaces): number {
  let count = 0;
  for (const { value } of [...view.ledger.range('commits', Buffer.alloc(1), undefined)]) {
    const stored = JSON.parse(value.toString()) as StoredCommit;
    if (stored.status !== 'intended') continue;
    locked(places.lock, () => recover(stored.plan, portsOf(view, places, stored.by)));
    count += 1;
  }
  return count;
}

export function storedCommits(view: ViewState): StoredCommit[] {
  const rows = [...view.ledger.range('commits', Buffer.alloc(1), undefined)];
  return rows
    .map(({ value }) => JSON.parse(value.toString()) as StoredCommit)
    .sort((a, b) => a.plan.atMs - b.plan.atMs);
}

function portsOf(view: ViewState, places: CommitPlaces, by: string, durable = true): CommitPorts {
  const key = (id: string) => Buffer.from(id, 'latin1');
  const write = (plan: CommitPlan, status: StoredCommit['status']) => {
    const stored: StoredCommit = { plan, status, by };
    view.ledger.transact((tx) => tx.put('commits', key(plan.id), Buffer.from(JSON.stringify(stored))));
  };
  return {
    intent: (plan) => {
      write(plan, 'intended');
      if (durable) view.ledger.sync();
    },
    finished: (id, outcome) => {
      const bytes = view.ledger.get('commits', key(id));
      if (bytes === undefined) return;
      write((JSON.parse(bytes.toString()) as StoredCommit).plan, outcome.status);
      if (durable) view.ledger.sync();
    },
    fault: () => undefined,
    durable,
    cidOf,
    preimageDirectory: places.preimages,
  };
}

function locked<T>(lock: Int32Array, body: () => T): T {
  while (Atomics.compareExchange(lock, 0, 0, 1) !== 0) {
    if (Atomics.wait(lock, 0, 1, LOCK_WAIT_MS) === 'timed-out') fail('EBUSY');
  }
  try {
    return body();
  } finally {
    Atomics.store(lock, 0, 0);
    Atomics.notify(lock, 0, 1);
  }
}
