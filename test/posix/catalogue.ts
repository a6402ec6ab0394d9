// Every case there is, by family; one line a family.
import type { Cases } from './case.ts';
import { mkdirCases } from './cases/mkdir.ts';
import { mmapCases } from './cases/mmap.ts';
import { openCases } from './cases/open.ts';

export const CASES: Readonly<Record<string, Cases>> = {
  mkdir: mkdirCases,
  mmap: mmapCases,
  open: openCases,
};
