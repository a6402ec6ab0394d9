// The descriptors a program gets from us: which ones are refused, and which are lent to the sandbox's own root.
import { fchownSync, fstatSync, type Stats } from 'node:fs';
import { fstatfs } from '../../fs/host/syscall.ts';

const STANDARD = [0, 1, 2] as const;
const DEVPTS_SUPER_MAGIC = 0x1cd1;
const PIPEFS_MAGIC = 0x50495045;
const STATFS_BYTES = 120;

/** What is wrong with a descriptor a program would inherit: through a directory or a disk it would reach the host. */
export function descriptorProblem(fd: number): string | undefined {
  const found = fstatSync(fd);
  if (found.isDirectory()) return `descriptor ${fd} is a directory: through it ".." lists the host`;
  if (found.isBlockDevice()) return `descriptor ${fd} is a block device`;
  return undefined;
}

/**
 * `/dev/stdout` opens its terminal or pipe again by name, which root's shifted id may not: those belong to host uid 0.
 * So they belong to the sandbox's root while it runs. Only what is no file of any host directory is lent.
 */
export function lendStandardDescriptors(idShift: number): () => void {
  if (idShift === 0) return () => {};
  const lent: { readonly fd: number; readonly before: Stats }[] = [];
  for (const fd of STANDARD) {
    const before = fstatSync(fd);
    if (before.uid !== 0 || !isTerminalOrPipe(fd)) continue;
    fchownSync(fd, idShift, before.gid);
    lent.push({ fd, before });
  }
  return () => {
    for (const { fd, before } of lent) fchownSync(fd, before.uid, before.gid);
  };
}

function isTerminalOrPipe(fd: number): boolean {
  const found = Buffer.alloc(STATFS_BYTES);
  if (fstatfs(fd, found) < 0) return false;
  const type = Number(found.readBigUInt64LE(0));
  return type === DEVPTS_SUPER_MAGIC || type === PIPEFS_MAGIC;
}
