// A source of control files with everything in memory, and a caller whose owed answers can be looked at.

import { MemoryLog } from '../../fs/control/eventLog.ts';
import type { AgentFacts, ControlSource, Principal } from '../../fs/control/source.ts';
import type { ApproveParams, ApproveResult, CommitItem, PendingItem } from '../../fs/daemon/protocol.ts';
import { ERRNO, Errno, fail } from '../../fs/errno.ts';
import type { AuditEvent } from '../../fs/journal/model.ts';
import type { Caller, Deferred, DirectorySink, OpenReply } from '../../fs/operations.ts';

export function pendingItem(id: string, path: string, more: Partial<PendingItem> = {}): PendingItem {
  const fixed = { kind: 'modify', agent: 'claude', base: 'bafybase', result: 'bafyresult', sizeBytes: 12, taint: '' };
  return { id, path, ...fixed, protected: false, ageSeconds: 3, count: 1, ...more };
}

export class FakeSource implements ControlSource {
  readonly principal: Principal;
  items: PendingItem[] = [pendingItem('aaaa1111', '/w/a.ts'), pendingItem('bbbb2222', '/w/src/b b.ts')];
  /** Listed once, changed since. */
  moved = new Set<string>();
  conflicts: { path: string; reason: string }[] = [];
  readonly approvals: ApproveParams[] = [];
  readonly rejections: { ids: readonly string[]; reason: string; pid: number }[] = [];
  readonly recorded: AuditEvent[] = [];
  readonly policies: string[] = [];
  readonly audit = new MemoryLog();
  readonly events = new MemoryLog();

  constructor(principal: Principal) {
    this.principal = principal;
    this.audit.append({ seq: 1, op: 'write' });
  }

  version = (): string => 'version 0.1.0\n';
  health = (): string => 'ok\n';
  stats = (): string => 'agentsh_pending 2\n';
  agent = (): AgentFacts => ({ id: 'a1', name: 'claude', did: 'did:key:z6Mk', workspace: '/w', startedAtMs: 0 });
  mounts = (): string => 'invisible (writes wait for approval) default /w\n';
  policy = (): Buffer => Buffer.from('# règle\nversion = 1\n');
  replacePolicy(toml: Buffer, by: string): void {
    this.policies.push(`${by}: ${toml.toString()}`);
  }
  get set(): string {
    return `set-of-${this.items.map((item) => item.id).join('-')}`;
  }
  pending = () => ({ set: this.set, items: this.items, ignored: 4 });
  requirePending(id: string): void {
    if (this.moved.has(id)) fail('ESTALE');
    if (!this.items.some((item) => item.id === id)) fail('ENOENT');
  }
  pendingDetail(id: string): string {
    this.requirePending(id);
    return `kind modify\nid ${id}\n\n-old\n+new\n`;
  }
  approve(params: ApproveParams): readonly ApproveResult[] {
    this.approvals.push(params);
    if (this.conflicts.length > 0)
      return [{ commit: '', approved: [], parents: [], conflicts: this.conflicts, leftovers: [] }];
    this.items = this.items.filter((item) => !params.ids.includes(item.id));
    return [{ commit: 'c1', approved: params.ids, parents: ['/w/new'], conflicts: [], leftovers: [] }];
  }
  reject(params: { ids: readonly string[]; reason: string; pid: number }): readonly string[] {
    this.rejections.push(params);
    this.items = this.items.filter((item) => !params.ids.includes(item.id));
    return params.ids;
  }
  commits = (): readonly CommitItem[] => [
    { id: 'c0', agent: 'claude', atMs: 5, by: 'operator pid 9', paths: ['/w/x'] },
  ];
  commitText(id: string): string {
    return id === 'c0' ? 'id c0\nby operator pid 9\npath /w/x\n' : fail('ENOENT');
  }
  auditHead = (): string => 'agentsh\n1\n';
  who = (): string => 'operator 1\n';
  denials = (): string => '';
  record(event: AuditEvent): void {
    this.recorded.push(event);
  }
}

/** An answer that is owed, and what came of it. */
export class FakeDeferred implements Deferred {
  answer: string | undefined;
  onCancel: (() => void) | null = null;
  data(payload: Buffer): void {
    this.answer ??= payload.toString('latin1');
  }
  written(sizeBytes: number): void {
    this.answer ??= `written ${sizeBytes}`;
  }
  opened(open: OpenReply): void {
    this.answer ??= `opened ${open.handle}`;
  }
  error(number: number): void {
    this.answer ??= `error ${number}`;
  }
  failed(thrown: unknown): void {
    this.error(thrown instanceof Errno ? thrown.number : ERRNO.EIO);
  }
}

export class FakeCaller implements Caller {
  readonly uid: number;
  readonly gid = 0;
  readonly pid = 77;
  readonly owed: FakeDeferred[] = [];
  constructor(uid = 0) {
    this.uid = uid;
  }
  defer(): FakeDeferred {
    const deferred = new FakeDeferred();
    this.owed.push(deferred);
    return deferred;
  }
}

/** The name of the error that `run` throws, `ok` if none. */
export function errorOf(run: () => unknown): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    if (error instanceof Errno) return error.name;
    throw error;
  }
}

/** Collects names, refusing after `room` entries. */
export class FakeSink implements DirectorySink {
  readonly names: string[] = [];
  readonly nodes: number[] = [];
  readonly inos: number[] = [];
  next = 0;
  readonly #room: number;
  constructor(room = Number.POSITIVE_INFINITY) {
    this.#room = room;
  }
  add(name: string, ino: number, _type: number, nextOffset: number): boolean {
    if (this.names.length >= this.#room) return false;
    this.names.push(name);
    this.inos.push(ino);
    this.next = nextOffset;
    return true;
  }
  addPlus(name: string, entry: { nodeId: number }, ino: number, type: number, nextOffset: number): boolean {
    if (!this.add(name, ino, type, nextOffset)) return false;
    this.nodes.push(entry.nodeId);
    return true;
  }
}
