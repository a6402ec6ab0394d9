// Sessions and directory mounts as clients ask for them; a session ends with the connection that opened it.
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { staleMounts, unmount } from '../fuse/mount.ts';
import type { Agent } from './agent.ts';
import type { Session } from './agentHost.ts';
import { bytesOf, shown, textOf } from './bytePath.ts';
import type { ClientMethods, MountOpen, MountOpened, SessionOpen, SessionOpened } from './clientProtocol.ts';
import type { Kernel } from './kernel.ts';
import { sandboxOf } from './processes.ts';
import { RequestError } from './requestError.ts';
import type { Peer } from './socketServer.ts';

interface Open {
  readonly agent: Agent;
  readonly session: Session;
}

export class Sessions {
  readonly #kernel: Kernel;
  readonly #open = new Map<number, Open>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  async open(peer: Peer, request: SessionOpen): Promise<SessionOpened> {
    const kernel = this.#kernel;
    const view = kernel.view(request);
    const wanted =
      request.name === undefined ? { program: request.program } : { program: request.program, name: request.name };
    const entered = await kernel.agents.enter(view, wanted, peer.id);
    const { agent, session, mounted, joined } = entered;
    this.#open.set(session.id, { agent, session });
    if (!kernel.isConnected(peer)) {
      await this.close(peer, session.id);
      throw new RequestError('ECONNRESET', 'the client has gone');
    }
    kernel.record({
      op: 'session',
      path: view.workspace,
      verdict: 'info',
      pid: peer.pid,
      note: `${agent.place.name} ${request.program}`,
    });
    // Who joins gets the rules that are in force there, not what its own request would have meant.
    const { summary, grants, home } = agent.view;
    const kept = joined && JSON.stringify(agent.view.policy) !== JSON.stringify(view.policy);
    return {
      session: session.id,
      agent: agent.key,
      name: agent.place.name,
      joined,
      resumed: entered.resumed,
      mountpoint: bytesOf(mounted.mountpoint),
      idShift: mounted.idShift,
      workspace: agent.place.workspace,
      home,
      grants: kept
        ? [...grants, `${agent.place.name} is live: its rules stay as they are until its last session ends`]
        : grants,
      policy: summary,
      pending: entered.status.pending,
    };
  }

  /** The sandbox's process, for `kill` and for a client that dies. */
  attend(peer: Peer, id: number, pid: number): void {
    const { session } = this.#find(peer, id);
    const sandbox = sandboxOf(pid);
    if (sandbox === undefined) throw new RequestError('ESRCH', `${pid}: no such process`);
    session.sandbox = sandbox;
  }

  async record(
    peer: Peer,
    id: number,
    event: { readonly op: string; readonly note: string; readonly pid: number },
  ): Promise<void> {
    const { agent } = this.#find(peer, id);
    await agent.call('record', { event: { ...event, path: agent.place.workspace, verdict: 'info' } });
  }

  async close(peer: Peer, id: number): Promise<ClientMethods['session.close']['result']> {
    const { agent } = this.#find(peer, id);
    this.#open.delete(id);
    const left = await this.#kernel.agents.leave(agent, id);
    this.#kernel.record({
      op: 'session-end',
      path: agent.place.workspace,
      verdict: 'info',
      pid: peer.pid,
      note: agent.place.name,
    });
    return left;
  }

  /** A client has gone: so have its sessions. */
  async endOf(peer: number): Promise<void> {
    const left = [...this.#open.entries()].filter(([, { session }]) => session.peer === peer);
    for (const [id, { agent }] of left) {
      this.#open.delete(id);
      try {
        await this.#kernel.agents.leave(agent, id);
        this.#kernel.record({
          op: 'session-end',
          path: agent.place.workspace,
          verdict: 'info',
          note: `${agent.place.name}: its client has gone`,
        });
      } catch (error) {
        this.#kernel.log.error(`${agent.key}: ending a session`, error);
      }
    }
  }

  async mount(peer: Peer, request: MountOpen): Promise<MountOpened> {
    const kernel = this.#kernel;
    const view = kernel.view(request);
    await clearDeadMount(textOf(request.mountpoint));
    const mountpoint = kernel.checkMountpoint(request.mountpoint);
    const wanted =
      request.name === undefined ? { program: request.program } : { program: request.program, name: request.name };
    const { allowOther, readOnly, suid, dev } = request;
    const flags = { allowOther, readOnly, suid, dev };
    const { agent, joined } = await kernel.agents.mountAt(view, wanted, mountpoint, flags, request.connection);
    kernel.record({ op: 'mount', path: bytesOf(mountpoint), verdict: 'info', pid: peer.pid, note: agent.place.name });
    return { agent: agent.key, mountpoint: bytesOf(mountpoint), joined, grants: agent.view.grants };
  }

  async unmount(peer: Peer, mountpoint: string): Promise<ClientMethods['umount']['result']> {
    const { agent, pending } = await this.#kernel.agents.unmountAt(withRealParent(textOf(mountpoint)));
    this.#kernel.record({ op: 'umount', path: mountpoint, verdict: 'info', pid: peer.pid, note: agent.place.name });
    return { agent: agent.key, pending };
  }

  #find(peer: Peer, id: number): Open {
    const found = this.#open.get(id);
    if (found === undefined || found.session.peer !== peer.id)
      throw new RequestError('ENOENT', `${id}: no session of yours`);
    return found;
  }
}

/** As the mount is listed: without symlinks above. The mount itself is not looked at. */
function withRealParent(mountpoint: string): string {
  try {
    return path.join(realpathSync(path.dirname(mountpoint)), path.basename(mountpoint));
  } catch {
    return mountpoint;
  }
}

/** A view whose kernel was killed still lies there, and every look at it fails: it is taken away. */
async function clearDeadMount(mountpoint: string): Promise<void> {
  try {
    lstatSync(mountpoint);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTCONN') return;
    const place = withRealParent(mountpoint);
    for (const stale of staleMounts(place)) if (stale === place) await unmount(stale);
  }
}

/** An empty directory, not within the places of agentsh; without symlinks. Looked at before it is mounted over. */
export function checkMountpoint(bytes: string, forbidden: readonly string[], mounted: readonly string[]): string {
  const text = textOf(bytes);
  if (!text.startsWith('/')) throw new RequestError('EINVAL', `${shown(bytes)}: not an absolute path`);
  const isWithin = (place: string, root: string) => place === root || place.startsWith(`${root}/`);
  if (forbidden.some((root) => isWithin(bytes, root))) {
    throw new RequestError('EINVAL', `${shown(bytes)}: belongs to agentsh itself`);
  }
  if (mounted.some((root) => isWithin(text, root)))
    throw new RequestError('EBUSY', `${shown(bytes)}: is mounted already`);
  const found = lstatSync(text);
  if (!found.isDirectory()) throw new RequestError('ENOTDIR', `${shown(bytes)}: is not a directory`);
  const realPath = realpathSync(text);
  if (forbidden.some((root) => isWithin(bytesOf(realPath), root))) {
    throw new RequestError('EINVAL', `${shown(bytes)}: belongs to agentsh itself`);
  }
  if (readdirSync(realPath).length > 0) throw new RequestError('ENOTEMPTY', `${shown(bytes)}: is not empty`);
  return realPath;
}
