// Copies file content in the kernel (a reflink where the file system can), holes stay holes.
import { ERRNO, fail, must } from '../errno.ts';
import { copyFileRange, fallocate, ftruncate, lseek, pread, pwrite } from './syscall.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE. */
const PUNCH_HOLE = 3;
/** Answers that mean "not between these two files": the bytes then go through memory. */
const NOT_IN_KERNEL: readonly number[] = [ERRNO.EXDEV, ERRNO.EOPNOTSUPP, ERRNO.EINVAL, ERRNO.ENOSYS, ERRNO.EPERM];
const chunk = Buffer.allocUnsafeSlow(1 << 20);
const zeros = Buffer.alloc(1 << 16);

/**
 * Makes the bytes of `to` those of `from`. `to` may hold older bytes: they are overwritten in ascending order, so an
 * interrupted copy is a run of new bytes followed by old ones.
 */
export function copyContent(from: number, to: number, sizeBytes: number): void {
  for (let at = 0; at < sizeBytes; ) {
    const data = nextData(from, at, sizeBytes);
    if (data > at) clearRange(to, at, data - at);
    if (data >= sizeBytes) break;
    const hole = must(lseek(from, data, SEEK_HOLE));
    copyRange(from, to, data, Math.min(hole, sizeBytes) - data);
    at = Math.min(hole, sizeBytes);
  }
  must(ftruncate(to, sizeBytes));
}

function nextData(from: number, at: number, sizeBytes: number): number {
  const data = lseek(from, at, SEEK_DATA);
  return data === -ERRNO.ENXIO ? sizeBytes : Math.min(must(data), sizeBytes);
}

/** A hole in a fresh file is there already; in an old one it is punched, or zeros are written. */
function clearRange(to: number, offset: number, length: number): void {
  const end = must(lseek(to, 0, 2));
  const count = Math.min(length, end - offset);
  if (count <= 0 || fallocate(to, PUNCH_HOLE, offset, count) === 0) return;
  for (let done = 0; done < count; )
    done += must(pwrite(to, zeros, Math.min(zeros.length, count - done), offset + done));
}

function copyRange(from: number, to: number, offset: number, length: number): void {
  let inKernel = true;
  for (let done = 0; done < length; ) {
    const count: number = inKernel
      ? copyFileRange(from, offset + done, to, offset + done, length - done)
      : -ERRNO.EXDEV;
    inKernel = count > 0;
    if (count < 0 && !NOT_IN_KERNEL.includes(-count)) must(count);
    done += inKernel ? count : copyThroughMemory(from, to, offset + done, length - done);
  }
}

function copyThroughMemory(from: number, to: number, offset: number, length: number): number {
  const count = must(pread(from, chunk, Math.min(chunk.length, length), offset));
  // The source is shorter than it said: a torn read that the caller must hear of.
  if (count === 0) fail('ESTALE');
  for (let done = 0; done < count; ) done += must(pwrite(to, chunk.subarray(done), count - done, offset + done));
  return count;
}

const left = Buffer.allocUnsafeSlow(4096);
const right = Buffer.allocUnsafeSlow(4096);
const now = Buffer.allocUnsafeSlow(4096);

/** Whether every page of `torn` comes from `a` or from `b`: what an interrupted in-place copy leaves behind. */
export function isMixOf(torn: number, a: number, b: number, sizeBytes: number): boolean {
  for (let at = 0; at < sizeBytes; at += now.length) {
    const count = must(pread(torn, now, now.length, at));
    if (!samePage(a, left, at, count) && !samePage(b, right, at, count)) return false;
  }
  return true;
}

/** Compares with the page of `fd` at `at`, zeros beyond its end (a file grown by an interrupted copy). */
function samePage(fd: number, page: Buffer, at: number, count: number): boolean {
  const got = must(pread(fd, page, page.length, at));
  page.fill(0, got);
  return page.compare(now, 0, count, 0, count) === 0;
}
