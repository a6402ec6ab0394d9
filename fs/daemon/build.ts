// Which build this is: name and version from package.json.
import { readFileSync } from 'node:fs';

const up = import.meta.url.endsWith('.js') ? '../../../' : '../../';
const { name, version } = JSON.parse(readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8')) as {
  readonly name: string;
  readonly version: string;
};

export const BUILD = `${name} ${version}`;
