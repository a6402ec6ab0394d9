// Every case there is, by family; one line a family.
import type { Cases } from './case.ts';
import { accessCases } from './cases/access.ts';
import { aclCases } from './cases/acl.ts';
import { anyNameCases } from './cases/anyName.ts';
import { badAddressCases } from './cases/badAddress.ts';
import { busyTextCases } from './cases/busyText.ts';
import { chdirCases } from './cases/chdir.ts';
import { chmodCases } from './cases/chmod.ts';
import { chownCases } from './cases/chown.ts';
import { coherenceCases } from './cases/coherence.ts';
import { copyFileRangeCases } from './cases/copyFileRange.ts';
import { directoryLinksCases } from './cases/directoryLinks.ts';
import { directoryStreamCases } from './cases/directoryStream.ts';
import { execveCases } from './cases/execve.ts';
import { fallocateCases } from './cases/fallocate.ts';
import { fcntlCases } from './cases/fcntl.ts';
import { fileHandlesCases } from './cases/fileHandles.ts';
import { flockCases } from './cases/flock.ts';
import { fsyncCases } from './cases/fsync.ts';
import { inodeNumbersCases } from './cases/inodeNumbers.ts';
import { inotifyCases } from './cases/inotify.ts';
import { largeFilesCases } from './cases/largeFiles.ts';
import { linkCases } from './cases/link.ts';
import { linkLowerCases } from './cases/linkLower.ts';
import { lseekCases } from './cases/lseek.ts';
import { mkdirCases } from './cases/mkdir.ts';
import { mknodCases } from './cases/mknod.ts';
import { mmapCases } from './cases/mmap.ts';
import { mmapErrorsCases } from './cases/mmapErrors.ts';
import { mremapCases, msyncCases } from './cases/msync.ts';
import { nameErrorsCases } from './cases/nameErrors.ts';
import { nameTimesCases } from './cases/nameTimes.ts';
import { openCases } from './cases/open.ts';
import { openat2Cases } from './cases/openat2.ts';
import { openErrorsCases } from './cases/openErrors.ts';
import { openFlagsCases } from './cases/openFlags.ts';
import { openKindsCases } from './cases/openKinds.ts';
import { openPathCases } from './cases/openPath.ts';
import { openTmpfileCases } from './cases/openTmpfile.ts';
import { readCases } from './cases/read.ts';
import { readvCases } from './cases/readv.ts';
import { recordLocksCases } from './cases/recordLocks.ts';
import { renameCases } from './cases/rename.ts';
import { renameFlagsCases } from './cases/renameFlags.ts';
import { renameKindsCases } from './cases/renameKinds.ts';
import { renameTreesCases } from './cases/renameTrees.ts';
import { rmdirCases } from './cases/rmdir.ts';
import { sendfileCases, spliceCases } from './cases/splice.ts';
import { statCases } from './cases/stat.ts';
import { statfsCases } from './cases/statfs.ts';
import { stickyCases } from './cases/sticky.ts';
import { readlinkCases, symlinkCases } from './cases/symlink.ts';
import { textBusyCases } from './cases/textBusy.ts';
import { timesCases } from './cases/times.ts';
import { truncateCases } from './cases/truncate.ts';
import { unlinkCases } from './cases/unlink.ts';
import { unlinkedCases } from './cases/unlinked.ts';
import { utimensatCases } from './cases/utimensat.ts';
import { whiteoutsCases } from './cases/whiteouts.ts';
import { writeCases } from './cases/write.ts';
import { setxattrCases } from './cases/xattr.ts';
import { getxattrCases, listxattrCases, removexattrCases } from './cases/xattrAnswers.ts';

export const CASES: Readonly<Record<string, Cases>> = {
  access: accessCases,
  acl: aclCases,
  anyName: anyNameCases,
  badAddress: badAddressCases,
  busyText: busyTextCases,
  chdir: chdirCases,
  chmod: chmodCases,
  chown: chownCases,
  coherence: coherenceCases,
  copyFileRange: copyFileRangeCases,
  directoryLinks: directoryLinksCases,
  directoryStream: directoryStreamCases,
  execve: execveCases,
  fallocate: fallocateCases,
  fcntl: fcntlCases,
  fileHandles: fileHandlesCases,
  flock: flockCases,
  fsync: fsyncCases,
  getxattr: getxattrCases,
  inodeNumbers: inodeNumbersCases,
  inotify: inotifyCases,
  largeFiles: largeFilesCases,
  link: linkCases,
  linkLower: linkLowerCases,
  listxattr: listxattrCases,
  lseek: lseekCases,
  mkdir: mkdirCases,
  mknod: mknodCases,
  mmap: mmapCases,
  mmapErrors: mmapErrorsCases,
  mremap: mremapCases,
  msync: msyncCases,
  nameErrors: nameErrorsCases,
  nameTimes: nameTimesCases,
  open: openCases,
  openat2: openat2Cases,
  openErrors: openErrorsCases,
  openFlags: openFlagsCases,
  openKinds: openKindsCases,
  openPath: openPathCases,
  openTmpfile: openTmpfileCases,
  read: readCases,
  readlink: readlinkCases,
  readv: readvCases,
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
  stat: statCases,
  statfs: statfsCases,
  sticky: stickyCases,
  symlink: symlinkCases,
  textBusy: textBusyCases,
  times: timesCases,
  truncate: truncateCases,
  unlink: unlinkCases,
  unlinked: unlinkedCases,
  utimensat: utimensatCases,
  whiteouts: whiteoutsCases,
  write: writeCases,
};
