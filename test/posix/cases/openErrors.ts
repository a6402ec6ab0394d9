// open(2): what stands in the way.
import { readFileSync } from 'node:fs';
import { as, OTHER, STRANGER, unprivileged } from '../caller.ts';
import { chmod, chown, stat } from '../calls/attributes.ts';
import { write } from '../calls/data.ts';
import { RLIMIT, withLimit } from '../calls/limits.ts';
import { bindSocket, mkdir, mknod, S, symlink } from '../calls/names.ts';
import { close, creat, O, open, openat } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const NAME_BYTES_MAX = 255;
const PATH_BYTES_MAX = 4095;
const LINKS_MAX = 40;
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');
/** A path to `name` of just so many bytes. */
export function longPath(directory: string, name: string, sizeBytes: number): string {
  const missing = sizeBytes - directory.length - 1 - name.length;
  return `${directory}/${'./'.repeat(Math.floor(missing / 2))}${missing % 2 === 1 ? '/' : ''}${name}`;
}
/** `link1` … `linkN`, each naming the next, the last one naming `target`. */
export function chain(directory: string, links: number, target: string): void {
  for (let at = 1; at <= links; at += 1) symlink(at === links ? target : `link${at + 1}`, `${directory}/link${at}`);
}
export function oneOfEachKind(directory: string): readonly string[] {
  writeFile(`${directory}/regular`, 'x');
  mkdir(`${directory}/directory`);
  symlink('regular', `${directory}/link`);
  symlink('absent', `${directory}/dangling`);
  mknod(`${directory}/fifo`, S.IFIFO | 0o644);
  close(bindSocket(`${directory}/socket`));
  return KINDS;
}
const KINDS = ['regular', 'directory', 'link', 'dangling', 'fifo', 'socket'];

export const openErrorsCases: Cases = {
  'ENOENT for a name that is not there': (directory) => refuses('ENOENT', () => open(`${directory}/absent`, O.RDONLY)),
  'ENOENT below a directory that is not there': (directory) =>
    refuses('ENOENT', () => open(`${directory}/absent/new`, O.CREAT | O.WRONLY)),
  'ENOENT through a dangling link': {
    prepare: (directory) => symlink('absent', `${directory}/link`),
    run: (directory) => {
      refuses('ENOENT', () => open(`${directory}/link`, O.RDWR));
      refuses('ENOENT', () => open(`${directory}/link/new`, O.CREAT | O.WRONLY));
    },
  },
  'ENOENT for an empty path': (directory) => {
    refuses('ENOENT', () => open('', O.RDONLY));
    const base = open(directory, O.RDONLY);
    refuses('ENOENT', () => openat(base, '', O.RDONLY));
    close(base);
  },
  'EEXIST with O_EXCL for every kind of thing there': {
    prepare: (directory) => void oneOfEachKind(directory),
    run: (directory) => {
      for (const name of KINDS) refuses('EEXIST', () => open(`${directory}/${name}`, O.CREAT | O.EXCL | O.RDWR));
      refuses('ENOENT', () => stat(`${directory}/absent`));
    },
  },
  'ENOTDIR where a directory of the path is none': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('ENOTDIR', () => open(`${directory}/file/x`, O.RDONLY));
      refuses('ENOTDIR', () => open(`${directory}/file/x`, O.CREAT | O.WRONLY));
      refuses('ENOTDIR', () => open(`${directory}/file/.`, O.RDONLY));
      refuses('ENOTDIR', () => open(`${directory}/file/..`, O.RDONLY));
      refuses('ENOTDIR', () => open(`${directory}/file/`, O.RDONLY));
    },
  },
  'ENOTDIR with O_DIRECTORY for what is no directory': {
    prepare: (directory) => void oneOfEachKind(directory),
    run: (directory) => {
      for (const name of ['regular', 'link', 'fifo', 'socket'])
        refuses('ENOTDIR', () => open(`${directory}/${name}`, O.RDONLY | O.DIRECTORY | O.NONBLOCK));
      close(open(`${directory}/directory`, O.RDONLY | O.DIRECTORY));
    },
  },
  'ENOTDIR from a descriptor of a file': {
    prepare: filePrepared,
    run: (directory) => withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => openat(fd, 'x', 0))),
  },
  'EBADF from no descriptor': () => refuses('EBADF', () => openat(999_999, 'x', O.RDONLY)),
  'EISDIR where a directory is opened for writing': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      refuses('EISDIR', () => open(`${directory}/sub`, O.WRONLY));
      refuses('EISDIR', () => open(`${directory}/sub`, O.RDWR));
      refuses('EISDIR', () => open(`${directory}/sub`, O.RDONLY | O.TRUNC));
      refuses('EISDIR', () => open(`${directory}/sub`, O.RDONLY | O.CREAT));
      refuses('EISDIR', () => creat(`${directory}/sub`, 0o644));
    },
  },
  'EISDIR for a new name with a slash behind': (directory) =>
    refuses('EISDIR', () => open(`${directory}/new/`, O.CREAT | O.WRONLY)),
  'ENAMETOOLONG from 256 bytes in a name': (directory) => {
    refuses('ENAMETOOLONG', () => open(`${directory}/${'n'.repeat(NAME_BYTES_MAX + 1)}`, O.RDONLY));
    refuses('ENAMETOOLONG', () => open(`${directory}/${'n'.repeat(NAME_BYTES_MAX + 1)}`, O.CREAT | O.WRONLY));
    refuses('ENAMETOOLONG', () => open(`${directory}/${'n'.repeat(NAME_BYTES_MAX + 1)}/x`, O.RDONLY));
  },
  'a name may have 255 bytes': {
    prepare: (directory) => writeFile(`${directory}/${'l'.repeat(NAME_BYTES_MAX)}`, 'there'),
    run: (directory) => {
      writeFile(`${directory}/${'n'.repeat(NAME_BYTES_MAX)}`, 'new');
      equal(readFile(`${directory}/${'n'.repeat(NAME_BYTES_MAX)}`), 'new');
      writeFile(`${directory}/${'l'.repeat(NAME_BYTES_MAX)}`, 'changed');
      equal(readFile(`${directory}/${'l'.repeat(NAME_BYTES_MAX)}`), 'changed');
    },
  },
  'ENAMETOOLONG from 4096 bytes in a path, not with 4095': {
    prepare: filePrepared,
    run: (directory) => {
      close(open(longPath(directory, 'file', PATH_BYTES_MAX), O.RDONLY));
      close(open(longPath(directory, 'made', PATH_BYTES_MAX), O.CREAT | O.WRONLY));
      refuses('ENAMETOOLONG', () => open(longPath(directory, 'file', PATH_BYTES_MAX + 1), O.RDONLY));
    },
  },
  'ELOOP for links that name each other': {
    prepare: (directory) => {
      symlink('b', `${directory}/a`);
      symlink('a', `${directory}/b`);
      symlink('self', `${directory}/self`);
    },
    run: (directory) => {
      refuses('ELOOP', () => open(`${directory}/a`, O.RDONLY));
      refuses('ELOOP', () => open(`${directory}/a/x`, O.CREAT | O.WRONLY));
      refuses('ELOOP', () => open(`${directory}/self`, O.CREAT | O.WRONLY));
    },
  },
  'ELOOP after more than 40 links': {
    prepare: (directory) => {
      filePrepared(directory);
      chain(directory, LINKS_MAX + 1, 'file');
    },
    run: (directory) => {
      refuses('ELOOP', () => open(`${directory}/link1`, O.RDONLY));
      equal(readFile(`${directory}/link2`), 'content');
    },
  },
  'ELOOP with O_NOFOLLOW for a link at the end, not before': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/file`, 'below');
      symlink('sub/file', `${directory}/link`);
      symlink('sub', `${directory}/way`);
      symlink('absent', `${directory}/dangling`);
    },
    run: (directory) => {
      refuses('ELOOP', () => open(`${directory}/link`, O.RDONLY | O.NOFOLLOW));
      refuses('ELOOP', () => open(`${directory}/dangling`, O.CREAT | O.WRONLY | O.NOFOLLOW));
      // A link is no directory either.
      refuses(['ENOTDIR', 'ELOOP'], () => open(`${directory}/way`, O.RDONLY | O.NOFOLLOW | O.DIRECTORY));
      close(open(`${directory}/way/file`, O.RDONLY | O.NOFOLLOW));
    },
  },
  'EACCES without the permission that the access needs': {
    prepare: (directory) => {
      writeFile(`${directory}/closed`, '', 0o600);
      writeFile(`${directory}/readOnly`, '', 0o444);
    },
    run: (directory) => {
      chmod(`${directory}/closed`, 0);
      unprivileged(() => {
        for (const flags of [O.RDONLY, O.WRONLY, O.RDWR]) refuses('EACCES', () => open(`${directory}/closed`, flags));
        refuses('EACCES', () => open(`${directory}/readOnly`, O.WRONLY));
        refuses('EACCES', () => open(`${directory}/readOnly`, O.RDWR));
        refuses('EACCES', () => open(`${directory}/readOnly`, O.RDONLY | O.TRUNC));
        close(open(`${directory}/readOnly`, O.RDONLY));
      });
    },
  },
  'EACCES to read where only writing is allowed': {
    root: true,
    prepare: (directory) => writeFile(`${directory}/writeOnly`),
    run: (directory) => {
      chmod(`${directory}/writeOnly`, 0o222);
      as(STRANGER, () => {
        refuses('EACCES', () => open(`${directory}/writeOnly`, O.RDONLY));
        refuses('EACCES', () => open(`${directory}/writeOnly`, O.RDWR));
        withFile(`${directory}/writeOnly`, O.WRONLY, (fd) => void write(fd, 'in'));
      });
      equal(readFile(`${directory}/writeOnly`), 'in');
    },
  },
  'EACCES below a directory that may not be searched': {
    prepare: (directory) => {
      mkdir(`${directory}/locked`);
      writeFile(`${directory}/locked/file`);
    },
    run: (directory) => {
      chmod(`${directory}/locked`, 0o666);
      unprivileged(() => {
        refuses('EACCES', () => open(`${directory}/locked/file`, O.RDONLY));
        refuses('EACCES', () => open(`${directory}/locked/absent`, O.RDONLY));
      });
      chmod(`${directory}/locked`, 0o755);
    },
  },
  'EACCES for a new file where the directory may not be written': {
    prepare: (directory) => {
      mkdir(`${directory}/locked`);
      writeFile(`${directory}/locked/file`, '', 0o666);
    },
    run: (directory) => {
      chmod(`${directory}/locked/file`, 0o666);
      chmod(`${directory}/locked`, 0o555);
      unprivileged(() => {
        refuses('EACCES', () => open(`${directory}/locked/new`, O.CREAT | O.WRONLY));
        close(open(`${directory}/locked/file`, O.CREAT | O.RDWR));
      });
      chmod(`${directory}/locked`, 0o755);
    },
  },
  'EACCES with O_CREAT in a sticky directory for the file of another': {
    root: true,
    run: (directory) => {
      mkdir(`${directory}/sticky`, 0o777);
      chmod(`${directory}/sticky`, 0o1777);
      mknod(`${directory}/sticky/regular`, S.IFREG | 0o666);
      mknod(`${directory}/sticky/fifo`, S.IFIFO | 0o666);
      for (const name of ['regular', 'fifo']) {
        chmod(`${directory}/sticky/${name}`, 0o666);
        chown(`${directory}/sticky/${name}`, STRANGER.uid, STRANGER.gid);
        const act = () => close(open(`${directory}/sticky/${name}`, O.CREAT | O.RDWR));
        const isProtected = Number(readFileSync(`/proc/sys/fs/protected_${name}${name === 'fifo' ? 's' : ''}`)) > 0;
        as(OTHER, () => (isProtected ? refuses('EACCES', act) : act()));
        as(OTHER, () => close(open(`${directory}/sticky/${name}`, O.RDWR)));
        as(STRANGER, act);
      }
    },
  },
  'EPERM with O_NOATIME for who does not own the file': {
    root: true,
    prepare: (directory) => {
      filePrepared(directory);
      chmod(`${directory}/file`, 0o666);
    },
    run: (directory) => {
      as(STRANGER, () => refuses('EPERM', () => open(`${directory}/file`, O.RDONLY | O.NOATIME)));
      chown(`${directory}/file`, STRANGER.uid, STRANGER.gid);
      as(STRANGER, () => close(open(`${directory}/file`, O.RDONLY | O.NOATIME)));
    },
  },
  'EINVAL for O_TMPFILE without its directory bit, and without write access': (directory) => {
    refuses('EINVAL', () => open(directory, (O.TMPFILE & ~O.DIRECTORY) | O.RDWR));
    refuses('EINVAL', () => open(directory, O.TMPFILE | O.RDONLY));
  },
  'EMFILE at the limit of descriptors': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      withLimit(RLIMIT.NOFILE, fd + 1, () => {
        refuses('EMFILE', () => open(`${directory}/file`, O.RDONLY));
        refuses('EMFILE', () => open(`${directory}/new`, O.CREAT | O.RDWR));
      });
      close(fd);
      refuses('ENOENT', () => stat(`${directory}/new`));
    },
  },
};
