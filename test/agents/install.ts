// Installs the programs as a user would: npm's global prefix in the home directory, a virtual environment with a link
// in ~/.local/bin. What cannot be had is told with the installer's own error.
import { existsSync, lstatSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory, type Person, runAs } from './person.ts';

export type Installed =
  | { readonly ok: true; readonly version: string }
  | { readonly ok: false; readonly error: string };

const INSTALL_MS_MAX = 900_000;
const VERSION_MS_MAX = 60_000;
const ERROR_CHARACTERS_MAX = 600;

/** Directories that the person's PATH begins with. */
export const programDirectories = ({ home }: Person): readonly string[] => [
  path.join(home, '.npm-global/bin'),
  path.join(home, '.local/bin'),
];

export function environmentOf(person: Person): Record<string, string> {
  const { home, name } = person;
  const PATH = [...programDirectories(person), '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'].join(':');
  return { HOME: home, USER: name, LOGNAME: name, SHELL: '/bin/bash', TERM: 'xterm-256color', LANG: 'C.UTF-8', PATH };
}

/** `npm install --global PACKAGE`, with npm's prefix in the home directory. */
export function installFromNpm(person: Person, packageName: string, program: string): Installed {
  return install(person, program, (env) => {
    const prefix = path.join(person.home, '.npm-global');
    const npm = ['npm', 'install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', '--loglevel=error'];
    return problem(person, [...npm, packageName], env);
  });
}

/** A virtual environment of the package, and its program linked into ~/.local/bin, as pipx and others do. */
export function installFromPypi(person: Person, packageName: string, program: string): Installed {
  return install(person, program, (env) => {
    const environment = path.join(person.home, '.venvs', program);
    const link = path.join(person.home, '.local/bin', program);
    rmSync(environment, { recursive: true, force: true });
    makeDirectory(person, path.dirname(environment));
    makeDirectory(person, path.dirname(link));
    const failed =
      problem(person, ['/usr/bin/python3', '-m', 'venv', environment], env) ??
      problem(person, [path.join(environment, 'bin/pip'), 'install', '--quiet', packageName], env);
    if (failed === undefined && lstatSync(link, { throwIfNoEntry: false }) === undefined) {
      symlinkSync(path.join(environment, 'bin', program), link);
    }
    return failed;
  });
}

type Env = Readonly<Record<string, string>>;

/** What was installed by an earlier run stays. */
function install(person: Person, program: string, work: (env: Env) => string | undefined): Installed {
  const env = { ...installerEnvironment(), ...environmentOf(person) };
  makeDirectory(person, person.home);
  const before = versionOf(person, program, env);
  if (before !== undefined) return { ok: true, version: before };
  const error = work(env);
  if (error !== undefined) return { ok: false, error };
  const version = versionOf(person, program, env);
  return version === undefined
    ? { ok: false, error: `${program} was installed, but ${program} --version fails` }
    : { ok: true, version };
}

/** Where registries and certificates are set by variables, installers need them. */
function installerEnvironment(): Record<string, string> {
  const wanted = /^(?:https?_proxy|no_proxy|npm_config_registry|PIP_.*|SSL_CERT_.*|NODE_EXTRA_CA_CERTS)$/i;
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.filter(([name]) => wanted.test(name)));
}

function problem(person: Person, words: readonly string[], env: Env): string | undefined {
  const { status, stdout, stderr, error } = runAs(person, words, { cwd: person.home, env, timeoutMs: INSTALL_MS_MAX });
  if (status === 0) return undefined;
  const said = shortened(`${stdout ?? ''}\n${stderr ?? ''}`.trim());
  return `${words.join(' ')}: ${error?.message ?? `exit ${status}`}\n${said}`;
}

/** npm gives its reason first, pip last. */
function shortened(text: string): string {
  if (text.length <= ERROR_CHARACTERS_MAX) return text;
  const half = ERROR_CHARACTERS_MAX / 2;
  return `${text.slice(0, half)} … ${text.slice(-half)}`;
}

function versionOf(person: Person, program: string, env: Env): string | undefined {
  const file = programDirectories(person)
    .map((directory) => path.join(directory, program))
    .find((candidate) => existsSync(candidate));
  if (file === undefined) return undefined;
  const { status, stdout } = runAs(person, [file, '--version'], { cwd: person.home, env, timeoutMs: VERSION_MS_MAX });
  return status === 0 ? /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] : undefined;
}
