// The version of this program, from its package file.
import { readFileSync } from 'node:fs';

/** Found from the compiled file as well as from the source. */
const PACKAGE_FILES = ['../package.json', '../../package.json'] as const;

export function programVersion(): string {
  for (const candidate of PACKAGE_FILES) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(candidate, import.meta.url), 'utf8')) as { version: string };
      return version;
    } catch {
      // The other one, then.
    }
  }
  return 'unknown';
}
