// Access control lists: kept, enforced, in step with the mode, and inherited.
import { as, OTHER, STRANGER } from '../caller.ts';
import { ACL, aclBytes, aclOf, setAcl } from '../calls/acl.ts';
import { access, chmod, chown, lstat, stat, umask } from '../calls/attributes.ts';
import { pwrite, truncate } from '../calls/data.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { linkat, mkdir, mknod, rename, S, symlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import { listxattr, lsetxattr, removexattr, setxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const STRANGER_READS = `u::rw-,u:${STRANGER.uid}:r--,g::---,m::r--,o::---`;
const DEFAULT = `u::rwx,u:${STRANGER.uid}:rwx,g::r-x,m::rwx,o::r-x`;
const permissions = (path: string) => lstat(path).mode & 0o777;

function prepareFile(directory: string): void {
  writeFile(`${directory}/file`, 'content');
  writeFile(`${directory}/listed`, 'content');
  setAcl(`${directory}/listed`, ACL.ACCESS, STRANGER_READS);
}

/** A directory whose new objects take over a list. */
function prepareDefault(directory: string): void {
  mkdir(`${directory}/sub`);
  setAcl(`${directory}/sub`, ACL.DEFAULT, DEFAULT);
}

export const aclCases: Cases = {
  'a list is kept as it was set, and gives the mode': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      equal(aclOf(file, ACL.ACCESS), null, 'none at first');
      setAcl(file, ACL.ACCESS, 'u::rwx,u:64001:rw-,g::r--,g:64002:--x,m::rwx,o::r--');
      equal(aclOf(file, ACL.ACCESS), 'u::rwx,u:64001:rw-,g::r--,g:64002:--x,m::rwx,o::r--');
      equal(permissions(file), 0o774);
      holds(listxattr(file).includes(ACL.ACCESS), 'it is listed');
    },
  },
  'a list that was there before shows, and goes on through a write': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/listed`;
      equal(aclOf(file, ACL.ACCESS), STRANGER_READS);
      equal(permissions(file), 0o640);
      withFile(file, O.WRONLY, (fd) => void pwrite(fd, 'X', 0));
      truncate(file, 3);
      rename(file, `${directory}/renamed`);
      equal(aclOf(`${directory}/renamed`, ACL.ACCESS), STRANGER_READS);
      equal(permissions(`${directory}/renamed`), 0o640);
      equal(readFile(`${directory}/renamed`), 'Xon');
    },
  },
  'chmod changes owner, mask and others of the list': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/listed`;
      chmod(file, 0o751);
      equal(aclOf(file, ACL.ACCESS), `u::rwx,u:${STRANGER.uid}:r--,g::---,m::r-x,o::--x`);
      equal(permissions(file), 0o751);
      chmod(file, 0o604);
      equal(aclOf(file, ACL.ACCESS), `u::rw-,u:${STRANGER.uid}:r--,g::---,m::---,o::r--`);
    },
  },
  'without a mask the mode shows the group': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      setAcl(file, ACL.ACCESS, 'u::rw-,g::r-x,o::--x');
      equal(permissions(file), 0o651);
      equal(aclOf(file, ACL.ACCESS), null, 'the mode says it all');
    },
  },
  'removing the list leaves the mode': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/listed`;
      removexattr(file, ACL.ACCESS);
      equal(aclOf(file, ACL.ACCESS), null);
      equal(permissions(file), 0o640);
      equal(readFile(file), 'content');
    },
  },
  'EINVAL for a list that is none': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/listed`;
      for (const text of ['u::rw-,g::r--', 'u::rw-,u:64001:r--,g::r--,o::r--', 'u::rw-,g::r--,o::r--,u:64001:r--'])
        refuses('EINVAL', () => setAcl(file, ACL.ACCESS, text));
      refuses('EINVAL', () => setxattr(file, ACL.ACCESS, Buffer.from([1, 2, 3])));
      const odd = aclBytes('u::rw-,g::r--,o::r--');
      refuses('EINVAL', () => setxattr(file, ACL.ACCESS, odd.subarray(0, odd.length - 1)));
      refuses('EOPNOTSUPP', () => setxattr(file, ACL.ACCESS, Buffer.from([1, 0, 0, 0])));
      equal(aclOf(file, ACL.ACCESS), STRANGER_READS);
    },
  },
  'a default list belongs to directories, and a link has none': {
    prepare: (directory) => {
      prepareFile(directory);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      refuses('EACCES', () => setAcl(`${directory}/file`, ACL.DEFAULT, DEFAULT));
      refuses('EOPNOTSUPP', () => lsetxattr(`${directory}/link`, ACL.ACCESS, aclBytes(STRANGER_READS)));
    },
  },
  'a default list leaves the mode of its directory': {
    prepare: (directory) => void mkdir(`${directory}/sub`, 0o750),
    run: (directory) => {
      setAcl(`${directory}/sub`, ACL.DEFAULT, DEFAULT);
      equal(permissions(`${directory}/sub`), 0o750);
      equal(aclOf(`${directory}/sub`, ACL.DEFAULT), DEFAULT);
      equal(aclOf(`${directory}/sub`, ACL.ACCESS), null);
      removexattr(`${directory}/sub`, ACL.DEFAULT);
      equal(aclOf(`${directory}/sub`, ACL.DEFAULT), null);
    },
  },
  'new files take over the default list, whatever the umask': {
    prepare: prepareDefault,
    run: (directory) => {
      umask(0o077);
      const file = `${directory}/sub/file`;
      close(open(file, O.CREAT | O.WRONLY, 0o666));
      equal(aclOf(file, ACL.ACCESS), `u::rw-,u:${STRANGER.uid}:rwx,g::r-x,m::rw-,o::r--`);
      equal(permissions(file), 0o664);
      equal(aclOf(file, ACL.DEFAULT), null);
      mknod(`${directory}/sub/fifo`, S.IFIFO | 0o600);
      equal(permissions(`${directory}/sub/fifo`), 0o600);
      equal(aclOf(`${directory}/sub/fifo`, ACL.ACCESS), `u::rw-,u:${STRANGER.uid}:rwx,g::r-x,m::---,o::---`);
    },
  },
  'new directories take over the default list for themselves and for what comes in them': {
    prepare: prepareDefault,
    run: (directory) => {
      const inner = `${directory}/sub/inner`;
      mkdir(inner, 0o700);
      equal(permissions(inner), 0o700);
      equal(aclOf(inner, ACL.ACCESS), `u::rwx,u:${STRANGER.uid}:rwx,g::r-x,m::---,o::---`);
      equal(aclOf(inner, ACL.DEFAULT), DEFAULT);
      writeFile(`${inner}/file`, '', 0o640);
      equal(aclOf(`${inner}/file`, ACL.ACCESS), `u::rw-,u:${STRANGER.uid}:rwx,g::r-x,m::r--,o::---`);
    },
  },
  'a file without a name takes over the default list, and keeps it when named': {
    prepare: prepareDefault,
    run: (directory) => {
      umask(0o077);
      const fd = open(`${directory}/sub`, O.TMPFILE | O.RDWR, 0o660);
      const wanted = `u::rw-,u:${STRANGER.uid}:rwx,g::r-x,m::rw-,o::---`;
      equal(aclOf(fd, ACL.ACCESS), wanted);
      linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, `${directory}/sub/named`, AT.SYMLINK_FOLLOW);
      close(fd);
      equal(aclOf(`${directory}/sub/named`, ACL.ACCESS), wanted);
      equal(permissions(`${directory}/sub/named`), 0o660);
    },
  },
  'a symbolic link takes over nothing': {
    prepare: prepareDefault,
    run: (directory) => {
      symlink('nowhere', `${directory}/sub/link`);
      equal(lstat(`${directory}/sub/link`).mode & 0o777, 0o777);
    },
  },
  'what is moved in keeps its own list': {
    prepare: (directory) => {
      prepareDefault(directory);
      prepareFile(directory);
    },
    run: (directory) => {
      rename(`${directory}/listed`, `${directory}/sub/listed`);
      rename(`${directory}/file`, `${directory}/sub/file`);
      equal(aclOf(`${directory}/sub/listed`, ACL.ACCESS), STRANGER_READS);
      equal(aclOf(`${directory}/sub/file`, ACL.ACCESS), null);
    },
  },
  'a named user gets what the list and the mask grant, and others do not': {
    root: true,
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/listed`;
      as(STRANGER, () => {
        equal(readFile(file), 'content');
        refuses('EACCES', () => open(file, O.WRONLY));
      });
      as(OTHER, () => refuses('EACCES', () => open(file, O.RDONLY)));
      chmod(file, 0o600);
      as(STRANGER, () => refuses('EACCES', () => open(file, O.RDONLY)));
      setAcl(file, ACL.ACCESS, `u::rw-,u:${STRANGER.uid}:rw-,g::---,m::rw-,o::---`);
      as(STRANGER, () => withFile(file, O.WRONLY, (fd) => void pwrite(fd, 'X', 0)));
      as(STRANGER, () => equal(access(file, 4), 0));
      equal(readFile(file), 'Xontent');
    },
  },
  'a named group gets what the list grants': {
    root: true,
    prepare: (directory) => {
      mkdir(`${directory}/sub`, 0o700);
      writeFile(`${directory}/sub/file`, 'content');
      setAcl(`${directory}/sub`, ACL.ACCESS, `u::rwx,g::---,g:${OTHER.gid}:rwx,m::rwx,o::---`);
    },
    run: (directory) => {
      as(OTHER, () => {
        equal(readFile(`${directory}/sub/file`), 'content');
        mkdir(`${directory}/sub/made`);
      });
      as({ ...STRANGER, groups: [OTHER.gid] }, () => equal(readFile(`${directory}/sub/file`), 'content'));
      as(STRANGER, () => refuses('EACCES', () => open(`${directory}/sub/file`, O.RDONLY)));
      equal(stat(`${directory}/sub/made`).uid, OTHER.uid, 'owner');
    },
  },
  'a list that takes away from a named user holds against the mode': {
    root: true,
    prepare: (directory) => writeFile(`${directory}/file`, 'content', 0o666),
    run: (directory) => {
      chmod(`${directory}/file`, 0o666);
      setAcl(`${directory}/file`, ACL.ACCESS, `u::rw-,u:${STRANGER.uid}:---,g::rw-,m::rw-,o::rw-`);
      as(STRANGER, () => refuses('EACCES', () => open(`${directory}/file`, O.RDONLY)));
      as(OTHER, () => equal(readFile(`${directory}/file`), 'content'));
    },
  },
  "EPERM to change the list of another's file": {
    root: true,
    prepare: (directory) => writeFile(`${directory}/file`, 'content', 0o666),
    run: (directory) => {
      chmod(`${directory}/file`, 0o666);
      as(STRANGER, () => {
        refuses('EPERM', () => setAcl(`${directory}/file`, ACL.ACCESS, STRANGER_READS));
        refuses('EPERM', () => removexattr(`${directory}/file`, ACL.ACCESS));
      });
      chown(`${directory}/file`, STRANGER.uid, STRANGER.gid);
      as(STRANGER, () => equal(setAcl(`${directory}/file`, ACL.ACCESS, STRANGER_READS), 0));
    },
  },
};
