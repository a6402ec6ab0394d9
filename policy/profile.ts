// Profiles: data files that list what a known program needs to work in a sandbox.

import { z } from 'zod';
import { parseEndpoint } from './endpoint.ts';
import { InputError } from './inputError.ts';
import { pathProblem } from './rules.ts';
import { expandPath } from './variables.ts';

const TEXT_BYTES_MAX = 64 * 1024;
const LIST_MAX = 200;

const name = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected a name of a-z, 0-9, - and _');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of an environment variable');
const statePath = z
  .string()
  .max(1024)
  .refine((path) => /^~\/[^*]+$/.test(path) && isExpandable(path), 'expected a path that begins with "~/"');

const profileSchema = z.strictObject({
  name,
  title: z.string().min(1).max(80),
  /** Base names of commands that choose this profile. */
  commands: z
    .array(z.string().regex(/^[^/\0]+$/))
    .min(1)
    .max(LIST_MAX),
  /** Private, and seeded once from the host. */
  state: z.array(statePath).max(LIST_MAX),
  /** Names that pass from the host if they are set there. */
  environment: z.array(variable).max(LIST_MAX),
  set: z.record(variable, z.string().max(1024)),
  network: z.array(z.string().refine((text) => parseEndpoint(text) !== undefined, 'expected HOST:PORT')).max(LIST_MAX),
  /** Put behind the program's name on its command line. */
  flags: z.array(z.string().max(1024)).max(LIST_MAX),
  /** One sentence on why the flags are needed. */
  flagsReason: z.string().max(200).optional(),
});

export type Profile = Readonly<z.output<typeof profileSchema>>;

/**
 * Parses a profile (JSON).
 * @throws InputError
 */
export function parseProfile(text: string, file: string): Profile {
  const fail = (reason: string, cause?: unknown) => new InputError({ file, line: 0, column: 0, reason }, { cause });
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX) throw fail(`larger than ${TEXT_BYTES_MAX} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail(`not JSON: ${(cause as Error).message}`, cause);
  }
  const result = profileSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw fail(`${issue.path.map(String).join('.') || 'profile'}: ${issue.message}`);
}

/** The profile that a command's name (or path) chooses, if any. */
export function profileFor(command: string, profiles: readonly Profile[]): Profile | undefined {
  const base = command.slice(command.lastIndexOf('/') + 1);
  return profiles.find((profile) => profile.commands.includes(base));
}

/** What a profile grants, one line each, to be printed at start. */
export function profileGrants(profile: Profile): readonly string[] {
  const set = Object.entries(profile.set).map(([key, value]) => `${key}=${value}`);
  const because = profile.flagsReason === undefined ? '' : ` (${profile.flagsReason})`;
  const lines: readonly (readonly [string, readonly string[]])[] = [
    ['private copy of', profile.state],
    ['environment', profile.environment],
    ['sets', set],
    ['network', profile.network],
    [`adds${because}`, profile.flags],
  ];
  return lines
    .filter(([, words]) => words.length > 0)
    .map(([what, words]) => `profile ${profile.name}: ${what} ${words.join(' ')}`);
}

function isExpandable(path: string): boolean {
  const expanded = expandPath(path, { workspace: '/workspace', home: '/home' });
  return typeof expanded === 'string' && pathProblem(expanded) === undefined && expanded !== '/home';
}
