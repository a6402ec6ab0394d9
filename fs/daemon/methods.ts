// The methods of the socket: one table of what each takes, whether it changes anything, and what it does.
import { z } from 'zod';
import { POLICY_BYTES_MAX } from '../../policy/file.ts';
import { ledgerDirectory } from './agentHost.ts';
import { agentDirectories } from './agentRecords.ts';
import { bytesOf } from './bytePath.ts';
import type { ClientMethod, ClientMethods } from './clientProtocol.ts';
import { LINE_BYTES_MAX } from './clientProtocol.ts';
import { CONNECTION_PROFILES } from './connectionProfile.ts';
import { PART_BYTES_MAX } from './filePart.ts';
import type { Kernel } from './kernel.ts';
import { RequestError } from './requestError.ts';
import { SlidingWindow } from './slidingWindow.ts';
import type { Peer } from './socketServer.ts';

/** Changes a principal may ask for within the window: far more than a person, far less than a runaway loop. */
const MUTATIONS = { countMax: 400, windowMs: 10_000 } as const;

interface Method<M extends ClientMethod> {
  readonly mutates: boolean;
  readonly params: z.ZodType<ClientMethods[M]['params']>;
  serve(kernel: Kernel, params: ClientMethods[M]['params'], peer: Peer): Promise<ClientMethods[M]['result']>;
}

const PATH_MAX = 4096;
const placeText = z
  .string()
  .max(PATH_MAX)
  .refine((text) => !text.includes('\0'), 'a NUL byte');
const nameText = z
  .string()
  .min(1)
  .max(PATH_MAX + 256);
const nothing = z.object({});
const filter = { agent: nameText.optional(), workspace: placeText.optional() };
const policyText = z.object({ file: placeText, text: z.string().max(POLICY_BYTES_MAX) });
const environment = z.record(z.string(), z.string());
const ids = z.array(nameText);
const flag = z.boolean().default(false);

const sessionShape = {
  cwd: placeText,
  workspace: placeText.optional(),
  name: z.string().optional(),
  program: z.string().min(1).max(256),
  policy: policyText.optional(),
  profile: z.string().max(64).optional(),
  environment,
  net: z.string().max(4096).optional(),
  throwaway: flag,
};

/** zod writes `undefined` for what is missing; the contracts leave it out. Absent keys never appear in its output. */
const shape = <T extends z.ZodRawShape>(fields: T): z.ZodType<never> => z.object(fields) as unknown as z.ZodType<never>;

export const METHODS: { readonly [M in ClientMethod]: Method<M> } = {
  status: { mutates: false, params: nothing, serve: async (kernel) => kernel.status() },
  ps: { mutates: false, params: nothing, serve: (kernel) => kernel.agents.list() },
  who: { mutates: false, params: nothing, serve: async (kernel) => kernel.who() },
  'session.open': {
    mutates: true,
    params: shape(sessionShape),
    serve: (kernel, params, peer) => kernel.sessions.open(peer, params),
  },
  'session.pid': {
    mutates: false,
    params: z.object({ session: z.number(), pid: z.number().int() }),
    serve: async (kernel, { session, pid }, peer) => {
      kernel.sessions.attend(peer, session, pid);
      return {};
    },
  },
  'session.record': {
    mutates: false,
    params: z.object({
      session: z.number(),
      op: z.string().max(64),
      note: z.string().max(65_536),
      pid: z.number().int(),
    }),
    serve: async (kernel, { session, ...event }, peer) => {
      await kernel.sessions.record(peer, session, event);
      return {};
    },
  },
  'session.close': {
    mutates: false,
    params: z.object({ session: z.number() }),
    serve: (kernel, { session }, peer) => kernel.sessions.close(peer, session),
  },
  mount: {
    mutates: true,
    params: shape({
      ...sessionShape,
      mountpoint: placeText,
      mode: z.string().max(64).optional(),
      readOnly: flag,
      allowOther: flag,
      suid: flag,
      dev: flag,
      connection: z.enum(CONNECTION_PROFILES).optional(),
    }),
    serve: (kernel, params, peer) => kernel.sessions.mount(peer, params),
  },
  umount: {
    mutates: true,
    params: z.object({ mountpoint: placeText }),
    serve: (kernel, { mountpoint }, peer) => kernel.sessions.unmount(peer, mountpoint),
  },
  pending: {
    mutates: false,
    params: shape({ ...filter, ignored: z.boolean().optional() }),
    serve: (kernel, { ignored, ...rest }) => kernel.changes.pending(rest, ignored === true),
  },
  detail: {
    mutates: false,
    params: shape({ ...filter, id: nameText }),
    serve: (kernel, { id, ...rest }) => kernel.changes.detail(rest, id),
  },
  approve: {
    mutates: true,
    params: shape({ ...filter, ids, set: z.string().max(128).optional() }),
    serve: (kernel, { ids, set, ...rest }, peer) => kernel.approve(rest, { ids, set }, `operator pid ${peer.pid}`),
  },
  reject: {
    mutates: true,
    params: shape({ ...filter, ids, reason: z.string().max(4096) }),
    serve: (kernel, { ids, reason, ...rest }, peer) => kernel.reject(rest, ids, reason, peer.pid),
  },
  commits: { mutates: false, params: shape(filter), serve: (kernel, params) => kernel.changes.commits(params) },
  audit: {
    mutates: false,
    params: z.object({ agent: nameText, offset: z.number().int().min(0), lengthBytes: z.number().int().min(0) }),
    serve: async (kernel, { agent, offset, lengthBytes }) => {
      // A byte may need six characters in JSON.
      const length = Math.min(lengthBytes, PART_BYTES_MAX, Math.floor(LINE_BYTES_MAX / 8));
      if (agent === 'kernel') return kernel.ledger.read(offset, length);
      return kernel.agents.one({ agent }).readAudit(offset, length);
    },
  },
  'verify.inputs': {
    mutates: false,
    params: shape(filter),
    serve: async (kernel, params) => {
      const publicKey = kernel.ledger.signer.publicKey.toString('hex');
      const agents = kernel.agents
        .select(params)
        .map(({ key, place }) => ({ agent: key, directory: bytesOf(ledgerDirectory(place)) }));
      const named = new Set(agents.map(({ directory }) => directory));
      const all = params.agent === undefined && params.workspace === undefined;
      const rest = all
        ? agentDirectories(kernel.places)
            .map((directory) => `${bytesOf(directory)}/ledger`)
            .filter((directory) => !named.has(directory))
        : [];
      const own = all ? [{ agent: 'kernel', directory: bytesOf(kernel.places.ledger) }] : [];
      const dropped = rest.map((directory) => ({ agent: directory, directory }));
      return [...own, ...agents, ...dropped].map((item) => ({ ...item, publicKey }));
    },
  },
  kill: {
    mutates: true,
    params: z.object({ agent: nameText }),
    serve: async (kernel, params, peer) => {
      const agent = kernel.agents.one(params);
      kernel.record({
        op: 'kill',
        path: agent.place.workspace,
        verdict: 'info',
        pid: peer.pid,
        note: agent.place.name,
      });
      return { killed: agent.kill() };
    },
  },
  discard: {
    mutates: true,
    params: z.object({ agent: nameText }),
    serve: async (kernel, params, peer) => {
      const agent = await kernel.agents.discard(params);
      kernel.record({
        op: 'discard',
        path: agent.place.workspace,
        verdict: 'info',
        pid: peer.pid,
        note: agent.place.name,
      });
      return {};
    },
  },
  shutdown: {
    mutates: true,
    params: z.object({ force: z.boolean() }),
    serve: async (kernel, { force }, peer) => {
      const live = kernel.agents.liveCount();
      if (live > 0 && !force) throw new RequestError('EBUSY', `${live} agents are live: end them, or use --force`);
      // After this answer: draining waits for it.
      setImmediate(() => void kernel.end(`asked by pid ${peer.pid}`));
      return {};
    },
  },
  'policy.check': {
    mutates: false,
    params: shape({
      cwd: placeText,
      workspace: placeText.optional(),
      policy: policyText.optional(),
      profile: z.string().max(64).optional(),
      program: z.string().max(256).optional(),
      environment,
    }),
    serve: async (kernel, params) => checkPolicy(kernel, params),
  },
};

function checkPolicy(
  kernel: Kernel,
  params: ClientMethods['policy.check']['params'],
): ClientMethods['policy.check']['result'] {
  try {
    const view = kernel.view({ ...params, program: params.program ?? 'shell' });
    return { problems: [], mounts: view.summary.mounts, files: view.files, grants: view.grants };
  } catch (error) {
    if (!(error instanceof RequestError) || error.problems === undefined) throw error;
    return { problems: error.problems, mounts: [], files: [], grants: [] };
  }
}

/** Serves one request of a peer: known, well-formed, within its rate. */
export function dispatcher(kernel: Kernel): (peer: Peer, name: string, params: unknown) => Promise<unknown> {
  const window = new SlidingWindow(MUTATIONS, () => performance.now());
  return async (_peer, name, params) => {
    if (!Object.hasOwn(METHODS, name)) throw new RequestError('ENOSYS', `${name}: no such method`);
    const method = METHODS[name as ClientMethod] as Method<ClientMethod>;
    const parsed = method.params.safeParse(params);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new RequestError('EINVAL', `${name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
    }
    // Whoever has the token is the operator: one principal, however many connections.
    if (method.mutates && !window.take('operator')) {
      throw new RequestError(
        'EAGAIN',
        `more than ${MUTATIONS.countMax} changes in ${MUTATIONS.windowMs / 1000} s: slow down`,
      );
    }
    return method.serve(kernel, parsed.data, _peer);
  };
}
