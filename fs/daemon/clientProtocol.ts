// What clients say to the kernel process over its socket: the first message, the methods, their answers. Data only.
//
// JSON lines, UTF-8, at most LINE_BYTES_MAX each. Paths and names are byte strings (latin1) in both directions.
//   client: {"version":1,"token":"<hex>","program":"agentsh"}      answer: {"ok":true,"result":Hello} or a failure, then closed
//   client: {"id":N,"method":"…","params":{…}}                     answer: {"id":N,"ok":true,"result":…}
//                                                                       or {"id":N,"ok":false,"error":Failure}
// Answers come in any order. A session ends when the connection that opened it closes.
import type { ConnectionProfile } from './connectionProfile.ts';
import type { AgentStatus, ApproveResult, CommitItem, Failure, PendingItem } from './protocol.ts';

export const PROTOCOL_VERSION = 1;
export const LINE_BYTES_MAX = 8 * 1024 * 1024;

export interface FirstMessage {
  readonly version: number;
  /** 64 hexadecimal digits, from the token file. */
  readonly token: string;
  /** Who connects, for `who`: agentsh, mcp, ui. */
  readonly program: string;
}

export interface Hello {
  readonly version: number;
  readonly pid: number;
  readonly build: string;
}

export type Answer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: Failure };

type Nothing = Record<string, never>;

export interface ClientMethods {
  status: { params: Nothing; result: KernelStatus };
  ps: { params: Nothing; result: readonly AgentItem[] };
  who: { params: Nothing; result: readonly ConnectionItem[] };
  /** Opens or joins an agent. One session each; it lasts until `session.close` or the connection's end. */
  'session.open': { params: SessionOpen; result: SessionOpened };
  /** The process whose death by SIGKILL ends the sandbox (bubblewrap's outer one): what `kill` kills. */
  'session.pid': { params: { readonly session: number; readonly pid: number }; result: Nothing };
  /** An exec, an exit status, for the agent's record. */
  'session.record': {
    params: { readonly session: number; readonly op: string; readonly note: string; readonly pid: number };
    result: Nothing;
  };
  /** What is pending for this agent afterwards; the mount is gone if it was the agent's last session. */
  'session.close': {
    params: { readonly session: number };
    result: { readonly pending: number; readonly ended: boolean };
  };
  /** The agent's view at a directory; stays until `umount`, whatever becomes of the connection. */
  mount: { params: MountOpen; result: MountOpened };
  umount: { params: { readonly mountpoint: string }; result: { readonly agent: string; readonly pending: number } };
  pending: { params: AgentFilter & { readonly ignored?: boolean }; result: readonly AgentPending[] };
  /** The text of `pending/<id>`; `id` is a full id, a unique prefix, or an absolute path. */
  detail: { params: AgentFilter & { readonly id: string }; result: { readonly agent: string; readonly text: string } };
  /** Ids, unique prefixes or paths, or `set` with `agent`. All or nothing for each agent; one commit each. */
  approve: {
    params: AgentFilter & { readonly ids: readonly string[]; readonly set?: string };
    result: readonly (ApproveResult & { readonly agent: string })[];
  };
  reject: {
    params: AgentFilter & { readonly ids: readonly string[]; readonly reason: string };
    result: readonly { readonly agent: string; readonly rejected: readonly string[] }[];
  };
  commits: { params: AgentFilter; result: readonly CommitItem[] };
  /** Audit lines of one agent, or of `kernel`, from byte `offset` on. */
  audit: {
    params: { readonly agent: string; readonly offset: number; readonly lengthBytes: number };
    result: { readonly text: string; readonly sizeBytes: number };
  };
  /** Where the records lie and who signed them, for the offline verifier. */
  'verify.inputs': { params: AgentFilter; result: readonly VerifyInput[] };
  kill: { params: { readonly agent: string }; result: { readonly killed: readonly number[] } };
  discard: { params: { readonly agent: string }; result: Nothing };
  shutdown: { params: { readonly force: boolean }; result: Nothing };
  'policy.check': { params: PolicyCheck; result: PolicyChecked };
}
export type ClientMethod = keyof ClientMethods;

/** Nothing given: every agent. `agent` is `name`, `workspace:name` or a unique end of it; `workspace` a directory. */
export interface AgentFilter {
  readonly agent?: string;
  readonly workspace?: string;
}

/** A policy text that the client has read (`--policy FILE`); `file` is for messages. */
export interface PolicyText {
  readonly file: string;
  readonly text: string;
}

export interface SessionOpen {
  readonly cwd: string;
  /** Only where `-w` was given. */
  readonly workspace?: string;
  /** Only where `-n` was given. */
  readonly name?: string;
  /** The last component of the command (`claude`), or `shell`. */
  readonly program: string;
  readonly policy?: PolicyText;
  /** Only where `--profile` was given; else chosen by `program`. */
  readonly profile?: string;
  /** The client's environment, for policy and profiles: HOME, PATH, SHELL, USER, XDG_* and the rest. */
  readonly environment: Readonly<Record<string, string>>;
  /** `none`, `host` or `HOST:PORT,…`; only where `--net` was given. */
  readonly net?: string;
  readonly throwaway: boolean;
}

export interface SessionOpened {
  readonly session: number;
  /** `workspace:name`. */
  readonly agent: string;
  readonly name: string;
  /** Another session of this agent was live already. */
  readonly joined: boolean;
  /** Its upper had content from before. */
  readonly resumed: boolean;
  readonly mountpoint: string;
  /** Added to every uid and gid in the mount (the user namespace must map 0.. to it); 0 as an ordinary user. */
  readonly idShift: number;
  readonly workspace: string;
  readonly home: string;
  /** Lines to print on stderr at start: what a profile grants, what could not be honoured. */
  readonly grants: readonly string[];
  readonly policy: PolicySummary;
  /** Audit entries, pending: what is there at the start. */
  readonly pending: number;
}

/** What the sandbox needs of the effective policy. */
export interface PolicySummary {
  readonly profile: string | undefined;
  /** Put behind the program's name on its command line: what its profile says it needs here. */
  readonly flags: readonly string[];
  readonly env: {
    readonly pass: readonly string[];
    readonly secrets: readonly string[];
    readonly set: Readonly<Record<string, string>>;
  };
  /** What the environment's PATH is checked against. */
  readonly rules: readonly import('../../policy/model.ts').Rule[];
  readonly network: { readonly mode: 'none' | 'host' | 'allow'; readonly allow: readonly string[] };
  readonly limits: { readonly wallMs?: number; readonly processes?: number; readonly memoryBytes?: number };
  /** Effective rules, one per line, as `/.kernel/mounts` shows them. */
  readonly mounts: readonly string[];
}

export interface MountOpen extends SessionOpen {
  readonly mountpoint: string;
  /** Replaces the workspace rule's mode. */
  readonly mode?: string;
  readonly readOnly: boolean;
  readonly allowOther: boolean;
  readonly suid: boolean;
  readonly dev: boolean;
  /** Only where `--connection` was given; else the best this machine offers. */
  readonly connection?: ConnectionProfile;
}
export interface MountOpened {
  readonly agent: string;
  readonly mountpoint: string;
  readonly joined: boolean;
  readonly grants: readonly string[];
}

export interface AgentPending {
  readonly agent: string;
  readonly set: string;
  readonly items: readonly PendingItem[];
  readonly ignored: number;
}

export interface KernelStatus {
  readonly pid: number;
  readonly home: string;
  readonly run: string;
  readonly socket: string;
  /** Where the operator's `/.kernel` is mounted; '' where it could not be. */
  readonly operator: string;
  readonly build: string;
  readonly startedAtMs: number;
  /** `ok`, or one reason each. */
  readonly health: readonly string[];
  readonly agents: number;
  readonly mounts: number;
  readonly sessions: number;
}

export interface AgentItem {
  readonly agent: string;
  readonly name: string;
  readonly workspace: string;
  /** `live` has sessions or mounts, `kept` has an upper at rest, `failed` lost its worker. */
  readonly state: 'live' | 'kept' | 'failed';
  readonly sessions: number;
  readonly mountpoints: readonly string[];
  readonly pids: readonly number[];
  readonly startedAtMs: number;
  readonly status: AgentStatus | undefined;
  /** Why it failed. */
  readonly reason?: string;
}

export interface ConnectionItem {
  readonly principal: string;
  readonly kind: 'socket' | 'mount';
  readonly pid: number;
  readonly program: string;
  readonly where: string;
  /** Of a mount. */
  readonly profile?: ConnectionProfile;
  readonly sinceMs: number;
}

export interface VerifyInput {
  readonly agent: string;
  /** Directory with the ledger's files. */
  readonly directory: string;
  /** The kernel's Ed25519 public key, hexadecimal. */
  readonly publicKey: string;
}

export interface PolicyCheck {
  readonly cwd: string;
  readonly workspace?: string;
  readonly policy?: PolicyText;
  readonly profile?: string;
  readonly program?: string;
  readonly environment: Readonly<Record<string, string>>;
}
export interface PolicyChecked {
  readonly problems: readonly string[];
  readonly mounts: readonly string[];
  readonly files: readonly string[];
  readonly grants: readonly string[];
}
