// Whatever the text, a policy is parsed or refused with a place in it; nothing else is ever thrown (T51).

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type PolicyFile, parsePolicy } from '../../policy/file.ts';
import { InputError } from '../../policy/inputError.ts';
import { effectivePolicy } from '../../policy/layers.ts';
import { renderPolicy } from '../../policy/render.ts';
import { ruleFor, ruleTree, strictness } from '../../policy/rules.ts';
import { FACTS } from './facts.ts';

const FIXTURES = new URL('../../fixtures/policies/', import.meta.url);
const texts = ['good', 'bad'].flatMap((kind) =>
  readdirSync(new URL(kind, FIXTURES))
    .filter((name) => name.endsWith('.toml'))
    .map((name) => readFileSync(new URL(`${kind}/${name}`, FIXTURES), 'utf8')),
);

/** A fixture with pieces cut out, doubled, or replaced by what matters to a parser. */
const mutated = fc
  .tuple(
    fc.constantFrom(...texts),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        length: fc.nat(8),
        put: fc.oneof(
          fc.constantFrom(
            '"',
            "'",
            '"""',
            '[',
            ']',
            '[[',
            '{',
            '}',
            '=',
            '.',
            ',',
            '\n',
            '#',
            '\\',
            '\0',
            '${',
            '*',
            '..',
            '-1',
            'true',
            '1979-05-27',
            'mode = "rw"',
            '\ud800',
          ),
          fc.string({ unit: 'binary', maxLength: 3 }),
        ),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((now, edit) => {
      const at = Math.floor(edit.at * now.length);
      return now.slice(0, at) + edit.put + now.slice(at + edit.length);
    }, text),
  );

function parsedOrRefused(text: string): PolicyFile | undefined {
  try {
    return parsePolicy(text, 'p.toml');
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const lines = text.split('\n');
    expect(error.line).toBeGreaterThan(0);
    expect(error.line).toBeLessThanOrEqual(lines.length);
    expect(error.column).toBeGreaterThan(0);
    expect(error.column).toBeLessThanOrEqual(lines[error.line - 1]!.length + 1);
    expect(error.reason.length).toBeGreaterThan(0);
    return undefined;
  }
}

it('T51 parses or refuses, and what it accepts can be in force and rendered', () => {
  fc.assert(
    fc.property(mutated, (text) => {
      const file = parsedOrRefused(text);
      if (file === undefined) return;
      const policy = effectivePolicy({ explicit: file }, FACTS);
      ruleTree(policy.rules);
      expect(parsedOrRefused(renderPolicy(policy))).toBeDefined();
    }),
    { numRuns: 3000 },
  );
}, 60_000);

it('T51 a project file that is accepted is nowhere wider than without it', () => {
  const paths = [
    '/',
    '/usr/x',
    '/tmp/x',
    '/srv/x',
    '/home/ada',
    '/home/ada/work/app',
    '/home/ada/.ssh/x',
    '/home/ada/work/app/a',
  ];
  const mode = fc.constantFrom('rw', 'invisible', 'private', 'ephemeral', 'ro', 'hidden');
  const mount = fc.record({ path: fc.constantFrom(...paths), mode, empty: fc.boolean() });
  const before = ruleTree(effectivePolicy({}, FACTS).rules);
  fc.assert(
    fc.property(fc.uniqueArray(mount, { selector: ({ path }) => path, maxLength: 4 }), (mounts) => {
      const lines = mounts.map(({ path, mode, empty }) => `{ path = "${path}", mode = "${mode}", empty = ${empty} }`);
      let after: ReturnType<typeof ruleTree>;
      try {
        const project = parsePolicy(`version = 1\nmount = [ ${lines.join(', ')} ]\n`, 'p.toml');
        after = ruleTree(effectivePolicy({ project }, FACTS).rules);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return;
      }
      for (const path of paths.flatMap((path) => [path, `${path}/below`.replace('//', '/')])) {
        const [was, is] = [ruleFor(before, path), ruleFor(after, path)];
        expect(strictness(is.mode)).toBeGreaterThanOrEqual(strictness(was.mode));
        if (was.empty && is.mode !== 'hidden') expect(is.empty).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
}, 60_000);
