// What the conductor asks of an actor, and what that answers.
import type { AloneOptions, Played } from './alone.ts';
import type { Attended, CrowdOptions } from './crowd.ts';
import type { Answer } from './hands.ts';
import type { Operation } from './operation.ts';
import type { Walked } from './walk.ts';

/** Trees travel as the base64 text of their serialized form. */
export type Request =
  | { readonly do: 'begin'; readonly options: Omit<AloneOptions, 'tree'>; readonly tree: string }
  | { readonly do: 'enter'; readonly sharedPath: string; readonly ownPath?: string; readonly renumbered?: boolean }
  | { readonly do: 'perform'; readonly operations: readonly Operation[] }
  | { readonly do: 'walk' }
  | { readonly do: 'bytes'; readonly path: string }
  | { readonly do: 'alone'; readonly count: number; readonly mayCrash: boolean }
  | { readonly do: 'check' }
  | { readonly do: 'recover' }
  | { readonly do: 'restart'; readonly tree: string }
  | { readonly do: 'crowd'; readonly path: string; readonly options: CrowdOptions }
  | { readonly do: 'openCrowd'; readonly path: string }
  | { readonly do: 'checkCrowd'; readonly path: string; readonly attended: readonly Attended[] }
  | { readonly do: 'history' }
  | { readonly do: 'leave' };

export interface Reply {
  readonly error?: string;
  readonly answers?: readonly Answer[];
  readonly walked?: Walked;
  readonly bytes?: string;
  readonly played?: Played;
  readonly attended?: Attended;
  readonly history?: readonly Operation[];
  /** Empty where nothing is wrong. */
  readonly failure?: string;
}
