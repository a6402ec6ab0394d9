// Looks at every base before anything is touched: what conflicts, and which steps are on the host already.
//
// A step's base describes the path as the steps before it leave it, so paths are traced back through them: what an
// earlier step makes or removes is not looked for on the host, and what it renames is looked for where it still is.
import { Errno } from '../errno.ts';
import type { Captured } from '../host/capture.ts';
import { capture } from '../host/capture.ts';
import { isReservedName } from '../host/reserved.ts';
import { type CommitRun, movedReason, type Site } from './commitSite.ts';
import { attributesResult } from './directoryStep.ts';
import { baseOf, landedVersion } from './landStep.ts';
import type { Base, Conflict, Step } from './model.ts';
import { directoriesFirst, isAtOrBelow, ordered } from './stepOrder.ts';

type Verdict = 'ready' | 'applied' | Conflict;
/** 'vacated': an earlier step removed or moved what was at the name itself; 'gone': a directory above it. */
type State = 'made' | 'gone' | 'vacated';
type Located = { readonly host: string } | State;

const ABSENT: Base = { version: { type: 'absent' } };

/** The steps that are still to do, or what is in the way of them. */
export function checkPlan(run: CommitRun): { readonly todo: readonly Step[]; readonly conflicts: readonly Conflict[] } {
  const todo: Step[] = [];
  const conflicts: Conflict[] = [];
  const trace = new Trace();
  const { steps, inOrder } = run.plan;
  (inOrder ? directoriesFirst(steps) : ordered(steps)).forEach((planned, index) => {
    run.ports.fault('check', planned.path);
    const step = rebased(planned, trace);
    const verdict = judge(run, step, index, trace);
    if (verdict === 'applied') return;
    if (verdict === 'ready') todo.push(step);
    else conflicts.push(verdict);
    trace.add(step, index);
  });
  return { todo, conflicts };
}

/** A step's base is what the host had at the name; where an earlier step takes that away, nothing is there by then. */
function rebased(step: Step, trace: Trace): Step {
  if (trace.locate(step.path) !== 'vacated') return step;
  if (step.op === 'file' || step.op === 'symlink' || step.op === 'delete') return { ...step, base: ABSENT };
  return step.op === 'rename' ? { ...step, targetBase: ABSENT } : step;
}

/** What the steps so far have done to names. */
class Trace {
  readonly #names = new Map<string, { readonly index: number; readonly state: State }>();
  readonly #renames: { readonly index: number; readonly source: string; readonly path: string }[] = [];

  add(step: Step, index: number): void {
    if (step.op === 'attributes') return;
    if (step.op === 'rename') {
      this.#names.set(step.source, { index, state: 'vacated' });
      this.#renames.push({ index, source: step.source, path: step.path });
    } else this.#names.set(step.path, { index, state: step.op === 'delete' ? 'vacated' : 'made' });
  }

  /** Where the host holds `path` as the steps so far leave it, or that it is made or gone by one of them. */
  locate(path: string): Located {
    let current = path;
    for (let limit = Number.POSITIVE_INFINITY; ; ) {
      const known = this.#known(current, limit);
      const rename = this.#renames.findLast((each) => each.index < limit && isAtOrBelow(current, each.path));
      if (rename === undefined || (known !== undefined && known.index > rename.index))
        return known?.state ?? { host: current };
      current = rename.source + current.slice(rename.path.length);
      limit = rename.index;
    }
  }

  /** The last step before `limit` that made or removed the path, or removed or made anew a directory above it. */
  #known(path: string, limit: number): { readonly index: number; readonly state: State } | undefined {
    let latest: { readonly index: number; readonly state: State } | undefined;
    for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1)) {
      const found = this.#names.get(path.slice(0, at));
      if (found === undefined || found.index >= limit || (latest !== undefined && latest.index > found.index)) continue;
      // Below a directory that was removed or is new there is nothing of the host's.
      latest = at === path.length ? found : { index: found.index, state: 'gone' };
    }
    return latest;
  }
}

function judge(run: CommitRun, step: Step, index: number, trace: Trace): Verdict {
  refuseReserved(step);
  const base = step.op === 'mkdir' || step.op === 'mknod' ? ABSENT : step.base;
  if (step.op === 'rename') return judgeRename(run, step, index, trace);
  if (step.op === 'delete' && ['gone', 'vacated'].includes(trace.locate(step.path) as string)) return 'applied';
  return withLocated(run, index, step.path, trace, base, (site) => {
    if (isApplied(site, step) && !isRewritten(site, step)) return 'applied';
    return compare(site, base, step.path);
  });
}

/** The agent wrote the same bytes anew: its time is still to land. */
const isRewritten = (site: Site, step: Step): boolean =>
  step.op === 'file' && site.match(step.base, site.name) === 'same';

function judgeRename(run: CommitRun, step: Extract<Step, { op: 'rename' }>, index: number, trace: Trace): Verdict {
  const source = withLocated(run, index, step.source, trace, step.base, (site) =>
    compare(site, step.base, step.source),
  );
  const target = withLocated(run, index, step.path, trace, step.targetBase, (site) => {
    const verdict = compare(site, step.targetBase, step.path);
    if (verdict === 'ready' || source === 'ready') return verdict;
    const gone = trace.locate(step.source);
    const sourceIsGone = typeof gone === 'object' && holdsNothing(run, index, gone.host);
    return sourceIsGone && site.match(step.base, site.name, { moved: true }) === 'same' ? 'applied' : verdict;
  });
  if (target === 'applied') return 'applied';
  return source === 'ready' ? target : source;
}

const holdsNothing = (run: CommitRun, index: number, path: string) =>
  atHost(run, index, path, (site) => captureOf(site).version.type === 'absent') ?? true;

/** Judges a path at its place on the host; what the plan itself made or removed is judged against the base's type. */
function withLocated(
  run: CommitRun,
  index: number,
  path: string,
  trace: Trace,
  base: Base,
  look: (site: Site) => Verdict,
): Verdict {
  const located = trace.locate(path);
  const expectsNothing = base.version.type === 'absent';
  if (located === 'made') return expectsNothing ? { path, reason: 'made by an earlier step' } : 'ready';
  if (located === 'gone' || located === 'vacated')
    return expectsNothing ? 'ready' : { path, reason: 'removed by an earlier step' };
  const verdict = atHost(run, index, located.host, look);
  if (verdict !== undefined) return verdict;
  return expectsNothing
    ? { path, reason: 'its directory is gone on the host' }
    : { path, reason: 'removed on the host since' };
}

/** Undefined where there is no such directory on the host (or a link or file is in its place). */
function atHost<T>(run: CommitRun, index: number, path: string, look: (site: Site) => T): T | undefined {
  try {
    return run.at(index, path, look);
  } catch (error) {
    if (error instanceof Errno && UNREACHABLE.includes(error.name)) return undefined;
    throw error;
  }
}
const UNREACHABLE: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE'];

const captureOf = (site: Site): Captured => capture(site.fd, site.name);

function compare(site: Site, base: Base, path: string): Verdict {
  const match = site.match(base, site.name);
  if (match === 'same') return 'ready';
  if (match === 'unknown') return { path, reason: 'cannot tell whether the host changed: its content was never read' };
  return { path, reason: movedReason(base, captureOf(site).version) };
}

/** Whether the host holds the step's result without us. */
function isApplied(site: Site, step: Exclude<Step, { op: 'rename' }>): boolean {
  if (step.op === 'mkdir') return captureOf(site).version.type === 'directory';
  if (step.op === 'delete') return captureOf(site).version.type === 'absent';
  if (step.op === 'attributes') {
    const result = attributesResult(step);
    const content = step.base.version.type === 'file' && result.type === 'file' ? step.base.version.cid : '';
    return (
      site.match({ version: content === '' ? result : ({ ...result, cid: content } as typeof result) }, site.name) ===
      'same'
    );
  }
  return baseOf(step).version.type !== 'device' && site.holds(landedVersion(step), site.name);
}

function refuseReserved(step: Step): void {
  const paths = step.op === 'rename' ? [step.path, step.source] : [step.path];
  for (const path of paths)
    if (path.split('/').some(isReservedName)) throw new RangeError('a plan names what only commits may name');
}
