// What POSIX says a tree of files does, in memory: the oracle of the random-operation test.
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { HIDDEN_NAME, MASKED_NAME } from './randomWorld.ts';

export interface ModelInode {
  readonly kind: 'file' | 'directory' | 'link';
  mode: number;
  nlink: number;
  text: string;
  readonly attributes: Map<string, string>;
  readonly entries: Map<string, ModelInode>;
}

/** Fails as a system call does. */
export class ModelError extends Error {}
const fail = (name: string): never => {
  throw new ModelError(name);
};

function newInode(kind: ModelInode['kind'], mode: number, text = ''): ModelInode {
  return { kind, mode, nlink: kind === 'directory' ? 2 : 1, text, attributes: new Map(), entries: new Map() };
}

export class TreeModel {
  readonly root = newInode('directory', 0o755);

  /** The tree that a view begins with: the host's, without what is hidden or masked. */
  static ofHost(directory: string): TreeModel {
    const model = new TreeModel();
    const links = new Map<number, ModelInode>();
    const read = (path: string, into: ModelInode) => {
      for (const bytes of readdirSync(Buffer.from(path, 'latin1'), { encoding: 'buffer' })) {
        const name = bytes.toString('latin1');
        if (name === HIDDEN_NAME || name === MASKED_NAME) continue;
        const at = Buffer.from(`${path}/${name}`, 'latin1');
        const stats = lstatSync(at);
        const known = links.get(stats.ino);
        if (known !== undefined) {
          into.entries.set(name, known);
          continue;
        }
        const kind = stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'file';
        const text = kind === 'file' ? readFileSync(at, 'latin1') : kind === 'link' ? readlinkSync(at, 'latin1') : '';
        const inode = newInode(kind, stats.mode & 0o7777, text);
        inode.nlink = stats.nlink;
        into.entries.set(name, inode);
        if (kind === 'directory') read(`${path}/${name}`, inode);
        else links.set(stats.ino, inode);
      }
    };
    read(directory, model.root);
    return model;
  }

  find(path: string): ModelInode {
    let at = this.root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (at.kind !== 'directory') fail('ENOTDIR');
      at = at.entries.get(name) ?? fail('ENOENT');
    }
    return at;
  }

  private place(path: string): { parent: ModelInode; name: string; there: ModelInode | undefined } {
    const slash = path.lastIndexOf('/');
    const parent = this.find(slash < 0 ? '' : path.slice(0, slash));
    if (parent.kind !== 'directory') fail('ENOTDIR');
    const name = path.slice(slash + 1);
    return { parent, name, there: parent.entries.get(name) };
  }

  make(path: string, kind: ModelInode['kind'], mode: number, text = ''): ModelInode {
    const { parent, name, there } = this.place(path);
    if (there !== undefined) fail('EEXIST');
    const inode = newInode(kind, mode, text);
    parent.entries.set(name, inode);
    if (kind === 'directory') parent.nlink += 1;
    return inode;
  }

  unlink(path: string): void {
    const { parent, name, there } = this.place(path);
    if (there === undefined) return fail('ENOENT');
    if (there.kind === 'directory') fail('EISDIR');
    there.nlink -= 1;
    parent.entries.delete(name);
  }

  rmdir(path: string): void {
    const { parent, name, there } = this.place(path);
    if (there === undefined) return fail('ENOENT');
    if (there.kind !== 'directory') fail('ENOTDIR');
    if (there.entries.size > 0) fail('ENOTEMPTY');
    parent.entries.delete(name);
    parent.nlink -= 1;
  }

  link(from: string, to: string): void {
    const inode = this.find(from);
    const { parent, name, there } = this.place(to);
    if (inode.kind === 'directory') fail('EPERM');
    if (there !== undefined) fail('EEXIST');
    inode.nlink += 1;
    parent.entries.set(name, inode);
  }

  rename(from: string, to: string, isExchange: boolean): void {
    const source = this.place(from);
    const target = this.place(to);
    if (source.there === undefined) return fail('ENOENT');
    if (target.there === source.there && !isExchange) return;
    if (isExchange && target.there === undefined) fail('ENOENT');
    if (holds(source.there, target.parent)) fail('EINVAL');
    if (isExchange && target.there !== undefined && holds(target.there, source.parent)) fail('EINVAL');
    if (isExchange) this.exchange(source, target);
    else this.replace(source, target);
  }

  private replace(source: ReturnType<TreeModel['place']>, target: ReturnType<TreeModel['place']>): void {
    const moved = source.there;
    if (moved === undefined) return;
    if (target.there !== undefined) {
      if (moved.kind === 'directory' && target.there.kind !== 'directory') fail('ENOTDIR');
      if (moved.kind !== 'directory' && target.there.kind === 'directory') fail('EISDIR');
      if (target.there.entries.size > 0) fail('ENOTEMPTY');
      if (target.there.kind === 'directory') target.parent.nlink -= 1;
      else target.there.nlink -= 1;
    }
    source.parent.entries.delete(source.name);
    target.parent.entries.set(target.name, moved);
    if (moved.kind !== 'directory') return;
    source.parent.nlink -= 1;
    target.parent.nlink += 1;
  }

  private exchange(source: ReturnType<TreeModel['place']>, target: ReturnType<TreeModel['place']>): void {
    if (source.there === undefined || target.there === undefined) return;
    source.parent.entries.set(source.name, target.there);
    target.parent.entries.set(target.name, source.there);
    const shift = (target.there.kind === 'directory' ? 1 : 0) - (source.there.kind === 'directory' ? 1 : 0);
    source.parent.nlink += shift;
    target.parent.nlink -= shift;
  }

  /** One line a name, as `describe` in the test tells of the view. */
  lines(): Record<string, string> {
    const lines: Record<string, string> = {};
    const walk = (directory: ModelInode, path: string) => {
      for (const [name, inode] of directory.entries) {
        const at = path === '' ? name : `${path}/${name}`;
        lines[at] = describe(inode.kind, inode.mode, inode.nlink, inode.text);
        if (inode.kind === 'directory') walk(inode, at);
      }
    };
    walk(this.root, '');
    return lines;
  }
}

export function describe(kind: string, mode: number, nlink: number, text: string): string {
  return `${kind} ${kind === 'link' ? '' : (mode & 0o7777).toString(8)} links ${nlink} ${JSON.stringify(text)}`;
}

function holds(directory: ModelInode, inode: ModelInode): boolean {
  if (directory === inode) return true;
  return [...directory.entries.values()].some((below) => below.kind === 'directory' && holds(below, inode));
}
