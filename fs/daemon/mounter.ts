// Makes and removes the kernel's mounts: numbered mountpoints of agents, the operator's, and user directories.
//
// This thread never looks into a mount of its process: it might wait for itself.
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { abort, mountDirect, mountWithHelper, staleMounts, unmount, unmountWithHelper } from '../fuse/mount.ts';
import { close } from '../host/syscall.ts';
import type { ConnectionProfile } from './connectionProfile.ts';
import { RequestError } from './requestError.ts';

/** One FUSE connection that the main thread owns: the descriptor and where it is mounted. */
export interface Mounted {
  readonly connection: number;
  readonly fd: number;
  /** Absolute, without a symlink in it; Node's string. */
  readonly mountpoint: string;
  readonly idShift: number;
  /** Number of the mountpoint below RUN/mnt, and of the id range; undefined for other places. */
  readonly slot: number | undefined;
  /** As wished for, then as it was agreed with the Linux kernel. */
  profile: ConnectionProfile;
  /** The connection whose view this is mounted in, as a part of it. */
  readonly partOf?: number;
}

export interface MountFlags {
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  readonly suid: boolean;
  readonly dev: boolean;
}

/** A private high range that no system hands out: from 0x7000_0000 on, 65536 ids an agent, below 2^31. */
const ID_SHIFT_BASE = 1_879_048_192;
const ID_RANGE = 65_536;
const SLOTS_MAX = 4096;

export class Mounter {
  readonly #mounts: string;
  readonly #slots = new Set<number>();
  /** Where views are at directories of the user's, or about to be. No view may look there. */
  readonly places = new Set<string>();
  readonly root: boolean;
  /** What a connection gets that nobody chose for: backing files may be registered by root in the first namespace. */
  readonly best: ConnectionProfile;
  #nextConnection = 1;

  /** @param mounts the directory of the agents' mountpoints, without a symlink in it */
  constructor(mounts: string) {
    this.#mounts = mounts;
    this.root = process.getuid!() === 0;
    const initial = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'latin1'));
    this.best = this.root && initial ? 'passthrough' : 'open';
  }

  /** An agent's own mount at the first free RUN/mnt/<n>; as root with an id range of its own. */
  async mountAgent(label: string): Promise<Mounted> {
    const slot = this.#takeSlot();
    const mountpoint = path.join(this.#mounts, String(slot));
    try {
      mkdirSync(mountpoint, { mode: 0o700, recursive: true });
      // The sandbox's ids are other ids on the host: they may enter because the directory above is closed to all.
      const fd = await this.#mount(mountpoint, label, {
        allowOther: this.root,
        readOnly: false,
        suid: false,
        dev: false,
      });
      const idShift = this.root ? ID_SHIFT_BASE + slot * ID_RANGE : 0;
      return { connection: this.#nextConnection++, fd, mountpoint, idShift, slot, profile: this.best };
    } catch (error) {
      this.#slots.delete(slot);
      throw new RequestError('environment', `cannot mount: ${String((error as Error).message ?? error)}`, {
        cause: error,
      });
    }
  }

  /** A mount at a directory that exists, ids as on the host. */
  async mountAt(
    mountpoint: string,
    label: string,
    flags: MountFlags,
    profile: ConnectionProfile = this.best,
  ): Promise<Mounted> {
    const fd = await this.#mount(mountpoint, label, flags);
    return { connection: this.#nextConnection++, fd, mountpoint, idShift: 0, slot: undefined, profile };
  }

  /**
   * A directory of a view as a connection of its own, mounted in it. By the helper also as root: the way there leads
   * through a mount that this process serves, and a thread of it that waits there might wait for good.
   */
  async mountPart(whole: Mounted, directory: string, label: string, flags: MountFlags): Promise<Mounted> {
    const mountpoint = `${whole.mountpoint}${directory}`;
    const fd = await mountWithHelper(mountpoint, { label: `agentsh:${label}`, ...flags });
    const part = { connection: this.#nextConnection++, fd, mountpoint, idShift: whole.idShift, slot: undefined };
    return { ...part, profile: 'cached', partOf: whole.connection };
  }

  /** Takes a part out of its view, which then shows what is there. It does so too when the whole view is unmounted. */
  unmountPart({ mountpoint }: Mounted): Promise<void> {
    return unmountWithHelper(mountpoint);
  }

  /**
   * Takes the mount out of the tree, without touching what may have been mounted there since it went.
   * With `force` the connection is aborted first: what waits for an answer gets ENOTCONN instead of hanging.
   */
  async unmount(mounted: Mounted, force = false): Promise<void> {
    const { mountpoint, slot } = mounted;
    if (staleMounts(mountpoint).includes(mountpoint)) {
      if (force) abort(mountpoint);
      if (staleMounts(mountpoint).includes(mountpoint)) await unmount(mountpoint);
    }
    if (slot === undefined) return;
    try {
      rmdirSync(mountpoint);
      this.#slots.delete(slot);
    } catch {
      // Something else is mounted there: the number stays taken, boot cleans it.
    }
  }

  /** Closes the device: where it was the last descriptor, the connection is over. */
  closeDevice(mounted: Mounted): void {
    close(mounted.fd);
  }

  async #mount(mountpoint: string, label: string, flags: MountFlags): Promise<number> {
    const options = { label: `agentsh:${label}`, ...flags };
    return this.root ? mountDirect(mountpoint, options) : mountWithHelper(mountpoint, options);
  }

  #takeSlot(): number {
    for (let slot = 0; slot < SLOTS_MAX; slot++) {
      if (this.#slots.has(slot)) continue;
      this.#slots.add(slot);
      return slot;
    }
    throw new RequestError('EMFILE', `${SLOTS_MAX} agents are live already`);
  }
}
