// What the kernel process and its workers say to each other (clients: clientProtocol.ts). Data only; JSON-safe.
//
// Paths and names travel as byte strings (latin1): JSON escapes what it must.

/** Worker requests (main -> agent worker), by method: parameters and result. */
export interface AgentMethods {
  open: { params: AgentOpen; result: { ino: number } };
  /** Serve a FUSE connection. The descriptor belongs to the process. */
  attach: { params: AttachParams; result: Attached };
  detach: { params: { connection: number }; result: Record<string, never> };
  /** Another policy for the live view. */
  policy: { params: PolicyParams; result: PolicyResult };
  status: { params: Record<string, never>; result: AgentStatus };
  pending: { params: { ignored: boolean }; result: PendingListing };
  /** The text of `pending/<id>`: header, blank line, diff. */
  detail: { params: { id: string }; result: { text: string } };
  /** ENOENT for an id never listed, ESTALE for one whose change moved on; else `detail` has a text. */
  require: { params: { id: string }; result: Record<string, never> };
  approve: { params: ApproveParams; result: ApproveResult };
  reject: { params: { ids: readonly string[]; reason: string; pid: number }; result: { rejected: readonly string[] } };
  commits: { params: Record<string, never>; result: readonly CommitItem[] };
  /** Audit lines from byte `offset` on, at most `lengthBytes`. */
  audit: { params: { offset: number; lengthBytes: number }; result: { text: string; sizeBytes: number } };
  /** Drops what is ephemeral; everything else stays. */
  endSession: { params: Record<string, never>; result: { pending: number } };
  /** Drops the whole upper. */
  discard: { params: Record<string, never>; result: Record<string, never> };
  /** Where views are mounted, or about to be, besides the agents' own mounts: absolute paths, byte strings. */
  avoid: { params: { places: readonly string[] }; result: Record<string, never> };
  /** An audit entry about this agent from the kernel (exec, session start, approvals by the operator). */
  record: { params: { event: import('../journal/model.ts').AuditEvent }; result: Record<string, never> };
  close: { params: Record<string, never>; result: Record<string, never> };
}

export interface AgentOpen {
  readonly name: string;
  readonly workspace: string;
  /** Directory of the agent's store, below AGENTSH_HOME. */
  readonly directory: string;
  readonly rules: readonly import('../../policy/model.ts').Rule[];
  readonly names: NameLists;
  /** All of it, as in force: for `/.kernel/policy`, audit of reads, quota. `rules` and `names` are its parts. */
  readonly policy: import('../../policy/effective.ts').EffectivePolicy;
  /** Directory of the kernel's signing key (loadIdentity(keys, 'kernel')). */
  readonly keys: string;
  /** Host directories that are never visible in any view (stores, run directory). */
  readonly forbidden: readonly string[];
  /** As for `avoid`. */
  readonly avoided: readonly string[];
  /** Host paths (latin1) that git tracks in the workspace and that a default hide or mask pattern would match. */
  readonly tracked: readonly string[];
  /** Patterns of ignored paths where there is no git (gitignore syntax). */
  readonly ignored: readonly string[];
  readonly home: string;
  /** What an empty home begins with: written to the agent's upper where the agent has no such file yet. */
  readonly homeFiles: readonly SeedFile[];
  /** Shared Int32 lock that orders commits to the host in one process. */
  readonly commitLock: SharedArrayBuffer;
}

/** The parts of AgentOpen that are the policy. */
export interface PolicyParams extends Pick<AgentOpen, 'rules' | 'names' | 'policy' | 'tracked'> {
  /** For the record: who changed it, and both hashes. */
  readonly note: string;
}
export interface PolicyResult {
  /** Live objects that are hidden now and were not before. */
  readonly hidden: number;
  /** Inode numbers of files that may be open or mapped past the worker with more than the policy now allows. */
  readonly uncut: readonly number[];
}

/** Both byte strings; owned by whoever owns the home, mode 0644, missing directories 0755. */
export interface SeedFile {
  readonly path: string;
  readonly text: string;
}

export interface NameLists {
  readonly hide: readonly string[];
  readonly mask: readonly string[];
  readonly protect: readonly string[];
}

export interface AttachParams {
  readonly connection: number;
  readonly fd: number;
  /** Added to every uid and gid on the way out, taken off on the way in; 0 where ids are as on the host. */
  readonly idShift: number;
  readonly profile: import('./connectionProfile.ts').ConnectionProfile;
  /** The directory of the view that it shows, an absolute byte string; without it the whole view. */
  readonly root?: string;
  /** Keep set-id bits and devices as they are (agentsh mount --suid --dev). */
  readonly dev: boolean;
}

export interface Attached {
  /** As wished for, or `open` where this machine's FUSE cannot pass files through. */
  readonly profile: import('./connectionProfile.ts').ConnectionProfile;
}

export interface AgentStatus {
  readonly pending: number;
  readonly ignored: number;
  readonly files: number;
  readonly bytes: number;
  readonly connections: number;
  readonly requests: number;
}

export interface PendingItem {
  readonly id: string;
  readonly kind: string;
  readonly path: string;
  readonly source?: string;
  readonly agent: string;
  readonly base: string;
  readonly result: string;
  readonly sizeBytes: number;
  readonly taint: string;
  readonly protected: boolean;
  readonly ageSeconds: number;
  readonly count: number;
}
export interface PendingListing {
  /** Digest over the ids listed, in order. */
  readonly set: string;
  readonly items: readonly PendingItem[];
  readonly ignored: number;
}

export interface ApproveParams {
  /** Full ids, unique prefixes, or absolute paths. */
  readonly ids: readonly string[];
  /** Approve exactly the listing with this digest. */
  readonly set?: string;
  /** Who decided, for the record: `operator pid 1234`. */
  readonly by: string;
}
export interface ApproveResult {
  readonly commit: string;
  readonly approved: readonly string[];
  /** New parent directories that came along. */
  readonly parents: readonly string[];
  readonly conflicts: readonly { readonly path: string; readonly reason: string }[];
  /** Removed directories that stay on the host, for what the agent could not see in them. */
  readonly leftovers: readonly { readonly path: string; readonly count: number }[];
}
export interface CommitItem {
  readonly id: string;
  readonly agent: string;
  readonly atMs: number;
  readonly by: string;
  readonly paths: readonly string[];
}

/**
 * A failure that crosses a thread or the socket: `code` is an errno name or one of the words in FAILURE_WORDS.
 * `problems` come with `policy`: one line each, `FILE:LINE:COLUMN: reason`.
 */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly problems?: readonly string[];
}

/** What is no system error: the policy text is wrong · this machine cannot enforce · the two sides do not match. */
export const FAILURE_WORDS = ['policy', 'environment', 'version', 'defect'] as const;

// ---- between the main thread and a worker ----
//
// After every postMessage to a worker the main thread adds to the worker's eventfd (`wakeFd`): a worker sleeps in
// poll([fuse, wakeFd]) and takes its messages with receiveMessageOnPort(parentPort) until there are none.

/** `workerData` of every worker. */
export interface WorkerData {
  /** An eventfd, non-blocking; the worker reads 8 bytes to reset it. */
  readonly wakeFd: number;
  /** Int32 [0]: the id of the last synchronous call that was answered. The worker waits for it to change. */
  readonly syncSignal: SharedArrayBuffer;
}

/** Main -> worker. */
export type ToWorker =
  | { readonly id: number; readonly method: string; readonly params: unknown }
  /** To a `sync` call: posted first, then syncSignal[0] = id with a notify. `json` is the answer, a SyncAnswer. */
  | { readonly answer: number; readonly json: string };

export type SyncAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: Failure };

/** Worker -> main. */
export type FromWorker =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: Failure }
  /** A FUSE notification to write to a device descriptor, from a thread that serves no mount. */
  | { readonly notify: { readonly fd: number; readonly bytes: Uint8Array } }
  /** For the kernel's log. */
  | { readonly event: Readonly<Record<string, unknown>> }
  /** What happened, for events.pipe and `agentsh trace`: flat JSON objects. */
  | { readonly events: readonly Readonly<Record<string, unknown>>[] }
  /** A connection is over: unmounted from outside, aborted, or its transport failed. The main thread closes the descriptor. */
  | { readonly ended: number }
  /** The worker blocks until it is answered. Ids count from 1. */
  | { readonly sync: { readonly id: number; readonly method: string; readonly params: unknown } };

/** What the operator's worker is asked. */
export interface OperatorMethods {
  attach: { params: AttachParams; result: Record<string, never> };
  detach: { params: { connection: number }; result: Record<string, never> };
  /** Something happened: goes to the readers of events.pipe and audit.pipe. */
  publish: { params: { events: readonly Readonly<Record<string, unknown>>[] }; result: Record<string, never> };
  close: { params: Record<string, never>; result: Record<string, never> };
}
