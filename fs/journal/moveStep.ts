// The step that renames: both names are looked at before and after, and what the target displaced is kept.
import { ERRNO, must } from '../errno.ts';
import { capture } from '../host/capture.ts';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, renameat2 } from '../host/syscall.ts';
import type { Site } from './commitSite.ts';
import type { Step } from './model.ts';
import { bringBack, keep } from './preimage.ts';

export type MoveStep = Extract<Step, { op: 'rename' }>;

/** Whether an earlier run (or the host) has renamed already. */
export function isMoved(source: Site, target: Site, step: MoveStep): boolean {
  if (target.match(step.base, target.name, { moved: true }) !== 'same') return false;
  // Two directories of one mode look the same: in a first run, one that is still at the source has not been moved.
  const sourceIsEnough =
    !source.run.recovering && step.base.version.type === 'directory' && step.targetBase.version.type === 'absent';
  const untouched =
    source.match(step.base, source.name) === 'same' &&
    (sourceIsEnough || target.match(step.targetBase, target.name) === 'same');
  return !untouched;
}

/** Makes the step so, from whatever an earlier run left. @throws HostMoved, Errno */
export function move(source: Site, target: Site, step: MoveStep): void {
  const fresh = step.targetBase.version.type === 'absent';
  if (isMoved(source, target, step)) {
    if (!fresh && isDisplaced(source, step)) keep(source, source.name);
    return;
  }
  source.expectBase(step.base);
  target.expectBase(step.targetBase);
  exchange(source, target, fresh ? RENAME_NOREPLACE : RENAME_EXCHANGE);
  target.fault('landed');
  const moved = target.match(step.base, target.name, { moved: true }) === 'same';
  const displaced = fresh || source.match(step.targetBase, source.name, { moved: true }) === 'same';
  const inPlace = source.inPlace() && target.inPlace();
  target.fault('verified');
  if (moved && displaced && inPlace && (fresh || keep(source, source.name))) return;
  goBack(source, target, fresh);
  const where = moved ? target : source;
  if (!inPlace) where.moved('its directory moved on the host');
  where.moved(moved && displaced ? 'the directory it replaces is not empty' : 'changed on the host since');
}

/** The source's name still holds the very object that the rename displaced. */
function isDisplaced(source: Site, step: MoveStep): boolean {
  const { hint } = step.targetBase;
  if (hint !== undefined && capture(source.fd, source.name).hint?.ino !== hint.ino) return false;
  return source.match(step.targetBase, source.name, { moved: true }) === 'same';
}

function exchange(source: Site, target: Site, flags: number): void {
  const status = renameat2(source.fd, source.name, target.fd, target.name, flags);
  if (status === -ERRNO.EEXIST) target.moved('created on the host since');
  if (status === -ERRNO.ENOENT) source.moved('removed on the host since');
  must(status);
  source.run.touched(source.fd);
  source.run.touched(target.fd);
}

function goBack(source: Site, target: Site, fresh: boolean): void {
  const flags = fresh ? RENAME_NOREPLACE : RENAME_EXCHANGE;
  const status = renameat2(target.fd, target.name, source.fd, source.name, flags);
  if (status === -ERRNO.EEXIST) source.moved('not put back: something new is there');
  must(status);
}

/** Renames back, if the target still is what was moved and the source is free. */
export function undoMove(source: Site, target: Site, step: MoveStep): void {
  if (!isMoved(source, target, step)) return;
  const fresh = step.targetBase.version.type === 'absent';
  if (!fresh && !source.hasPreimage()) {
    goBack(source, target, false);
    return;
  }
  goBack(source, target, true);
  if (!fresh) {
    bringBack(target, target.temporary);
    must(target.rename(target.temporary, target.name, RENAME_NOREPLACE));
  }
}
