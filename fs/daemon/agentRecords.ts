// What the kernel remembers of an agent between its sessions: HOME/agents/<hash>/<name>/agent.json, replaced whole.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AgentPlace } from './agentHost.ts';
import type { AgentView } from './agentView.ts';
import type { Places } from './places.ts';
import type { AgentStatus } from './protocol.ts';

export const RECORD_FORMAT = 1;

export interface AgentRecord {
  readonly format: number;
  readonly name: string;
  readonly workspace: string;
  /** How it was opened last: reviews and approvals open it the same way. */
  readonly view: AgentView;
  readonly status: AgentStatus | undefined;
}

const fileOf = (directory: string): string => path.join(directory, 'agent.json');

export function writeAgentRecord(place: AgentPlace, view: AgentView, status: AgentStatus | undefined): void {
  const record: AgentRecord = { format: RECORD_FORMAT, name: place.name, workspace: place.workspace, view, status };
  const file = fileOf(place.directory);
  mkdirSync(place.directory, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function removeAgentRecord(place: AgentPlace): void {
  rmSync(fileOf(place.directory), { force: true });
}

export interface StoredAgent {
  readonly place: AgentPlace;
  readonly record: AgentRecord;
}

/** Every agent that has a record. One that cannot be read is reported to `damaged` and left alone. */
export function readAgentRecords(places: Places, damaged: (file: string, reason: unknown) => void): StoredAgent[] {
  const found: StoredAgent[] = [];
  for (const directory of agentDirectories(places)) {
    const file = fileOf(directory);
    try {
      const record = JSON.parse(readFileSync(file, 'utf8')) as AgentRecord;
      if (record.format !== RECORD_FORMAT) throw new Error(`format ${record.format} is not ${RECORD_FORMAT}`);
      found.push({ place: { name: record.name, workspace: record.workspace, directory }, record });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') damaged(file, error);
    }
  }
  return found;
}

/** Directories of all stores, with a record or without. */
export function agentDirectories(places: Places): string[] {
  const all: string[] = [];
  for (const hash of directoriesIn(places.agents)) {
    const workspace = path.join(places.agents, hash);
    for (const name of directoriesIn(workspace)) all.push(path.join(workspace, name));
  }
  return all;
}

function directoriesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
