// The step that removes a name: moved aside first, looked at, and only the base is kept and gone.
import { ERRNO, must } from '../errno.ts';
import { capture } from '../host/capture.ts';
import { RENAME_NOREPLACE } from '../host/syscall.ts';
import { discard, existsAt, type Site } from './commitSite.ts';
import type { Step } from './model.ts';
import { bringBack, countEntries, finishTwin, keep } from './preimage.ts';

export type RemoveStep = Extract<Step, { op: 'delete' }>;

/** Makes the step so, from whatever an earlier run left. @throws HostMoved, Errno */
export function remove(site: Site, step: RemoveStep): void {
  if (step.base.version.type === 'directory') {
    removeDirectory(site, step);
    return;
  }
  if (site.exists(site.temporary)) {
    settle(site, step);
    return;
  }
  if (site.hasPreimage() || !site.exists(site.name)) return;
  site.expectBase(step.base);
  if (step.base.version.type === 'device') site.moved('a device is never removed');
  const status = site.rename(site.name, site.temporary, RENAME_NOREPLACE);
  if (status === -ERRNO.ENOENT) return;
  must(status);
  site.fault('landed');
  settle(site, step);
}

/** The temporary holds what was at the name: the base is kept, anything else goes back. */
function settle(site: Site, step: RemoveStep): void {
  const same = site.match(step.base, site.temporary, { moved: true }) === 'same';
  const inPlace = site.inPlace();
  site.fault('verified');
  if (same && inPlace) {
    keep(site, site.temporary);
    return;
  }
  putBack(site);
  site.moved(inPlace ? 'changed on the host since' : 'its directory moved on the host');
}

function putBack(site: Site): void {
  const status = site.rename(site.temporary, site.name, RENAME_NOREPLACE);
  // The host made something new there meanwhile: that stays, the older is kept aside.
  if (status === -ERRNO.EEXIST) keep(site, site.temporary);
  else must(status);
}

function removeDirectory(site: Site, step: RemoveStep): void {
  if (site.hasPreimage()) return;
  if (!site.exists(site.name)) {
    finishTwin(site);
    return;
  }
  site.expectBase(step.base);
  if (keep(site, site.name)) return;
  site.run.leftovers.set(site.index, countEntries(site.fd, site.name));
}

/** Puts the removed object back, if the name is still free. */
export function undoRemove(site: Site): void {
  if (site.exists(site.temporary)) {
    putBack(site);
    return;
  }
  discard(site.run.preimages, `${site.preimage}.part`);
  if (!existsAt(site.run.preimages, site.preimage)) return;
  if (capture(site.fd, site.name).version.type !== 'absent')
    site.moved('not put back: something new is there; its earlier content is kept');
  bringBack(site, site.temporary);
  putBack(site);
}
