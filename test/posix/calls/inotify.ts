// Watches and their events.
import { read } from './data.ts';
import { bind, SystemError } from './libc.ts';
import { O } from './open.ts';

export const IN = {
  ACCESS: 1,
  MODIFY: 2,
  ATTRIB: 4,
  CLOSE_WRITE: 8,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  ONLYDIR: 0x01000000,
  DONT_FOLLOW: 0x02000000,
  EXCL_UNLINK: 0x04000000,
  MASK_CREATE: 0x10000000,
  MASK_ADD: 0x20000000,
  ISDIR: 0x40000000,
  ONESHOT: 0x80000000,
  IGNORED: 0x8000,
} as const;
export const inotifyInit = (): number => libcInotifyInit(O.NONBLOCK | O.CLOEXEC);
const libcInotifyInit = bind('int inotify_init1(int flags)');
export const inotifyAddWatch: (fd: number, path: string, mask: number) => number = bind(
  'int inotify_add_watch(int fd, const void *path, unsigned int mask)',
);
export const inotifyRmWatch: (fd: number, watch: number) => number = bind('int inotify_rm_watch(int fd, int watch)');
export interface InotifyEvent {
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}
/** Everything that waits; without waiting for more. */
export function inotifyEvents(fd: number): InotifyEvent[] {
  const events: InotifyEvent[] = [];
  for (;;) {
    let bytes: Buffer;
    try {
      bytes = read(fd, 65_536);
    } catch (error) {
      if (error instanceof SystemError && error.code === 'EAGAIN') return events;
      throw error;
    }
    for (let at = 0; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 12)) {
      const name = bytes.toString('latin1', at + 16, at + 16 + bytes.readUInt32LE(at + 12));
      events.push({
        mask: bytes.readUInt32LE(at + 4),
        cookie: bytes.readUInt32LE(at + 8),
        name: name.replace(/\0+$/, ''),
      });
    }
  }
}
