// As whom a system call is made: cases run as root and as an ordinary user, and some need both at once.

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
}

export const isRoot = (): boolean => process.getuid?.() === 0;
/** Two users that own nothing of the caller's. */
export const STRANGER: Identity = { uid: 64_001, gid: 64_001 };
export const OTHER: Identity = { uid: 64_002, gid: 64_002 };

/** Runs `act` with another identity's effective ids and groups, without capabilities. Needs root. */
export function as<T>({ uid, gid, groups = [] }: Identity, act: () => T): T {
  const before = process.getgroups!();
  process.setgroups!([...groups]);
  process.setegid!(gid);
  process.seteuid!(uid);
  try {
    return act();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(before);
  }
}

/** Runs `act` without root's privileges: as a stranger where the caller is root, else as the caller. */
export const unprivileged = <T>(act: () => T): T => (isRoot() ? as(STRANGER, act) : act());
