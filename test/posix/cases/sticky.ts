// Directories with the sticky bit: a name goes by the word of the file's owner, the directory's owner, or root.

import { as, type Identity, OTHER, STRANGER } from '../caller.ts';
import { chmod, chown, lstat } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { link, mkdir, RENAME, rename, rmdir, unlink } from '../calls/names.ts';
import type { Case, Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { writeFile } from '../files.ts';

/** Owns the directories; STRANGER owns what is in them; OTHER owns nothing. */
const OWNER: Identity = { uid: 64_003, gid: 64_003 };
const DENIED = ['EPERM', 'EACCES'];

/** `sticky` and `free` hold `file` and `sub` of STRANGER's each, `sticky` also `own` of OTHER's. */
function prepare(directory: string): void {
  for (const place of ['sticky', 'free']) {
    mkdir(`${directory}/${place}`);
    writeFile(`${directory}/${place}/file`, place);
    mkdir(`${directory}/${place}/sub`);
    for (const name of ['file', 'sub']) chown(`${directory}/${place}/${name}`, STRANGER.uid, STRANGER.gid);
    chown(`${directory}/${place}`, OWNER.uid, OWNER.gid);
    chmod(`${directory}/${place}`, place === 'sticky' ? 0o1777 : 0o777);
  }
  writeFile(`${directory}/sticky/own`);
  chown(`${directory}/sticky/own`, OTHER.uid, OTHER.gid);
}
const story = (run: (sticky: string, free: string) => void): Case => ({
  root: true,
  prepare,
  run: (directory) => run(`${directory}/sticky`, `${directory}/free`),
});

export const stickyCases: Cases = {
  'EPERM or EACCES for others who unlink, remove or rename': story((sticky, free) => {
    as(OTHER, () => {
      refuses(DENIED, () => unlink(`${sticky}/file`));
      refuses(DENIED, () => rmdir(`${sticky}/sub`));
      for (const name of ['file', 'sub']) {
        refuses(DENIED, () => rename(`${sticky}/${name}`, `${sticky}/new`));
        refuses(DENIED, () => rename(`${sticky}/${name}`, `${free}/new`));
      }
    });
    equal(readdir(sticky).sort(), ['file', 'own', 'sub']);
  }),
  'EPERM or EACCES for others who replace or exchange': story((sticky, free) => {
    as(OTHER, () => {
      refuses(DENIED, () => rename(`${sticky}/own`, `${sticky}/file`));
      writeFile(`${free}/mine`);
      mkdir(`${free}/directory`);
      refuses(DENIED, () => rename(`${free}/mine`, `${sticky}/file`));
      refuses(DENIED, () => rename(`${free}/directory`, `${sticky}/sub`));
      refuses(DENIED, () => rename(`${sticky}/own`, `${sticky}/file`, RENAME.EXCHANGE));
      refuses(DENIED, () => rename(`${free}/mine`, `${sticky}/file`, RENAME.EXCHANGE));
      refuses(DENIED, () => rename(`${sticky}/file`, `${free}/mine`, RENAME.EXCHANGE));
    });
    equal(lstat(`${sticky}/file`).uid, STRANGER.uid);
    equal(lstat(`${free}/mine`).uid, OTHER.uid);
  }),
  'the owner of the file does all of it': story((sticky, free) => {
    as(STRANGER, () => {
      rename(`${sticky}/file`, `${sticky}/renamed`);
      rename(`${sticky}/renamed`, `${free}/away`);
      writeFile(`${sticky}/mine`);
      rename(`${sticky}/mine`, `${free}/away`, RENAME.EXCHANGE);
      unlink(`${sticky}/mine`);
      rmdir(`${sticky}/sub`);
    });
    equal(readdir(sticky), ['own']);
  }),
  'the owner of the directory does all of it': story((sticky, free) => {
    as(OWNER, () => {
      rename(`${sticky}/file`, `${sticky}/renamed`);
      rename(`${sticky}/renamed`, `${sticky}/own`, RENAME.EXCHANGE);
      rename(`${sticky}/renamed`, `${free}/file`);
      unlink(`${sticky}/own`);
      rmdir(`${sticky}/sub`);
    });
    equal(readdir(sticky), []);
    equal(lstat(`${free}/file`).uid, OTHER.uid);
  }),
  'root does all of it': story((sticky) => {
    rename(`${sticky}/file`, `${sticky}/own`);
    unlink(`${sticky}/own`);
    rmdir(`${sticky}/sub`);
    equal(readdir(sticky), []);
  }),
  'others make new names and links, and take away what is theirs': story((sticky, free) => {
    as(OTHER, () => {
      writeFile(`${sticky}/made`);
      link(`${sticky}/made`, `${sticky}/second`);
      mkdir(`${sticky}/directory`);
      rename(`${sticky}/made`, `${sticky}/own`);
      rename(`${sticky}/second`, `${free}/file`);
      rmdir(`${sticky}/directory`);
      unlink(`${sticky}/own`);
    });
    equal(readdir(sticky).sort(), ['file', 'sub']);
    equal(lstat(`${free}/file`).uid, OTHER.uid);
  }),
  'without the bit the permission of the directory is enough': story((_sticky, free) => {
    as(OTHER, () => {
      unlink(`${free}/file`);
      rmdir(`${free}/sub`);
    });
    equal(readdir(free), []);
  }),
  'the bit counts from the moment it is set, and no longer than it is': story((sticky, free) => {
    chmod(sticky, 0o777);
    chmod(free, 0o1777);
    as(OTHER, () => {
      refuses(DENIED, () => unlink(`${free}/file`));
      unlink(`${sticky}/file`);
    });
    equal(readdir(free).sort(), ['file', 'sub']);
  }),
};
