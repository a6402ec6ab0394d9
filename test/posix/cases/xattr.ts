// setxattr(2): attributes with names of the user's, what they are on and what keeps them.
import { as, OTHER, STRANGER, unprivileged } from '../caller.ts';
import { chmod, chown, fchmod, stat } from '../calls/attributes.ts';
import { pwrite, truncate } from '../calls/data.ts';
import { SystemError } from '../calls/libc.ts';
import { link, mkdir, mknod, rename, S, symlink, unlink } from '../calls/names.ts';
import { BAD_FD, O } from '../calls/open.ts';
import {
  getxattr,
  lgetxattr,
  listxattr,
  llistxattr,
  lremovexattr,
  lsetxattr,
  removexattr,
  setxattr,
  XATTR,
  xattrSize,
} from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { pathErrorCases } from '../pathErrors.ts';
import { afterTick } from '../tick.ts';

const VALUE_BYTES_MAX = 65_536;
const NAME_BYTES_MAX = 255;
export const textOf = (target: string | number, name: string) => getxattr(target, name).toString('latin1');
/** What cases list: a security module may add names of its own. */
export const userNames = (names: readonly string[]) => names.filter((name) => name.startsWith('user.'));

export function prepareFile(directory: string): void {
  writeFile(`${directory}/file`, 'content');
  setxattr(`${directory}/file`, 'user.old', 'there before');
}

/** Runs `act`; false where the file system keeps no such attribute. */
function supported(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EOPNOTSUPP') return false;
    throw error;
  }
}

export const setxattrCases: Cases = {
  ...pathErrorCases((path) => setxattr(path, 'user.name', 'value')),
  'sets and replaces, beside what was there': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      setxattr(file, 'user.new', 'value');
      equal(textOf(file, 'user.new'), 'value');
      equal(textOf(file, 'user.old'), 'there before');
      setxattr(file, 'user.old', 'replaced');
      equal(textOf(file, 'user.old'), 'replaced');
      equal(userNames(listxattr(file)), ['user.new', 'user.old']);
    },
  },
  'holds any bytes, none and many': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      const values = [0, 1, 255, 256, 1_000, 3_000].map((size) =>
        Buffer.from(Array.from({ length: size }, (_, at) => at % 256)),
      );
      for (const value of values) {
        setxattr(file, 'user.bytes', value);
        equal(getxattr(file, 'user.bytes'), value, `${value.length} bytes`);
        equal(xattrSize(file, 'user.bytes'), value.length, 'size');
      }
    },
  },
  'a value of 64 KiB is kept, or refused for want of space': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      const value = Buffer.alloc(VALUE_BYTES_MAX, 'v');
      try {
        setxattr(file, 'user.large', value);
      } catch (error) {
        if (!(error instanceof SystemError && ['ENOSPC', 'E2BIG'].includes(error.code))) throw error;
        refuses('ENODATA', () => getxattr(file, 'user.large'));
        return;
      }
      equal(getxattr(file, 'user.large'), value);
    },
  },
  'E2BIG for a value of more than 64 KiB': {
    prepare: prepareFile,
    run: (directory) =>
      refuses('E2BIG', () => setxattr(`${directory}/file`, 'user.large', Buffer.alloc(VALUE_BYTES_MAX + 1))),
  },
  'many attributes of one file': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      const names = Array.from({ length: 60 }, (_, at) => `user.attribute-${String(at).padStart(3, '0')}`);
      for (const name of names) setxattr(file, name, `of ${name}`);
      equal(userNames(listxattr(file)), [...names, 'user.old']);
      for (const name of names) equal(textOf(file, name), `of ${name}`);
      for (const name of names.slice(0, 59)) removexattr(file, name);
      equal(userNames(listxattr(file)), ['user.attribute-059', 'user.old']);
    },
  },
  'a name of 255 bytes, and of any bytes': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      for (const name of [`user.${'n'.repeat(NAME_BYTES_MAX - 5)}`, 'user.\xff\x01 \n', 'user.a.b/c']) {
        setxattr(file, name, 'value');
        equal(textOf(file, name), 'value');
        holds(listxattr(file).includes(name), `${name} is listed`);
        removexattr(file, name);
      }
    },
  },
  'ERANGE for a name of 256 bytes and for none': {
    prepare: prepareFile,
    run: (directory) => {
      refuses('ERANGE', () => setxattr(`${directory}/file`, `user.${'n'.repeat(NAME_BYTES_MAX - 4)}`, 'value'));
      refuses('ERANGE', () => setxattr(`${directory}/file`, '', 'value'));
      refuses('ERANGE', () => getxattr(`${directory}/file`, `user.${'n'.repeat(NAME_BYTES_MAX - 4)}`));
    },
  },
  'EINVAL for a prefix without a name, and for unknown flags': {
    prepare: prepareFile,
    run: (directory) => {
      refuses('EINVAL', () => setxattr(`${directory}/file`, 'user.', 'value'));
      refuses('EINVAL', () => setxattr(`${directory}/file`, 'user.name', 'value', 4));
    },
  },
  'XATTR_CREATE makes, and EEXIST where it is there': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      setxattr(file, 'user.new', 'value', XATTR.CREATE);
      refuses('EEXIST', () => setxattr(file, 'user.new', 'again', XATTR.CREATE));
      refuses('EEXIST', () => setxattr(file, 'user.old', 'again', XATTR.CREATE));
      equal(textOf(file, 'user.new'), 'value');
      equal(textOf(file, 'user.old'), 'there before');
    },
  },
  'XATTR_REPLACE replaces, and ENODATA where there is none': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      setxattr(file, 'user.old', 'replaced', XATTR.REPLACE);
      equal(textOf(file, 'user.old'), 'replaced');
      refuses('ENODATA', () => setxattr(file, 'user.new', 'value', XATTR.REPLACE));
      removexattr(file, 'user.old');
      refuses('ENODATA', () => setxattr(file, 'user.old', 'value', XATTR.REPLACE));
      refuses('ENODATA', () => getxattr(file, 'user.new'));
    },
  },
  'EOPNOTSUPP for a namespace nobody knows': {
    prepare: prepareFile,
    run: (directory) => {
      for (const name of ['nothing.name', 'name', 'system.name'])
        refuses('EOPNOTSUPP', () => setxattr(`${directory}/file`, name, 'value'));
      refuses('EOPNOTSUPP', () => getxattr(`${directory}/file`, 'nothing.name'));
      refuses('EOPNOTSUPP', () => removexattr(`${directory}/file`, 'nothing.name'));
    },
  },
  'EPERM for user attributes of what is neither file nor directory': {
    prepare: (directory) => {
      symlink('nowhere', `${directory}/link`);
      mknod(`${directory}/fifo`, S.IFIFO | 0o666);
      mknod(`${directory}/socket`, S.IFSOCK | 0o666);
    },
    run: (directory) => {
      refuses('EPERM', () => lsetxattr(`${directory}/link`, 'user.name', 'value'));
      for (const name of ['fifo', 'socket'])
        refuses('EPERM', () => setxattr(`${directory}/${name}`, 'user.name', 'value'));
      refuses('ENODATA', () => lgetxattr(`${directory}/link`, 'user.name'));
      refuses('EPERM', () => lremovexattr(`${directory}/link`, 'user.name'));
      equal(userNames(llistxattr(`${directory}/link`)), []);
    },
  },
  'EACCES to set without write permission, and to get without read permission': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      chmod(file, 0o444);
      unprivileged(() => {
        refuses('EACCES', () => setxattr(file, 'user.new', 'value'));
        refuses('EACCES', () => removexattr(file, 'user.old'));
        equal(textOf(file, 'user.old'), 'there before');
      });
      chmod(file, 0o222);
      unprivileged(() => {
        refuses('EACCES', () => getxattr(file, 'user.old'));
        setxattr(file, 'user.new', 'value');
      });
    },
  },
  'EPERM in a sticky directory for another than its owner': {
    root: true,
    prepare: (directory) => {
      mkdir(`${directory}/sticky`);
      chown(`${directory}/sticky`, STRANGER.uid, STRANGER.gid);
    },
    run: (directory) => {
      chmod(`${directory}/sticky`, 0o1777);
      as(OTHER, () => refuses('EPERM', () => setxattr(`${directory}/sticky`, 'user.name', 'value')));
      as(STRANGER, () => equal(setxattr(`${directory}/sticky`, 'user.name', 'value'), 0));
    },
  },
  'trusted and security attributes are kept, or refused with EOPNOTSUPP': {
    root: true,
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      for (const name of ['trusted.name', 'security.name']) {
        if (!supported(() => setxattr(file, name, 'value'))) continue;
        equal(textOf(file, name), 'value');
        removexattr(file, name);
        refuses('ENODATA', () => getxattr(file, name));
      }
    },
  },
  'trusted attributes are nothing to an ordinary user': {
    prepare: prepareFile,
    run: (directory) => {
      chmod(`${directory}/file`, 0o666);
      unprivileged(() => {
        refuses('EPERM', () => setxattr(`${directory}/file`, 'trusted.name', 'value'));
        refuses('ENODATA', () => getxattr(`${directory}/file`, 'trusted.name'));
        equal(
          listxattr(`${directory}/file`).filter((name) => name.startsWith('trusted.')),
          [],
        );
      });
    },
  },
  'by descriptor, link and path: the file': {
    prepare: (directory) => {
      prepareFile(directory);
      symlink('file', `${directory}/link`);
      link(`${directory}/file`, `${directory}/other`);
    },
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        setxattr(fd, 'user.descriptor', '1');
        setxattr(`${directory}/link`, 'user.link', '2');
        setxattr(`${directory}/other`, 'user.other', '3');
        equal(
          ['descriptor', 'link', 'other'].map((name) => textOf(fd, `user.${name}`)),
          ['1', '2', '3'],
        );
        equal(userNames(listxattr(fd)), ['user.descriptor', 'user.link', 'user.old', 'user.other']);
        removexattr(fd, 'user.old');
        refuses('ENODATA', () => getxattr(`${directory}/other`, 'user.old'));
        unlink(`${directory}/file`);
        unlink(`${directory}/other`);
        setxattr(fd, 'user.after', '4');
        equal(textOf(fd, 'user.after'), '4', 'unlinked');
      });
    },
  },
  'of a directory, through a rename': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      setxattr(`${directory}/sub`, 'user.old', 'there before');
      writeFile(`${directory}/sub/inner`);
    },
    run: (directory) => {
      setxattr(`${directory}/sub`, 'user.new', 'value');
      rename(`${directory}/sub`, `${directory}/renamed`);
      equal(userNames(listxattr(`${directory}/renamed`)), ['user.new', 'user.old']);
      removexattr(`${directory}/renamed`, 'user.old');
      equal(userNames(listxattr(`${directory}/renamed`)), ['user.new']);
      equal(userNames(listxattr(`${directory}/renamed/inner`)), []);
    },
  },
  'stay with the file through writes, cuts, modes and renames': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      withFile(file, O.RDWR, (fd) => {
        pwrite(fd, 'X', 0);
        equal(textOf(fd, 'user.old'), 'there before', 'after a write');
        fchmod(fd, 0o600);
      });
      truncate(file, 2);
      equal(textOf(file, 'user.old'), 'there before', 'after a cut');
      rename(file, `${directory}/renamed`);
      equal(textOf(`${directory}/renamed`, 'user.old'), 'there before', 'after a rename');
      writeFile(file);
      equal(userNames(listxattr(file)), [], 'another file of the old name');
    },
  },
  'are not content: setting one leaves the bytes and moves the inode alone': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      const before = stat(file);
      const tick = afterTick(directory);
      setxattr(file, 'user.new', 'value');
      const after = stat(file);
      equal(after.mtime, before.mtime, 'mtime');
      holds(after.ctime >= tick, 'ctime moves');
      equal(after.sizeBytes, 7, 'size');
      equal(after.ino, before.ino, 'inode');
    },
  },
  'EBADF for what is no open file': {
    prepare: prepareFile,
    run: (directory) => {
      refuses('EBADF', () => setxattr(BAD_FD, 'user.name', 'value'));
      withFile(`${directory}/file`, O.PATH, (fd) => {
        refuses('EBADF', () => setxattr(fd, 'user.name', 'value'));
        refuses('EBADF', () => getxattr(fd, 'user.old'));
        refuses('EBADF', () => listxattr(fd));
        refuses('EBADF', () => removexattr(fd, 'user.old'));
      });
    },
  },
};
