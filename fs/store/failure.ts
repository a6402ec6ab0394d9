// The failure of a store as a whole: it is damaged, held by another kernel, too new, or open to others. Never repaired silently.

export type StoreFailureCode = 'corrupt' | 'locked' | 'format' | 'unsafe';

/** Refuses a store. The message is for people: file, byte offset where known, reason, and what to do. */
export class StoreFailure extends Error {
  readonly code: StoreFailureCode;
  readonly file: string;
  readonly offset: number | undefined;

  constructor(code: StoreFailureCode, file: string, reason: string, offset?: number) {
    super(offset === undefined ? `${file}: ${reason}` : `${file}: at byte ${offset}: ${reason}`);
    this.name = 'StoreFailure';
    this.code = code;
    this.file = file;
    this.offset = offset;
  }
}
