// What happened, as told to the audit log by those who saw it.

/** What the overlay, control files and commits know of what happened; the log adds seq, time, agent and prev. */
export interface AuditEvent {
  readonly op: string;
  /** A byte string (latin1); '' where there is none. */
  readonly path: string;
  readonly verdict: 'allow' | 'deny' | 'approve' | 'reject' | 'conflict' | 'info';
  /** `FILE:LINE`, `default`, a control file, or ''. */
  readonly rule?: string;
  readonly pid?: number;
  readonly comm?: string;
  /** CIDs, or other version texts. */
  readonly base?: string;
  readonly result?: string;
  /** Free text for people: an error name, a rename's target. */
  readonly note?: string;
}
