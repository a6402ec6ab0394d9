// access(2), faccessat(2): may the caller, as who it really is.
import { as, STRANGER, unprivileged } from '../caller.ts';
import { access, chmod, chown, faccessat } from '../calls/attributes.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { mkdir, symlink } from '../calls/names.ts';
import { O } from '../calls/open.ts';
import { setxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { chain, longPath } from './openErrors.ts';

const F_OK = 0;
const X_OK = 1;
const W_OK = 2;
const R_OK = 4;
const LINKS_MAX = 40;
const PATH_BYTES_MAX = 4095;
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');
/** As who acts, not as who the process belongs to: `as` changes the effective ids alone. */
const eaccess = (path: string, mode: number) => faccessat(AT_FDCWD, path, mode, AT.EACCESS);

export const accessCases: Cases = {
  'F_OK asks whether it is there': {
    prepare: filePrepared,
    run: (directory) => {
      access(`${directory}/file`, F_OK);
      chmod(`${directory}/file`, 0);
      access(`${directory}/file`, F_OK);
      refuses('ENOENT', () => access(`${directory}/absent`, F_OK));
    },
  },
  'each permission by its bit': {
    prepare: (directory) => {
      for (const bits of [0, 1, 2, 4, 5, 6, 7]) writeFile(`${directory}/file${bits}`);
    },
    run: (directory) => {
      for (const bits of [0, 1, 2, 4, 5, 6, 7]) {
        const path = `${directory}/file${bits}`;
        chmod(path, bits * 0o111);
        unprivileged(() => {
          for (const asked of [R_OK, W_OK, X_OK, R_OK | W_OK, R_OK | X_OK, R_OK | W_OK | X_OK]) {
            if ((bits & asked) === asked) eaccess(path, asked);
            else refuses('EACCES', () => eaccess(path, asked));
          }
        });
      }
    },
  },
  'the class of owner, group and others decides alone': {
    root: true,
    prepare: filePrepared,
    run: (directory) => {
      chown(`${directory}/file`, STRANGER.uid, STRANGER.gid);
      chmod(`${directory}/file`, 0o077);
      as(STRANGER, () => refuses('EACCES', () => eaccess(`${directory}/file`, R_OK)));
      chown(`${directory}/file`, 0, STRANGER.gid);
      chmod(`${directory}/file`, 0o707);
      as(STRANGER, () => refuses('EACCES', () => eaccess(`${directory}/file`, R_OK)));
      chmod(`${directory}/file`, 0o040);
      as(STRANGER, () => eaccess(`${directory}/file`, R_OK));
      as({ uid: 64_003, gid: 64_003, groups: [STRANGER.gid] }, () => eaccess(`${directory}/file`, R_OK));
      as({ uid: 64_003, gid: 64_003 }, () => refuses('EACCES', () => eaccess(`${directory}/file`, R_OK)));
    },
  },
  'root reads and writes all, and executes what anybody may': {
    root: true,
    prepare: (directory) => {
      filePrepared(directory);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      chmod(`${directory}/file`, 0);
      access(`${directory}/file`, R_OK | W_OK);
      refuses('EACCES', () => access(`${directory}/file`, X_OK));
      chmod(`${directory}/file`, 0o001);
      access(`${directory}/file`, X_OK);
      chmod(`${directory}/sub`, 0);
      access(`${directory}/sub`, R_OK | W_OK | X_OK);
      chmod(`${directory}/sub`, 0o755);
    },
  },
  'the real ids count, the effective ones with AT_EACCESS': {
    root: true,
    prepare: filePrepared,
    run: (directory) => {
      chmod(`${directory}/file`, 0o600);
      as(STRANGER, () => {
        access(`${directory}/file`, R_OK | W_OK);
        refuses('EACCES', () => eaccess(`${directory}/file`, R_OK));
      });
    },
  },
  'an access list that names the caller lets it in': {
    root: true,
    prepare: filePrepared,
    run: (directory) => {
      chmod(`${directory}/file`, 0o600);
      // Version 2; user::rw-, user:STRANGER:r--, group::---, mask::r--, other::---.
      const entries: readonly (readonly [number, number, number])[] = [
        [1, 6, 0xffff_ffff],
        [2, 4, STRANGER.uid],
        [4, 0, 0xffff_ffff],
        [16, 4, 0xffff_ffff],
        [32, 0, 0xffff_ffff],
      ];
      const list = Buffer.alloc(4 + 8 * entries.length);
      list.writeUInt32LE(2, 0);
      entries.forEach(([tag, permission, id], at) => {
        list.writeUInt16LE(tag, 4 + 8 * at);
        list.writeUInt16LE(permission, 6 + 8 * at);
        list.writeUInt32LE(id, 8 + 8 * at);
      });
      setxattr(`${directory}/file`, 'system.posix_acl_access', list);
      as(STRANGER, () => {
        eaccess(`${directory}/file`, R_OK);
        refuses('EACCES', () => eaccess(`${directory}/file`, W_OK));
      });
    },
  },
  'EACCES below a directory that may not be searched': {
    prepare: (directory) => {
      mkdir(`${directory}/locked`);
      writeFile(`${directory}/locked/file`);
    },
    run: (directory) => {
      chmod(`${directory}/locked`, 0o666);
      unprivileged(() => refuses('EACCES', () => eaccess(`${directory}/locked/file`, F_OK)));
      chmod(`${directory}/locked`, 0o755);
    },
  },
  'follows links, unless it is told not to': {
    prepare: (directory) => {
      filePrepared(directory);
      symlink('file', `${directory}/link`);
      symlink('absent', `${directory}/dangling`);
    },
    run: (directory) => {
      access(`${directory}/link`, R_OK);
      refuses('ENOENT', () => access(`${directory}/dangling`, F_OK));
      faccessat(AT_FDCWD, `${directory}/dangling`, F_OK, AT.SYMLINK_NOFOLLOW);
    },
  },
  'relative to a directory, and ENOTDIR or EBADF from what is none': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(directory, O.PATH | O.DIRECTORY, (base) => {
        faccessat(base, 'file', R_OK, 0);
        refuses('ENOENT', () => faccessat(base, 'absent', F_OK, 0));
      });
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => faccessat(fd, 'x', F_OK, 0)));
      refuses('EBADF', () => faccessat(999_999, 'x', F_OK, 0));
    },
  },
  'ENOENT, ENOTDIR and ENAMETOOLONG of the path': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('ENOENT', () => access(`${directory}/absent/x`, F_OK));
      refuses('ENOENT', () => access('', F_OK));
      refuses('ENOTDIR', () => access(`${directory}/file/x`, F_OK));
      refuses('ENAMETOOLONG', () => access(`${directory}/${'n'.repeat(256)}`, F_OK));
      refuses('ENAMETOOLONG', () => access(longPath(directory, 'file', PATH_BYTES_MAX + 1), F_OK));
    },
  },
  'ELOOP after more than 40 links': {
    prepare: (directory) => {
      filePrepared(directory);
      chain(directory, LINKS_MAX + 1, 'file');
    },
    run: (directory) => {
      refuses('ELOOP', () => access(`${directory}/link1`, F_OK));
      access(`${directory}/link2`, F_OK);
    },
  },
  'EINVAL for modes and flags that do not exist': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('EINVAL', () => access(`${directory}/file`, 8));
      refuses('EINVAL', () => faccessat(AT_FDCWD, `${directory}/file`, F_OK, 0x4000_0000));
    },
  },
};
