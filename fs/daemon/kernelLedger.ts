// The kernel's own record: boots, sessions, mounts, approvals, lost workers; signed by the kernel's key.
import { loadIdentity, type Signer } from '../audit/identity.ts';
import { Ledger } from '../journal/ledger.ts';
import type { AuditEvent } from '../journal/model.ts';
import type { RecoveryReport } from '../journal/recovery.ts';
import { bytesOf } from './bytePath.ts';
import type { Places } from './places.ts';

const KERNEL_NAME = 'kernel';
const SYNC_INTERVAL_MS = 1000;

export class KernelLedger {
  readonly signer: Signer;
  readonly #ledger: Ledger;
  readonly #timer: NodeJS.Timeout;

  constructor(places: Places) {
    this.signer = loadIdentity(bytesOf(places.keys), KERNEL_NAME);
    const directory = bytesOf(places.ledger);
    this.#ledger = Ledger.open({ directory, agent: KERNEL_NAME, clock: Date.now, signer: this.signer });
    this.#timer = setInterval(() => this.#ledger.resetRead(), SYNC_INTERVAL_MS);
    this.#timer.unref();
  }

  /** What opening it found. */
  get recovery(): RecoveryReport {
    return this.#ledger.recovery;
  }

  /** Throws where it cannot be recorded: what is not recorded must not happen. */
  record(event: AuditEvent): void {
    this.#ledger.record(event);
  }

  read(offset: number, lengthBytes: number): { readonly text: string; readonly sizeBytes: number } {
    const text = lengthBytes > 0 ? this.#ledger.readAudit(offset, lengthBytes).toString('latin1') : '';
    return { text, sizeBytes: this.#ledger.auditSizeBytes() };
  }

  /** The signed note over the record as it stands. */
  head(): string {
    return this.#ledger.auditHead();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#ledger.close();
  }
}
