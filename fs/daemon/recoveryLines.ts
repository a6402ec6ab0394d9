// What opening a ledger found amiss, for the kernel's log; nothing where it was ended in order.
import type { RecoveryReport } from '../journal/recovery.ts';

export function recoveryLines({ ending, cutBytes, rebuilt, replayed, auditRestored }: RecoveryReport): string[] {
  const lines: string[] = [];
  if (rebuilt) lines.push(`the index was made anew from the journal (${replayed} records; the last end: ${ending})`);
  if (cutBytes > 0) lines.push(`${cutBytes} bytes at the end of the journal were no whole record and were cut off`);
  if (auditRestored > 0) lines.push(`${auditRestored} audit lines were written again from the journal`);
  return lines;
}
