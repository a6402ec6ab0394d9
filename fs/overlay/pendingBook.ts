// What waits for the operator: the net changes under ids that bind their content, and what became of them.
//
// An id names exactly one digest for ever (table `ids`); once listed it never becomes unknown, it moves on (ESTALE).
import { ERRNO, errno, fail } from '../errno.ts';
import { close, pread } from '../host/syscall.ts';
import { DIFF_INPUT_BYTES_MAX, diffText, versionText } from '../journal/diffText.ts';
import { changeDigest, setDigest, shortId } from '../journal/identifier.ts';
import type { Change, Landed } from '../journal/model.ts';
import { freeze } from './blobContent.ts';
import type { FoundChange } from './changes.ts';
import { changeAtPath, netChanges } from './changes.ts';
import { GivingBack, giveBack } from './giveBack.ts';
import { runCommit, storedCommits } from './hostCommit.ts';
import type { IgnoreRules } from './ignoreRules.ts';
import { blockers, planOf } from './plan.ts';
import { isHiddenIn } from './resolve.ts';
import { secure } from './secure.ts';
import { settle } from './settle.ts';
import type { ViewState } from './state.ts';
import { madeBelow, removedBelow } from './subtree.ts';
import { openContentOf } from './versions.ts';

export interface Item extends FoundChange {
  readonly id: string;
}
export interface Pending {
  readonly set: string;
  readonly items: readonly Item[];
  readonly ignored: readonly FoundChange[];
}
export interface Approved {
  readonly commit: string;
  readonly approved: readonly string[];
  readonly parents: readonly string[];
  readonly conflicts: readonly { readonly path: string; readonly reason: string }[];
  /** Removed directories that stay on the host, for what the agent could not see in them. */
  readonly leftovers: readonly { readonly path: string; readonly count: number }[];
}

/** What the `ids` table keeps. `verdict`: '' while it may be pending. */
interface StoredId {
  readonly digest: string;
  readonly path: string;
  readonly verdict: string;
  readonly reason: string;
}
const LISTED_NAMES_MAX = 1000;
const NOTHING: Approved = { commit: '', approved: [], parents: [], conflicts: [], leftovers: [] };

export class PendingBook {
  private readonly view: ViewState;
  private readonly workspace: string;
  private readonly rules: () => IgnoreRules;

  /** @param rules fresh ignore rules for one listing: the files they come from may have changed */
  constructor(view: ViewState, workspace: string, rules: () => IgnoreRules) {
    this.view = view;
    this.workspace = workspace;
    this.rules = rules;
  }

  list(): Pending {
    const { found, ignored } = netChanges(this.view, this.rules());
    const items = found.map((each) => ({ ...each, id: this.identify(each.change) }));
    return { set: setDigest(items.map(({ id }) => id)), items, ignored };
  }

  /** Header, blank line, diff; after a decision its verdict. @throws ENOENT, ESTALE */
  detail(id: string): string {
    const stored = this.stored(id);
    const item = this.list().items.find((each) => each.id === id);
    if (item !== undefined) return this.render(item);
    if (stored === undefined) fail('ENOENT');
    if (stored.verdict === '') fail('ESTALE');
    return `path ${stored.path}\nverdict ${stored.verdict}\nreason ${stored.reason}\n`;
  }

  /** That `detail` has something to show, at the price of a listing. @throws ENOENT, ESTALE */
  require(id: string): void {
    const stored = this.stored(id);
    if (stored !== undefined && stored.verdict !== '') return;
    if (this.list().items.some((each) => each.id === id)) return;
    throw errno(stored === undefined ? ERRNO.ENOENT : ERRNO.ESTALE);
  }

  /** The id that took an outdated one's place, if its path still differs. */
  successor(id: string): string | undefined {
    const stored = this.stored(id);
    return stored === undefined ? undefined : this.list().items.find(({ change }) => change.path === stored.path)?.id;
  }

  /** Approves all that is named, as one commit, or nothing. @throws ENOENT, ESTALE */
  approve(names: readonly string[], set: string | undefined, by: string): Approved {
    const pending = this.list();
    if (set !== undefined && set !== pending.set) fail('ESTALE');
    // A listing as a whole never decides what is protected: that takes its own id.
    const chosen =
      set === undefined
        ? names.map((name) => this.find(pending, name))
        : pending.items.filter(({ change }) => !change.protected);
    if (chosen.length === 0) fail('ENOENT');
    const unique = [...new Map(chosen.map((each) => [each.change.path, each])).values()];
    const context = { view: this.view, rules: this.rules(), blobs: this.view.commitPlaces().blobs };
    const plan = planOf(context, unique);
    const roots = [...new Set(unique.map(({ root }) => root.path))];
    const blocked = blockers(pending.items, unique, plan);
    if (blocked.length > 0) return { ...NOTHING, conflicts: blocked };
    secure(this.view, plan);
    const { id, outcome } = runCommit(this.view, this.view.commitPlaces(), roots, plan.steps, by);
    if (outcome.status === 'conflict') {
      for (const { path, reason } of outcome.conflicts) this.record('approve', path, 'conflict', reason, by);
      freeze(this.view, plan.settled, plan.steps);
      return { ...NOTHING, conflicts: outcome.conflicts };
    }
    settle(this.view, plan.settled, outcome.landed, plan.moves.done);
    const ids = unique.map((item) => this.decide(item, 'approved', id));
    for (const { change } of unique) this.record('approve', change.path, 'approve', id, by, change);
    this.view.ledger.sync();
    return { commit: id, approved: ids, parents: plan.parents, conflicts: [], leftovers: leftoversOf(outcome.landed) };
  }

  /** Gives the named paths back to the host. @throws ENOENT, ESTALE */
  reject(names: readonly string[], reason: string, by: string): readonly string[] {
    const pending = this.list();
    const chosen = names.map((name) => this.find(pending, name));
    const back = new GivingBack(this.view, true);
    // What stands at a name goes before a renamed directory comes home to it.
    const isRename = ({ change }: Item) => (change.kind === 'rename' ? 1 : 0);
    for (const item of [...chosen].sort((a, b) => isRename(a) - isRename(b))) {
      this.decide(item, 'rejected', reason);
      this.record('reject', item.change.path, 'reject', reason, by, item.change);
      giveBack(back, item.root, item.spot);
    }
    return chosen.map(({ id }) => id);
  }

  commits() {
    return storedCommits(this.view).filter(({ status }) => status === 'done');
  }

  /** An item by id, unique prefix, or path; a path may also name what no listing shows by itself. */
  private find(pending: Pending, name: string): Item {
    if (name.startsWith('/')) return this.findPath(pending, name);
    const exact = pending.items.find(({ id }) => id === name);
    if (exact !== undefined) return exact;
    const matches = pending.items.filter(({ id }) => id.startsWith(name));
    if (matches.length === 1 && matches[0] !== undefined) return matches[0];
    if (matches.length > 1) fail('EINVAL');
    throw errno(this.stored(name) === undefined ? ERRNO.ENOENT : ERRNO.ESTALE);
  }

  private findPath(pending: Pending, path: string): Item {
    const listed = pending.items.find(({ change }) => change.path === path);
    if (listed !== undefined) return listed;
    const found = changeAtPath(this.view, this.rules(), path);
    if (found === undefined) fail('ENOENT');
    return { ...found, id: this.identify(found.change) };
  }

  private identify(change: Change): string {
    const digest = changeDigest(change, this.workspace, this.view.options.agent);
    const id = shortId(digest, (prefix) => {
      const stored = this.stored(prefix);
      return stored === undefined ? undefined : Buffer.from(stored.digest, 'hex');
    });
    const known = this.stored(id);
    if (known === undefined || known.verdict !== '')
      this.store(id, { digest: digest.toString('hex'), path: change.path, verdict: '', reason: '' });
    return id;
  }

  private decide(item: Item, verdict: string, reason: string): string {
    const digest = changeDigest(item.change, this.workspace, this.view.options.agent).toString('hex');
    this.store(item.id, { digest, path: item.change.path, verdict, reason });
    return item.id;
  }

  private stored(id: string): StoredId | undefined {
    if (id === '' || id.length > 64) return undefined;
    const bytes = this.view.ledger.get('ids', Buffer.from(id, 'latin1'));
    return bytes === undefined ? undefined : (JSON.parse(bytes.toString()) as StoredId);
  }

  private store(id: string, value: StoredId): void {
    this.view.ledger.transact((tx) => tx.put('ids', Buffer.from(id, 'latin1'), Buffer.from(JSON.stringify(value))));
  }

  private record(
    op: string,
    path: string,
    verdict: 'approve' | 'reject' | 'conflict',
    note: string,
    by: string,
    change?: Change,
  ): void {
    const versions =
      change === undefined ? {} : { base: versionText(change.base.version), result: versionText(change.result) };
    this.view.ledger.record({ op, path, verdict, note, comm: by, ...versions });
  }

  private render(item: Item): string {
    const { change, spot } = item;
    const { view } = this;
    const names =
      change.kind === 'delete'
        ? removedBelow(view, spot).map(({ path }) => path)
        : change.tree === undefined
          ? []
          : madeBelow(view, spot, this.rules()).map(({ path }) => path);
    const after = change.result.type !== 'file' || spot.record === null ? -1 : openContentOf(view, spot.record);
    const directory = spot.path.slice(0, -(spot.name.length + 1));
    // What the agent may not see is in no text that it may read.
    const shown = spot.lowerParent !== null && !isHiddenIn(view, directory, spot.lowerParent, spot.name, false);
    const before =
      change.base.version.type === 'file' && spot.lowerParent !== null && shown
        ? view.host.open(spot.lowerParent, spot.name, 0o4000)
        : -1;
    const base = before < 0 && change.base.version.type === 'absent' ? undefined : readSide(before);
    return diffText({
      change,
      agent: view.options.agent,
      taint: '',
      nowMs: view.options.now(),
      before: base,
      after: readSide(after),
      names: names.slice(0, LISTED_NAMES_MAX),
    });
  }
}

/** The innermost directories that were kept. */
function leftoversOf(landed: readonly Landed[]): { path: string; count: number }[] {
  const kept = landed.flatMap(({ path, leftovers }) => (leftovers === undefined ? [] : [{ path, count: leftovers }]));
  return kept.filter(({ path }) => !kept.some((other) => other.path.startsWith(`${path}/`)));
}

/** Reads and closes; one byte more than can be compared tells that there is more. */
function readSide(fd: number): Buffer | undefined {
  if (fd < 0) return undefined;
  const bytes = Buffer.alloc(DIFF_INPUT_BYTES_MAX + 1);
  const length = pread(fd, bytes, bytes.length, 0);
  close(fd);
  return length < 0 ? undefined : bytes.subarray(0, length);
}
