// Every case there is, by family; one line a family.
import type { Cases } from './case.ts';
import { chmodCases } from './cases/chmod.ts';
import { chownCases } from './cases/chown.ts';
import { linkCases } from './cases/link.ts';
import { linkLowerCases } from './cases/linkLower.ts';
import { mkdirCases } from './cases/mkdir.ts';
import { mmapCases } from './cases/mmap.ts';
import { nameErrorsCases } from './cases/nameErrors.ts';
import { openCases } from './cases/open.ts';
import { renameCases } from './cases/rename.ts';
import { renameFlagsCases } from './cases/renameFlags.ts';
import { renameKindsCases } from './cases/renameKinds.ts';
import { rmdirCases } from './cases/rmdir.ts';
import { timesCases } from './cases/times.ts';
import { unlinkCases } from './cases/unlink.ts';
import { utimensatCases } from './cases/utimensat.ts';

export const CASES: Readonly<Record<string, Cases>> = {
  chmod: chmodCases,
  chown: chownCases,
  link: linkCases,
  linkLower: linkLowerCases,
  mkdir: mkdirCases,
  mmap: mmapCases,
  nameErrors: nameErrorsCases,
  open: openCases,
  rename: renameCases,
  renameFlags: renameFlagsCases,
  renameKinds: renameKindsCases,
  rmdir: rmdirCases,
  times: timesCases,
  unlink: unlinkCases,
  utimensat: utimensatCases,
};
