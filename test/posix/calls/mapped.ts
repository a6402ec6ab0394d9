// Mappings by number, so that a second process can be told to use them.
import { type Mapping, mmap, munmap } from './memory.ts';

const mappings = new Map<number, Mapping>();
const mappingOf = (id: number): Mapping => mappings.get(id)!;

export function mapFile(fd: number, length: number, protection: number, flags: number, offset = 0): number {
  const id = mappings.size;
  mappings.set(id, mmap(fd, length, protection, flags, offset));
  return id;
}
export const mappedRead = (id: number, at: number, length: number): string =>
  mappingOf(id).memory.toString('latin1', at, at + length);
export const mappedWrite = (id: number, at: number, text: string): number =>
  mappingOf(id).memory.write(text, at, 'latin1');
export const unmapFile = (id: number): void => munmap(mappingOf(id));
