// Which directory a session is over: the one named, else the git root around the caller's, else the caller's.
import { statSync } from 'node:fs';
import path from 'node:path';
import { native, realOrSame, realPath, shown } from './bytePath.ts';
import { findRepository, type Repository } from './repository.ts';
import { RequestError } from './requestError.ts';

export interface Workspace {
  /** As named or found, absolute; byte strings, as all paths here. */
  readonly directory: string;
  readonly realPath: string;
  /** The repository it lies in, if any. */
  readonly repository: Repository | undefined;
}

export interface WorkspaceRequest {
  readonly cwd: string;
  readonly explicit: string | undefined;
  readonly home: string;
  /** Uids whose repositories count. */
  readonly owners: ReadonlySet<number>;
  /** Directories of agentsh itself, real paths. */
  readonly forbidden: readonly string[];
}

/** Throws a RequestError that says what to do. */
export function findWorkspace({ cwd, explicit, home, owners, forbidden }: WorkspaceRequest): Workspace {
  // Before anything is looked at: a look into the operator's mount would wait for this very thread.
  refuseOwn(path.resolve(cwd, explicit ?? '.'), forbidden);
  if (explicit !== undefined) {
    const directory = path.resolve(cwd, explicit);
    const realPath = realDirectory(directory);
    refuseOwn(realPath, forbidden);
    return { directory, realPath, repository: findRepository(realPath, owners) };
  }
  const realCwd = realDirectory(cwd);
  refuseOwn(realCwd, forbidden);
  const repository = findRepository(realCwd, owners);
  // A repository over the whole home directory is no workspace: dotfiles are kept that way.
  if (repository !== undefined && !isHomeOrAbove(repository.root, home)) {
    const directory = repository.root === realCwd ? cwd : repository.root;
    return { directory, realPath: repository.root, repository };
  }
  if (isHomeOrAbove(realCwd, home)) {
    throw new RequestError(
      'EINVAL',
      `${shown(cwd)} is your home directory or above it: change to a project, or name the workspace with -w ${shown(cwd)}`,
    );
  }
  return { directory: cwd, realPath: realCwd, repository };
}

function isHomeOrAbove(directory: string, home: string): boolean {
  const prefix = directory.endsWith('/') ? directory : `${directory}/`;
  return [home, realOrSame(home)].some((place) => `${place}/`.startsWith(prefix));
}

function refuseOwn(directory: string, forbidden: readonly string[]): void {
  const own = forbidden.find((place) => `${directory}/`.startsWith(`${place}/`));
  if (own !== undefined) {
    throw new RequestError('EINVAL', `${shown(directory)} belongs to agentsh itself: choose another workspace`);
  }
}

function realDirectory(directory: string): string {
  if (!path.isAbsolute(directory)) throw new RequestError('EINVAL', `${shown(directory)}: not an absolute path`);
  let real: string;
  try {
    real = realPath(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
    const reason = code === 'ENOENT' ? 'no such directory' : code;
    throw new RequestError(code, `${shown(directory)}: ${reason}`, { cause: error });
  }
  if (!statSync(native(real)).isDirectory())
    throw new RequestError('ENOTDIR', `${shown(directory)}: is not a directory`);
  return real;
}
