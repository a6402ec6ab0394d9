// Registering backing files: what the kernel refuses comes back as an errno, never as an exception.
import { expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { backingOf } from '../../fs/fuse/backing.ts';
import { openDevice } from '../../fs/fuse/mount.ts';
import { close } from '../../fs/host/syscall.ts';

test('a device without a connection takes no backing file, and closing an id is harmless', () => {
  const device = openDevice();
  try {
    const backing = backingOf(device);
    expect(backing.open(0)).toBe(-ERRNO.EPERM);
    backing.close(7);
  } finally {
    close(device);
  }
});
