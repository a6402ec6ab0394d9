// inotify_add_watch(2): what a watcher is told of changes made through the same view.
import { startActor } from '../actor.ts';
import { unprivileged } from '../caller.ts';
import { chmod, utimensat } from '../calls/attributes.ts';
import { pread, pwrite, truncate } from '../calls/data.ts';
import { IN, inotifyAddWatch, inotifyEvents, inotifyInit, inotifyRmWatch } from '../calls/inotify.ts';
import { AT_FDCWD } from '../calls/libc.ts';
import { link, mkdir, rename, rmdir, symlink, unlink } from '../calls/names.ts';
import { BAD_FD, close, O, open } from '../calls/open.ts';
import { removexattr, setxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { pathErrorCases } from '../pathErrors.ts';

const CHANGES =
  IN.CREATE |
  IN.DELETE |
  IN.MODIFY |
  IN.ATTRIB |
  IN.MOVED_FROM |
  IN.MOVED_TO |
  IN.CLOSE_WRITE |
  IN.DELETE_SELF |
  IN.MOVE_SELF;
const NAMES = Object.entries(IN);
const wordsOf = (mask: number) =>
  NAMES.filter(([, bit]) => (mask & bit) !== 0)
    .map(([name]) => name)
    .join('+');

/** Watches for the time of `act`; gives the events as `WORDS name`. */
function watching(path: string, act: () => void, mask: number = CHANGES): string[] {
  const fd = inotifyInit();
  try {
    inotifyAddWatch(fd, path, mask);
    act();
    return eventsOf(fd);
  } finally {
    close(fd);
  }
}
const eventsOf = (fd: number): string[] =>
  inotifyEvents(fd).map(({ mask, name }) => `${wordsOf(mask)} ${name}`.trimEnd());
const unique = (events: readonly string[]) => [...new Set(events)];

function prepareTree(directory: string): void {
  writeFile(`${directory}/file`, 'content');
  mkdir(`${directory}/sub`);
  writeFile(`${directory}/sub/inner`, 'inner');
}

export const inotifyCases: Cases = {
  ...pathErrorCases((path) => withInotify((fd) => inotifyAddWatch(fd, path, IN.MODIFY))),
  'a directory tells of what is made and removed in it': {
    prepare: prepareTree,
    run: (directory) => {
      const sub = `${directory}/sub`;
      const told = watching(
        sub,
        () => {
          mkdir(`${sub}/made`);
          symlink('inner', `${sub}/link`);
          link(`${sub}/inner`, `${sub}/other`);
          close(open(`${sub}/new`, O.CREAT | O.WRONLY));
          unlink(`${sub}/inner`);
          rmdir(`${sub}/made`);
        },
        IN.CREATE | IN.DELETE,
      );
      equal(told, [
        'CREATE+ISDIR made',
        'CREATE link',
        'CREATE other',
        'CREATE new',
        'DELETE inner',
        'DELETE+ISDIR made',
      ]);
    },
  },
  'a write tells of itself and of the close, by file and by directory': {
    prepare: prepareTree,
    run: (directory) => {
      const act = () => withFile(`${directory}/sub/inner`, O.WRONLY, (fd) => void pwrite(fd, 'X', 0));
      equal(unique(watching(`${directory}/sub`, act)), ['MODIFY inner', 'CLOSE_WRITE inner']);
      equal(unique(watching(`${directory}/sub/inner`, act)), ['MODIFY', 'CLOSE_WRITE']);
    },
  },
  'a watch outlives the first write': {
    prepare: prepareTree,
    run: (directory) => {
      const told = watching(
        `${directory}/file`,
        () => {
          const reader = open(`${directory}/file`, O.RDONLY);
          for (const text of ['one', 'two']) withFile(`${directory}/file`, O.WRONLY, (fd) => void pwrite(fd, text, 0));
          equal(pread(reader, 3, 0).toString('latin1'), 'two');
          close(reader);
          chmod(`${directory}/file`, 0o600);
          unlink(`${directory}/file`);
        },
        IN.MODIFY | IN.CLOSE_WRITE | IN.DELETE_SELF | IN.ATTRIB,
      );
      const writes = ['MODIFY', 'CLOSE_WRITE', 'MODIFY', 'CLOSE_WRITE'];
      // The change of the link count is told, too.
      equal(
        told.filter((event) => event !== 'ATTRIB'),
        [...writes, 'DELETE_SELF', 'IGNORED'],
      );
      holds(told.includes('ATTRIB'), 'ATTRIB is told');
    },
  },
  'changes of attributes': {
    prepare: prepareTree,
    run: (directory) => {
      const { length } = watching(
        `${directory}/file`,
        () => {
          chmod(`${directory}/file`, 0o640);
          utimensat(AT_FDCWD, `${directory}/file`, null);
          setxattr(`${directory}/file`, 'user.name', 'value');
          removexattr(`${directory}/file`, 'user.name');
        },
        IN.ATTRIB,
      );
      // Equal events that follow each other are told as one.
      holds(length >= 1, 'ATTRIB is told');
    },
  },
  'a rename tells both directories, with one cookie': {
    prepare: (directory) => {
      prepareTree(directory);
      mkdir(`${directory}/target`);
      writeFile(`${directory}/target/inner`, 'replaced');
    },
    run: (directory) => {
      const fd = inotifyInit();
      for (const name of ['sub', 'target']) inotifyAddWatch(fd, `${directory}/${name}`, IN.MOVED_FROM | IN.MOVED_TO);
      rename(`${directory}/sub/inner`, `${directory}/target/inner`);
      const told = inotifyEvents(fd);
      equal(
        told.map(({ mask }) => mask),
        [IN.MOVED_FROM, IN.MOVED_TO],
      );
      equal(
        told.map(({ name }) => name),
        ['inner', 'inner'],
      );
      holds(told[0]!.cookie !== 0 && told[0]!.cookie === told[1]!.cookie, 'one cookie');
      close(fd);
    },
  },
  'a rename tells the moved itself, and the replaced that it is gone': {
    prepare: (directory) => {
      prepareTree(directory);
      writeFile(`${directory}/replaced`);
    },
    run: (directory) => {
      const act = () => rename(`${directory}/file`, `${directory}/replaced`);
      const fd = inotifyInit();
      inotifyAddWatch(fd, `${directory}/replaced`, IN.DELETE_SELF);
      equal(watching(`${directory}/file`, act, IN.MOVE_SELF), ['MOVE_SELF']);
      equal(eventsOf(fd), ['DELETE_SELF', 'IGNORED']);
      close(fd);
    },
  },
  'a directory tells that it is removed, and its watch ends': {
    prepare: (directory) => void mkdir(`${directory}/empty`),
    run: (directory) =>
      equal(
        watching(`${directory}/empty`, () => rmdir(`${directory}/empty`), IN.DELETE_SELF | IN.ONLYDIR),
        ['DELETE_SELF', 'IGNORED'],
      ),
  },
  'an open file tells that it is gone when its last descriptor closes': {
    prepare: prepareTree,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      const watcher = inotifyInit();
      inotifyAddWatch(watcher, `${directory}/file`, IN.DELETE_SELF);
      unlink(`${directory}/file`);
      equal(eventsOf(watcher), [], 'while it is open');
      close(fd);
      equal(eventsOf(watcher), ['DELETE_SELF', 'IGNORED'], 'after the close');
      close(watcher);
    },
  },
  'a cut is a change': {
    prepare: prepareTree,
    run: (directory) => {
      equal(unique(watching(`${directory}/file`, () => truncate(`${directory}/file`, 2), IN.MODIFY)), ['MODIFY']);
      const cut = () => close(open(`${directory}/file`, O.WRONLY | O.TRUNC));
      equal(unique(watching(`${directory}/file`, cut, IN.MODIFY | IN.CLOSE_WRITE)), ['MODIFY', 'CLOSE_WRITE']);
    },
  },
  'reading is told where it is asked for': {
    prepare: prepareTree,
    run: (directory) => {
      const read = () => withFile(`${directory}/file`, O.RDONLY, (fd) => void pread(fd, 1, 0));
      const told = watching(`${directory}/file`, read, IN.OPEN | IN.ACCESS | IN.CLOSE_NOWRITE);
      equal(told, ['OPEN', 'ACCESS', 'CLOSE_NOWRITE']);
    },
  },
  'what another process does is told': {
    prepare: prepareTree,
    run: async (directory) => {
      const fd = inotifyInit();
      inotifyAddWatch(fd, `${directory}/sub`, CHANGES);
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/sub/inner`, O.WRONLY);
      await actor.call('pwrite', theirs, 'X', 0);
      await actor.call('close', theirs);
      await actor.call('rename', `${directory}/sub/inner`, `${directory}/sub/renamed`);
      await actor.call('unlink', `${directory}/sub/renamed`);
      await actor.end();
      equal(eventsOf(fd), [
        'MODIFY inner',
        'CLOSE_WRITE inner',
        'MOVED_FROM inner',
        'MOVED_TO renamed',
        'DELETE renamed',
      ]);
      close(fd);
    },
  },
  'a directory that is renamed goes on telling': {
    prepare: prepareTree,
    run: (directory) => {
      const told = watching(
        `${directory}/sub`,
        () => {
          rename(`${directory}/sub`, `${directory}/renamed`);
          writeFile(`${directory}/renamed/new`);
        },
        IN.CREATE | IN.MOVE_SELF,
      );
      equal(told, ['MOVE_SELF', 'CREATE new']);
    },
  },
  'the second watch of one thing changes the first, or adds to it': {
    prepare: prepareTree,
    run: (directory) =>
      withInotify((fd) => {
        const watch = inotifyAddWatch(fd, `${directory}/file`, IN.MODIFY);
        equal(inotifyAddWatch(fd, `${directory}/file`, IN.ATTRIB | IN.MASK_ADD), watch, 'watch');
        withFile(`${directory}/file`, O.WRONLY, (file) => void pwrite(file, 'X', 0));
        chmod(`${directory}/file`, 0o600);
        equal(unique(eventsOf(fd)), ['MODIFY', 'ATTRIB']);
        inotifyAddWatch(fd, `${directory}/file`, IN.ATTRIB);
        withFile(`${directory}/file`, O.WRONLY, (file) => void pwrite(file, 'Y', 0));
        equal(eventsOf(fd), []);
        inotifyRmWatch(fd, watch);
        equal(eventsOf(fd), ['IGNORED']);
      }),
  },
  'once, and the link itself': {
    prepare: (directory) => {
      prepareTree(directory);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      const twice = () => {
        chmod(`${directory}/file`, 0o600);
        chmod(`${directory}/file`, 0o640);
      };
      equal(watching(`${directory}/link`, twice, IN.ATTRIB | IN.ONESHOT), ['ATTRIB', 'IGNORED']);
      const removed = watching(`${directory}/link`, () => unlink(`${directory}/link`), IN.DELETE_SELF | IN.DONT_FOLLOW);
      equal(removed, ['DELETE_SELF', 'IGNORED']);
    },
  },
  'EACCES without permission to read': {
    prepare: (directory) => writeFile(`${directory}/file`, 'content'),
    run: (directory) => {
      chmod(`${directory}/file`, 0o200);
      unprivileged(() =>
        withInotify((fd) => refuses('EACCES', () => inotifyAddWatch(fd, `${directory}/file`, IN.MODIFY))),
      );
    },
  },
  'EEXIST for a watch that must be new': {
    prepare: prepareTree,
    run: (directory) =>
      withInotify((fd) => {
        inotifyAddWatch(fd, `${directory}/file`, IN.MODIFY | IN.MASK_CREATE);
        refuses('EEXIST', () => inotifyAddWatch(fd, `${directory}/file`, IN.ATTRIB | IN.MASK_CREATE));
      }),
  },
  'EBADF and EINVAL for what is no watcher': {
    prepare: prepareTree,
    run: (directory) => {
      refuses('EBADF', () => inotifyAddWatch(BAD_FD, directory, IN.MODIFY));
      withFile(`${directory}/file`, O.RDONLY, (fd) =>
        refuses('EINVAL', () => inotifyAddWatch(fd, directory, IN.MODIFY)),
      );
    },
  },
  'EINVAL for no event, and for adding and creating at once': {
    prepare: prepareTree,
    run: (directory) =>
      withInotify((fd) => {
        refuses('EINVAL', () => inotifyAddWatch(fd, `${directory}/file`, 0));
        refuses('EINVAL', () => inotifyAddWatch(fd, `${directory}/file`, IN.MODIFY | IN.MASK_ADD | IN.MASK_CREATE));
      }),
  },
  'ENOTDIR where only a directory is meant': {
    prepare: prepareTree,
    run: (directory) =>
      withInotify((fd) => refuses('ENOTDIR', () => inotifyAddWatch(fd, `${directory}/file`, IN.MODIFY | IN.ONLYDIR))),
  },
};

function withInotify<T>(act: (fd: number) => T): T {
  const fd = inotifyInit();
  try {
    return act(fd);
  } finally {
    close(fd);
  }
}
