// Every case there is, by family; one line a family.
import type { Cases } from './case.ts';
import { aclCases } from './cases/acl.ts';
import { anyNameCases } from './cases/anyName.ts';
import { chmodCases } from './cases/chmod.ts';
import { chownCases } from './cases/chown.ts';
import { coherenceCases } from './cases/coherence.ts';
import { copyFileRangeCases } from './cases/copyFileRange.ts';
import { directoryLinksCases } from './cases/directoryLinks.ts';
import { directoryStreamCases } from './cases/directoryStream.ts';
import { fallocateCases } from './cases/fallocate.ts';
import { fcntlCases } from './cases/fcntl.ts';
import { flockCases } from './cases/flock.ts';
import { fsyncCases } from './cases/fsync.ts';
import { inotifyCases } from './cases/inotify.ts';
import { largeFilesCases } from './cases/largeFiles.ts';
import { linkCases } from './cases/link.ts';
import { linkLowerCases } from './cases/linkLower.ts';
import { lseekCases } from './cases/lseek.ts';
import { mkdirCases } from './cases/mkdir.ts';
import { mknodCases } from './cases/mknod.ts';
import { mmapCases } from './cases/mmap.ts';
import { mremapCases, msyncCases } from './cases/msync.ts';
import { nameErrorsCases } from './cases/nameErrors.ts';
import { nameTimesCases } from './cases/nameTimes.ts';
import { openCases } from './cases/open.ts';
import { recordLocksCases } from './cases/recordLocks.ts';
import { renameCases } from './cases/rename.ts';
import { renameFlagsCases } from './cases/renameFlags.ts';
import { renameKindsCases } from './cases/renameKinds.ts';
import { renameTreesCases } from './cases/renameTrees.ts';
import { rmdirCases } from './cases/rmdir.ts';
import { sendfileCases, spliceCases } from './cases/splice.ts';
import { stickyCases } from './cases/sticky.ts';
import { readlinkCases, symlinkCases } from './cases/symlink.ts';
import { textBusyCases } from './cases/textBusy.ts';
import { timesCases } from './cases/times.ts';
import { truncateCases } from './cases/truncate.ts';
import { unlinkCases } from './cases/unlink.ts';
import { utimensatCases } from './cases/utimensat.ts';
import { whiteoutsCases } from './cases/whiteouts.ts';
import { setxattrCases } from './cases/xattr.ts';
import { getxattrCases, listxattrCases, removexattrCases } from './cases/xattrAnswers.ts';

export const CASES: Readonly<Record<string, Cases>> = {
  acl: aclCases,
  anyName: anyNameCases,
  chmod: chmodCases,
  chown: chownCases,
  coherence: coherenceCases,
  copyFileRange: copyFileRangeCases,
  directoryLinks: directoryLinksCases,
  directoryStream: directoryStreamCases,
  fallocate: fallocateCases,
  fcntl: fcntlCases,
  flock: flockCases,
  fsync: fsyncCases,
  getxattr: getxattrCases,
  inotify: inotifyCases,
  largeFiles: largeFilesCases,
  link: linkCases,
  linkLower: linkLowerCases,
  listxattr: listxattrCases,
  lseek: lseekCases,
  mkdir: mkdirCases,
  mknod: mknodCases,
  mmap: mmapCases,
  mremap: mremapCases,
  msync: msyncCases,
  nameErrors: nameErrorsCases,
  nameTimes: nameTimesCases,
  open: openCases,
  readlink: readlinkCases,
  recordLocks: recordLocksCases,
  removexattr: removexattrCases,
  rename: renameCases,
  renameFlags: renameFlagsCases,
  renameKinds: renameKindsCases,
  renameTrees: renameTreesCases,
  rmdir: rmdirCases,
  sendfile: sendfileCases,
  setxattr: setxattrCases,
  splice: spliceCases,
  sticky: stickyCases,
  symlink: symlinkCases,
  textBusy: textBusyCases,
  times: timesCases,
  truncate: truncateCases,
  unlink: unlinkCases,
  utimensat: utimensatCases,
  whiteouts: whiteoutsCases,
};
