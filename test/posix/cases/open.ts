// open(2), creat(2): descriptors, new files, and what stands in the way.

import { O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { refuses } from '../expect.ts';

export const openCases: Cases = {
  'ENOENT for a name that is not there': (directory) => refuses('ENOENT', () => open(`${directory}/absent`, O.RDONLY)),
};
