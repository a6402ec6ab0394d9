// The steps that make a directory and that change mode and attributes in place.
import { ERRNO, must } from '../errno.ts';
import { landableDirectoryMode, setModeAndXattrs, setOwner } from '../host/attributes.ts';
import { capture, sameVersion } from '../host/capture.ts';
import { AT_REMOVEDIR, close, mkdirat, RENAME_NOREPLACE, unlinkat } from '../host/syscall.ts';
import { openObject } from '../host/walk.ts';
import type { Xattrs } from '../host/xattr.ts';
import { discard, landable, type Site } from './commitSite.ts';
import type { Step, Version } from './model.ts';

export type MakeStep = Extract<Step, { op: 'mkdir' }>;
export type AttributesStep = Extract<Step, { op: 'attributes' }>;

/** Makes the directory under a reserved name, complete, and moves it in. One that exists already is fine. */
export function make(site: Site, step: MakeStep): void {
  discard(site.fd, site.temporary);
  const type = capture(site.fd, site.name).version.type;
  if (type === 'directory') return;
  if (type !== 'absent') site.moved('created on the host since');
  must(mkdirat(site.fd, site.temporary, 0o700));
  dress(site, step);
  site.fault('armed');
  const status = site.rename(site.temporary, site.name, RENAME_NOREPLACE);
  if (status < 0) {
    discard(site.fd, site.temporary);
    if (status === -ERRNO.EEXIST && capture(site.fd, site.name).version.type === 'directory') return;
    if (status === -ERRNO.EEXIST) site.moved('created on the host since');
    must(status);
  }
  site.run.made.add(site.index);
  site.fault('landed');
}

function dress(site: Site, step: MakeStep): void {
  const fd = must(openObject(site.fd, site.temporary));
  try {
    const inherited = capture(site.fd, site.temporary).version;
    setOwner(fd, step.uid, step.gid);
    setModeAndXattrs(fd, landableDirectoryMode(step.mode, modeOf(inherited)), step.xattrs);
  } finally {
    close(fd);
  }
}

const modeOf = (version: Version) => ('mode' in version ? version.mode : 0);
const xattrsOf = (version: Version) => ('xattrs' in version ? version.xattrs : undefined) ?? {};

/** Removes the directory again; what others put into it keeps it. */
export function undoMake(site: Site): void {
  discard(site.fd, site.temporary);
  if (!site.run.recovering && !site.run.made.has(site.index)) return;
  const status = unlinkat(site.fd, site.name, AT_REMOVEDIR);
  if (status === 0) site.run.touched(site.fd);
  else if (status === -ERRNO.ENOTEMPTY) site.moved('not taken back: the host put something into it meanwhile');
}

/** What lies at the path after the step. */
export function attributesResult(step: AttributesStep): Version {
  const version = landable(step.result);
  if (version.type !== 'directory') return version;
  const { base } = step;
  return { ...version, mode: landableDirectoryMode(version.mode, modeOf(step.result) & modeOf(base.version)) };
}

/** Sets mode and attributes where they are still those of the base, or half changed by an earlier run. */
export function setAttributes(site: Site, step: AttributesStep): void {
  const result = attributesResult(step);
  if (!between(site, step, result)) site.expectBase(step.base);
  apply(site, result);
}

/** Sets the base's again, where nobody else changed them. */
export function undoAttributes(site: Site, step: AttributesStep): void {
  if (!between(site, step, attributesResult(step))) site.moved('not put back: changed on the host meanwhile');
  apply(site, step.base.version);
}

function apply(site: Site, version: Version): void {
  const fd = must(openObject(site.fd, site.name));
  try {
    setModeAndXattrs(fd, modeOf(version), xattrsOf(version));
  } finally {
    close(fd);
  }
  site.fault('landed');
}

/** Content as the base has it, and each attribute as either side has it. */
function between(site: Site, step: AttributesStep, result: Version): boolean {
  const base = step.base.version;
  const { cidOf } = site.run.ports;
  const wantsCid = base.type === 'file' && base.cid !== '';
  const now = capture(site.fd, site.name, wantsCid ? { cidOf } : {}).version;
  if (now.type !== base.type || base.type !== result.type) return false;
  const mode = modeOf(now);
  if (mode !== modeOf(base) && mode !== modeOf(result)) return false;
  const [have, before, after] = [xattrsOf(now), xattrsOf(base), xattrsOf(result)];
  const names = new Set([...Object.keys(have), ...Object.keys(before), ...Object.keys(after)]);
  if (![...names].every((name) => have[name] === before[name] || have[name] === after[name])) return false;
  // An ACL's mask shows in the mode, so a half-way mode may be neither: then the base check decides.
  return sameVersion({ ...base, mode, xattrs: have as Xattrs } as Version, now);
}
