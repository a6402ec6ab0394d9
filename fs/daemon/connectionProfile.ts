// How a FUSE connection serves the files it shows: what `agentsh mount --connection` takes and `who` lists.
import type { EffectivePolicy } from '../../policy/effective.ts';
import { ruleFor, ruleTree } from '../../policy/rules.ts';
import { bytesOf, shown, textOf } from './bytePath.ts';

/**
 * `passthrough`: reads and writes of staging files and of files under `ro` go past the kernel process, where a file
 * allows it (root in the initial user namespace, Linux 6.9). `open`: an open is a message, its bytes are in the page
 * cache. `cached`: the workspace is a connection of its own, where opens, closes and what is cached cost no message;
 * the rest of the view is `open`.
 */
export const CONNECTION_PROFILES = ['passthrough', 'open', 'cached'] as const;
export type ConnectionProfile = (typeof CONNECTION_PROFILES)[number];

export const NOT_OFFERED = 'this Linux kernel’s FUSE does not pass files through (6.9 and newer do): use open';
const NOT_ROOT = 'only root in the first user namespace may pass files through: use open';
const NOT_ALONE = 'the agent has another connection, and then nothing is passed through: use open';

/** FUSE lets nobody in whose effective user is not the mount's: fusermount3 is set-uid root. */
const NOT_ENTERED = 'fusermount3 may not enter an ordinary user’s view to mount in it: use open, or --allow-other';

/** What a wish for a profile meets. */
export interface ProfileFacts {
  /** What a connection gets that nobody chose for. */
  readonly best: ConnectionProfile;
  /** Somebody else than the kernel's user may enter the view, or that is root. */
  readonly isEntered: boolean;
  /** The agent has no other connection. */
  readonly isAlone: boolean;
  readonly policy: EffectivePolicy;
  readonly workspace: string;
}

/** Why a profile cannot be had, or undefined. */
export function whyNot(profile: ConnectionProfile | undefined, facts: ProfileFacts): string | undefined {
  if (profile === 'cached') return facts.isEntered ? whyNotCached(facts.policy, facts.workspace) : NOT_ENTERED;
  if (profile !== 'passthrough') return undefined;
  if (facts.best !== 'passthrough') return NOT_ROOT;
  return facts.isAlone ? undefined : NOT_ALONE;
}

/** What only an open tells: then the workspace cannot do without. */
export function whyNotCached(policy: EffectivePolicy, workspace: string): string | undefined {
  const rule = ruleFor(ruleTree(policy.rules), workspace);
  if (workspace === '/' || rule.path !== workspace) return 'the workspace has no rule of its own';
  if (bytesOf(textOf(workspace)) !== workspace) return 'the workspace’s path is not UTF-8';
  const needs = [rule, ...policy.rules.filter(({ path }) => path.startsWith(`${workspace}/`))].find(
    ({ mode }) => mode === 'rw' || mode === 'ro',
  );
  if (needs !== undefined) return `${shown(needs.path)} is ${needs.mode}, which needs opens`;
  if (rule.mode === 'hidden') return 'the workspace is hidden';
  if (policy.exec.default !== 'allow' || policy.exec.rules.length > 0) return 'the policy’s exec rules need opens';
  return policy.audit.reads === 'all' ? 'the policy wants every read on record, which needs opens' : undefined;
}
