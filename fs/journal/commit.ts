// Carries a plan out on the host: every base is checked, the intent is durable, then all of it happens or none of it.
//
// Steps are idempotent, and where an interrupted run stopped can be told from names alone (see landStep.ts), so recovery
// is the same walk again. What is displaced is kept as a pre-image; when the host moves under a commit, what was done
// is taken back from those, wherever the host still is what the commit put there.
//
// The order of a plan's steps: children are deleted before their directory, parents are made before what is in them, a
// rename comes before every step below its target, and only renames act below its source (stepOrder.ts sorts those).
import { Errno, must } from '../errno.ts';
import { type Captured, capture } from '../host/capture.ts';
import { fsync } from '../host/syscall.ts';
import { checkPlan } from './checkPlan.ts';
import { type CommitPorts, CommitRun, existsAt, HostMoved, HostRefused, type Site } from './commitSite.ts';
import { make, setAttributes, undoAttributes, undoMake } from './directoryStep.ts';
import { arm, type FileStep, flushAhead, land, landedVersion, undoLand, writeAhead } from './landStep.ts';
import type { CommitOutcome, CommitPlan, Conflict, Landed, Step, Version } from './model.ts';
import { move, undoMove } from './moveStep.ts';
import { remove, undoRemove } from './removeStep.ts';
import { isAtOrBelow } from './stepOrder.ts';

export { isReservedName } from '../host/reserved.ts';
export { type CommitPorts, FAULT_POINTS, type FaultPoint } from './commitSite.ts';

const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Commits a plan: all of it, or nothing. A result that is on the host already is no conflict.
 * @returns 'conflict' with `errno` where the host refused (no space, read-only …); everything was put back then
 * @throws what a port throws; recovery then settles the plan, if its intent was recorded
 */
export function commit(plan: CommitPlan, ports: CommitPorts): CommitOutcome {
  const checked = check(plan, ports);
  if (!Array.isArray(checked)) return checked as CommitOutcome;
  const todo: CommitPlan = { ...plan, steps: checked };
  ports.fault('checked', '');
  ports.intent(todo);
  ports.fault('intent', '');
  const outcome = carryOut(todo, ports, false);
  return finish(plan, outcome, ports);
}

/** Rolls a plan whose intent was recorded forward, or, where the host moved, back. A second time changes nothing. */
export function recover(plan: CommitPlan, ports: CommitPorts): CommitOutcome {
  return finish(plan, carryOut(plan, ports, true), ports);
}

function check(plan: CommitPlan, ports: CommitPorts): readonly Step[] | CommitOutcome {
  if (!IDENTIFIER.test(plan.id)) throw new RangeError(`not a commit's name: ${plan.id}`);
  try {
    const { todo, conflicts } = withRun(plan, ports, false, checkPlan);
    return conflicts.length === 0 ? todo : { status: 'conflict', conflicts };
  } catch (error) {
    if (error instanceof Errno) return refused(plan.steps[0]?.path ?? '', error);
    throw error;
  }
}

function withRun<T>(plan: CommitPlan, ports: CommitPorts, recovering: boolean, action: (run: CommitRun) => T): T {
  const run = new CommitRun(plan, ports, recovering);
  try {
    return action(run);
  } finally {
    run.close();
  }
}

const refused = (path: string, error: Errno): CommitOutcome => ({
  status: 'conflict',
  conflicts: [{ path, reason: error.name }],
  errno: error.number,
});

/** Undefined when every step is done. */
type Failure = CommitOutcome | undefined;

function carryOut(
  plan: CommitPlan,
  ports: CommitPorts,
  recovering: boolean,
): { failure: Failure; leftovers: ReadonlyMap<string, number> } {
  const leftovers = new Map<string, number>();
  try {
    const failure = withRun(plan, ports, recovering, (run) => {
      const failed = forward(run);
      for (const [index, count] of run.leftovers) leftovers.set(plan.steps[index]?.path ?? '', count);
      return failed;
    });
    return { failure, leftovers };
  } catch (error) {
    if (error instanceof Errno) return { failure: refused(plan.roots[0] ?? '', error), leftovers };
    throw error;
  }
}

/** Files that are written ahead of their turn and flushed together, by one flush of their file system. */
const AHEAD_MAX = 1024;
/** Fewer are flushed one by one: what else is on the file system is then not waited for. */
const AHEAD_MIN = 8;

function forward(run: CommitRun): Failure {
  let ahead = 0;
  for (const [index, step] of run.plan.steps.entries()) {
    try {
      if (index >= ahead) ahead = prepare(run, index);
      run.ports.fault('step', step.path);
      apply(run, index, step);
      run.ports.fault('stepped', step.path);
    } catch (error) {
      if (run.recovering && isUnreachable(error) && isPassed(run, index)) continue;
      // Recovery may find that later steps were done already before the one that fails.
      const last = run.recovering ? run.plan.steps.length : Math.min(index + AHEAD_MAX, run.plan.steps.length);
      return backward(run, index, last - 1, failureOf(step, error));
    }
  }
  run.flush();
  if (run.durable) must(fsync(run.preimages));
  return undefined;
}

/** Writes the files of the steps from `index` on, as far as they follow one another; returns where they end. */
function prepare(run: CommitRun, index: number): number {
  const isFile = (at: number) => run.plan.steps[at]?.op === 'file';
  let end = index;
  while (isFile(end) && end - index < AHEAD_MAX) end++;
  if (!run.durable || end - index < AHEAD_MIN) return Math.max(end, index + 1);
  const written: number[] = [];
  for (let at = index; at < end; at++) if (reachable(run, at, writeAhead)) written.push(at);
  const flushed = new Set<string>();
  for (const at of written) reachable(run, at, (site) => flushAhead(site, flushed));
  for (const at of written) reachable(run, at, arm);
  return end;
}

/** Undefined where the directory is not there: the step itself finds out why, in its turn. */
function reachable<T>(run: CommitRun, index: number, action: (site: Site, step: FileStep) => T): T | undefined {
  const step = run.plan.steps[index] as FileStep;
  try {
    return run.at(index, step.path, (site) => action(site, step));
  } catch (error) {
    if (isUnreachable(error)) return undefined;
    throw error instanceof Errno ? new HostRefused(step.path, error) : error;
  }
}

function failureOf(step: Step, error: unknown): Conflicted {
  if (error instanceof HostRefused) return failureOf({ ...step, path: error.path }, error.error);
  if (error instanceof HostMoved)
    return { status: 'conflict', conflicts: [{ path: error.path, reason: error.reason }] };
  if (!(error instanceof Errno)) throw error;
  const moved = isUnreachable(error);
  const conflicts = [
    { path: step.path, reason: moved ? `its directory changed on the host (${error.name})` : error.name },
  ];
  return { status: 'conflict', conflicts, ...(moved ? {} : { errno: error.number }) };
}

/** The walk met something that is not a directory: the host moved, nothing refused. */
const isUnreachable = (error: unknown): boolean =>
  error instanceof Errno && ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.name);

/**
 * Whether an earlier run went past this step: a later step has removed or renamed the directory it acts in.
 */
function isPassed(run: CommitRun, index: number): boolean {
  const { id, steps } = run.plan;
  const step = steps[index] as Step;
  const paths = step.op === 'rename' ? [step.source, step.path] : [step.path];
  const isAffected = (directory: string) => paths.some((path) => isAtOrBelow(path, directory));
  return steps.some((later, at) => {
    if (at < index) return false;
    if (later.op === 'delete') return isAffected(later.path) && existsAt(run.preimages, `${id}-${at}`);
    if (later.op !== 'rename' || at === index || !isAffected(later.source)) return false;
    return run.at(at, later.path, (target) => target.match(later.base, target.name, { moved: true }) === 'same');
  });
}

type Conflicted = Extract<CommitOutcome, { status: 'conflict' }>;

/** Takes back all steps from `last` on, in reverse; what cannot be put back is reported beside the reason. */
function backward(run: CommitRun, failed: number, last: number, outcome: Conflicted): CommitOutcome {
  const stuck: Conflict[] = [];
  for (let index = last; index >= 0; index--) {
    const step = run.plan.steps[index] as Step;
    try {
      run.ports.fault('undo', step.path);
      undo(run, index, step);
      run.ports.fault('undone', step.path);
    } catch (error) {
      const failure = failureOf(step, error);
      // The step that failed has said why already, and one never begun has nothing to put back.
      if (index < failed || failure.errno !== undefined) stuck.push(...failure.conflicts);
    }
  }
  run.flush();
  return { ...outcome, conflicts: [...outcome.conflicts, ...stuck] };
}

function apply(run: CommitRun, index: number, step: Step): void {
  if (step.op === 'rename')
    run.at(index, step.source, (source) => run.at(index, step.path, (target) => move(source, target, step)));
  else
    run.at(index, step.path, (site) => {
      if (step.op === 'mkdir') make(site, step);
      else if (step.op === 'delete') remove(site, step);
      else if (step.op === 'attributes') setAttributes(site, step);
      else land(site, step);
    });
}

function undo(run: CommitRun, index: number, step: Step): void {
  if (step.op === 'rename')
    run.at(index, step.source, (source) => run.at(index, step.path, (target) => undoMove(source, target, step)));
  else
    run.at(index, step.path, (site) => {
      if (step.op === 'mkdir') undoMake(site);
      else if (step.op === 'delete') undoRemove(site);
      else if (step.op === 'attributes') undoAttributes(site, step);
      else undoLand(site, step);
    });
}

function finish(plan: CommitPlan, done: ReturnType<typeof carryOut>, ports: CommitPorts): CommitOutcome {
  ports.fault('finishing', '');
  const outcome = done.failure ?? { status: 'done' as const, landed: landings(plan, done.leftovers, ports) };
  ports.finished(plan.id, outcome);
  ports.fault('finished', '');
  return outcome;
}

function landings(plan: CommitPlan, leftovers: ReadonlyMap<string, number>, ports: CommitPorts): Landed[] {
  return withRun(plan, ports, false, (run) =>
    plan.steps.map((step, index): Landed => {
      const now = landing(run, index, step, ports);
      const left = leftovers.get(step.path);
      return {
        path: step.path,
        version: now?.version ?? { type: 'absent' },
        ...(now?.hint === undefined ? {} : { hint: now.hint }),
        ...(left === undefined ? {} : { leftovers: left }),
      };
    }),
  );
}

/** What lies at a step's path now; content is read again only where the file is not the one just written. */
function landing(run: CommitRun, index: number, step: Step, ports: CommitPorts): Captured | undefined {
  try {
    return run.at(index, step.path, (site) => {
      const light = capture(site.fd, site.name);
      const known = knownContent(step, light);
      if (light.version.type !== 'file') return light;
      if (known === undefined) return capture(site.fd, site.name, { cidOf: ports.cidOf });
      return { ...light, version: { ...light.version, cid: known } };
    });
  } catch (error) {
    if (error instanceof Errno) return undefined;
    throw error;
  }
}

function knownContent(step: Step, light: Captured): string | undefined {
  if (step.op !== 'file' || light.version.type !== 'file' || light.mtimeNs !== step.mtimeNs) return undefined;
  const result: Version = landedVersion(step);
  return result.type === 'file' && result.sizeBytes === light.version.sizeBytes ? result.cid : undefined;
}
