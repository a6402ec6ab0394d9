// Watches the policy files of live agents, whether they are there yet or not.
//
// By inotify on the directories that lead to a file, from a base that exists, and on the file itself (which may be a
// link). No entry of those directories is ever looked at: one of them may be a mount of our own, or one that hangs. That
// rules out chokidar here, which asks for the attributes of every entry.
import { type FSWatcher, watch } from 'node:fs';
import type { Agent } from './agent.ts';
import type { WatchedFile } from './agentView.ts';
import { native, shown } from './bytePath.ts';

const WATCHED_MAX = 128;
/** An editor writes, renames and touches: one edit. */
const QUIET_MS = 150;

export interface PolicyWatchHost {
  live(): readonly Agent[];
  edited(agent: Agent, file: string): Promise<void>;
  log(text: string): void;
}

export class PolicyWatch {
  readonly #host: PolicyWatchHost;
  readonly #watched = new Map<string, FileWatch>();

  constructor(host: PolicyWatchHost) {
    this.#host = host;
  }

  /** Agents came or went: watches what is theirs, and no more. */
  follow(): void {
    const wanted = new Map(
      this.#host
        .live()
        .flatMap(filesOf)
        .map((each) => [each.file, each]),
    );
    for (const [file, watched] of this.#watched) {
      if (wanted.has(file)) continue;
      this.#watched.delete(file);
      watched.close();
    }
    for (const [file, place] of wanted) if (!this.#watched.has(file)) this.#begin(file, place);
  }

  close(): void {
    for (const watched of this.#watched.values()) watched.close();
    this.#watched.clear();
  }

  #begin(file: string, place: WatchedFile): void {
    const log = (reason: string) => this.#host.log(`${shown(file)}: is not watched: ${reason}`);
    if (this.#watched.size >= WATCHED_MAX) return log('too many are');
    this.#watched.set(file, new FileWatch(place, () => this.#noticed(file), log));
  }

  #noticed(file: string): void {
    for (const agent of this.#host.live()) {
      if (!filesOf(agent).some((each) => each.file === file)) continue;
      this.#host
        .edited(agent, shown(file))
        .catch((error: unknown) => this.#host.log(`${agent.key}: ${shown(file)}: ${String(error)}`));
    }
  }
}

const filesOf = (agent: Agent): readonly WatchedFile[] => agent.view.source?.().watched ?? [];

class FileWatch {
  readonly #place: WatchedFile;
  readonly #noticed: () => void;
  readonly #failed: (reason: string) => void;
  #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(place: WatchedFile, noticed: () => void, failed: (reason: string) => void) {
    this.#place = place;
    this.#noticed = noticed;
    this.#failed = failed;
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  /** Every directory on the way as far as they exist, each for the next name, and the file. */
  #arm(): void {
    this.close();
    const { base, file } = this.#place;
    let at = base;
    for (const name of file.slice(base.length + 1).split('/')) {
      if (!this.#add(at, name)) return;
      at = `${at}/${name}`;
    }
    this.#add(file, undefined);
  }

  /** False where there is nothing to watch. */
  #add(place: string, name: string | undefined): boolean {
    try {
      const watcher = watch(native(place), { persistent: false, encoding: 'latin1' }, (_event, changed) => {
        if (name === undefined || changed === null || changed === name) this.#wait();
      });
      watcher.on('error', (error) => this.#failed(error.message));
      this.#watchers.push(watcher);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') this.#failed(String(code));
      return false;
    }
  }

  /** First the watches as the directories are now, then the look: what comes in between is seen by one of them. */
  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#arm();
      this.#noticed();
    }, QUIET_MS);
    this.#timer.unref();
  }
}
