// Watches the policy files of live agents, whether they are there yet or not.
//
// One watcher for each file, on the directories that lead to it from a base that exists; nothing else is looked into.
import path from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Agent } from './agent.ts';
import type { WatchedFile } from './agentView.ts';
import { bytesOf, shown, textOf } from './bytePath.ts';

const WATCHED_MAX = 128;
/** An editor writes, renames and touches: one edit. */
const QUIET_MS = 150;

interface Watched {
  readonly watcher: FSWatcher;
  timer: NodeJS.Timeout | undefined;
}

export interface PolicyWatchHost {
  live(): readonly Agent[];
  edited(agent: Agent, file: string): Promise<void>;
  log(text: string): void;
}

export class PolicyWatch {
  readonly #host: PolicyWatchHost;
  readonly #watched = new Map<string, Watched>();

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
      this.#end(watched);
    }
    for (const [file, { base }] of wanted) if (!this.#watched.has(file)) this.#begin(file, base);
  }

  async close(): Promise<void> {
    const all = [...this.#watched.values()];
    this.#watched.clear();
    await Promise.all(all.map((watched) => this.#end(watched)));
  }

  #begin(file: string, base: string): void {
    const target = textOf(file);
    const isText = bytesOf(target) === file;
    if (!isText || this.#watched.size >= WATCHED_MAX) {
      this.#host.log(`${shown(file)}: is not watched: ${isText ? 'too many are' : 'its name is not UTF-8'}`);
      return;
    }
    const ignored = (place: string) => !leadsTo(place, target);
    const depth = target.slice(base.length).split('/').length - 2;
    const watcher = watch(textOf(base), { ignored, ignoreInitial: true, depth, persistent: false });
    const watched: Watched = { watcher, timer: undefined };
    this.#watched.set(file, watched);
    watcher.on('all', (_event, place) => {
      if (path.resolve(place) === target) this.#noticed(file, watched);
    });
    watcher.on('error', (error) => this.#host.log(`${shown(file)}: watching: ${String(error)}`));
  }

  #noticed(file: string, watched: Watched): void {
    clearTimeout(watched.timer);
    watched.timer = setTimeout(() => {
      for (const agent of this.#host.live()) {
        if (!filesOf(agent).some((each) => each.file === file)) continue;
        this.#host
          .edited(agent, shown(file))
          .catch((error: unknown) => this.#host.log(`${agent.key}: ${shown(file)}: ${String(error)}`));
      }
    }, QUIET_MS);
    watched.timer.unref();
  }

  #end({ watcher, timer }: Watched): Promise<void> {
    clearTimeout(timer);
    return watcher.close();
  }
}

const filesOf = (agent: Agent): readonly WatchedFile[] => agent.view.source?.().watched ?? [];

/** The file, or a directory above it. */
const leadsTo = (place: string, file: string): boolean =>
  place === file || file.startsWith(place.endsWith('/') ? place : `${place}/`);
