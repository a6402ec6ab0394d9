// Finds the compiled program files: what runs in processes and threads of its own is always dist.
import { fileURLToPath } from 'node:url';

/** URL of a compiled module of this folder (`main`, `agentWorker` …), also when asked from a .ts source. */
export function programUrl(name: string): URL {
  const compiled = import.meta.url.endsWith('.js') ? './' : '../../dist/fs/daemon/';
  return new URL(`${compiled}${name}.js`, import.meta.url);
}

export function programPath(name: string): string {
  return fileURLToPath(programUrl(name));
}
