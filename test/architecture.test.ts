// Keeps the architecture: who may import whom, how long things get, which calls have a better replacement.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 400;
const LINE_CHARACTERS_MAX = 160;

const root = fileURLToPath(new URL('..', import.meta.url));
const listed = (...patterns: string[]): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(path.join(root, file)));

interface Source {
  readonly file: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

const everything: readonly Source[] = listed('*.ts').map((file) => {
  const text = readFileSync(path.join(root, file), 'utf8');
  return { file, text, tree: ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true) };
});
const product = everything.filter(({ file }) => /^(fs|policy|agentsh)\//.test(file));

/** What each layer may import besides itself. The longest matching prefix names a file's layer. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'fs/errno.ts': [],
  'fs/operations.ts': [],
  'fs/host': [],
  'fs/fuse': ['fs/host/syscall.ts'],
  'fs/store': ['fs/host'],
  'fs/audit': ['fs/store', 'fs/host'],
  'fs/journal': ['fs/store', 'fs/audit', 'fs/host', 'policy'],
  'fs/overlay': ['fs/journal', 'fs/store', 'fs/audit', 'fs/host', 'policy'],
  'fs/control': ['fs/overlay', 'fs/journal', 'fs/store', 'fs/audit', 'fs/host', 'policy'],
  'fs/daemon': ['fs/control', 'fs/overlay', 'fs/journal', 'fs/store', 'fs/audit', 'fs/host', 'fs/fuse', 'policy'],
  agentsh: ['fs/daemon', 'fs/control', 'fs/overlay', 'fs/journal', 'fs/store', 'fs/audit', 'fs/host', 'policy'],
  policy: [],
};
/** Leaves that anyone in fs/ may import. */
const LEAVES = ['fs/errno.ts', 'fs/operations.ts'];
/** Contracts: data only, so that anyone may import their types (nothing of it is left at run time). */
const CONTRACTS = ['fs/journal/model.ts', 'fs/daemon/protocol.ts', 'fs/daemon/clientProtocol.ts', 'policy/model.ts'];

/** Calls that have a better replacement. `where` is the tree it holds for, `except` the one place that may. */
const BANNED: readonly {
  readonly call: RegExp;
  readonly where: RegExp;
  readonly except: RegExp;
  readonly instead: string;
}[] = [
  {
    call: /^import koffi\b|require\(['"]koffi['"]\)|from 'koffi'/m,
    where: /^(fs|policy|agentsh)\//,
    except: /^fs\/host\/syscall\.ts$/,
    instead: 'a binding in fs/host/syscall.ts',
  },
  {
    call: /\b(execSync|exec)\(\s*['"`]/,
    where: /^(fs|policy|agentsh)\//,
    except: /^$/,
    instead: 'spawn or execFile with an array: no shell reads the text',
  },
  {
    call: /\bshell:\s*true\b/,
    where: /./,
    except: /^$/,
    instead: 'spawn with an array: no shell reads the text',
  },
  {
    // Listing the staging directory, which is the daemon's own, is fine.
    call: /import \{(?! readdirSync \})[^}]*\} from 'node:fs(\/promises)?'/,
    where: /^fs\/(overlay|control)\//,
    except: /^$/,
    instead: 'fs/host: paths are byte strings there, and no symlink is followed',
  },
  {
    call: /from 'node:(fs|child_process|net|http|os|timers)(\/promises)?'|\bDate\.now\(|\bMath\.random\(/,
    where: /^policy\//,
    except: /^$/,
    instead: 'a parameter: policy is pure, without disk, clock or network',
  },
  {
    call: /\bconsole\.(log|error|warn|info)\(|\bprocess\.(stdout|stderr)\.write\(/,
    where: /^(fs|policy|agentsh)\//,
    // The kernel's entry tells a caller without a pipe why it did not start.
    except: /^(agentsh\/output|fs\/daemon\/main)\.ts$/,
    instead: 'the Output of agentsh/output.ts, or the kernel log',
  },
  {
    call: /\beval\(|\bnew Function\(/,
    where: /^(fs|policy|agentsh)\//,
    except: /^$/,
    instead: 'data and a table',
  },
  {
    call: /\bparsePatch\(|\bapplyPatch\(/,
    where: /^(fs|policy|agentsh)\//,
    except: /^$/,
    instead: 'only the making of diffs: the parser hangs on hostile text (CVE-2026-24001)',
  },
  {
    call: /\b(describe|test|it)\.(skip|todo|only|skipIf|runIf)\b/,
    where: /^test\//,
    except: /^test\/architecture\.test\.ts$/,
    instead: 'a test that runs, or fails with the reason why it cannot',
  },
];

/** Programs and threads that are started, not imported. */
const ENTRY_POINTS = /^agentsh\/main\.ts$/;

describe('imports', () => {
  test('go down the layers only', () => {
    expect(product.flatMap(wrongImports)).toEqual([]);
  });

  test('name files with their suffix, and nothing outside the tree', () => {
    const wrong = everything.flatMap(({ file, tree }) =>
      importsOf(tree)
        .filter(({ specifier }) => specifier.startsWith('.'))
        .filter(({ specifier }) => !existsSync(path.join(root, resolveImport(file, specifier))))
        .map(({ specifier }) => `${file}: ${specifier} does not exist`),
    );
    expect(wrong).toEqual([]);
  });

  test('every file is imported or started', () => {
    const used = new Set(product.flatMap(({ file, tree, text }) => reachedFrom(file, tree, text)));
    const dead = product.map(({ file }) => file).filter((file) => !used.has(file) && !ENTRY_POINTS.test(file));
    expect(dead).toEqual([]);
  });
});

describe('sizes', () => {
  test(`a function has at most ${FUNCTION_LINES_MAX} lines`, () => {
    expect(product.flatMap(({ file, tree }) => longFunctions(file, tree))).toEqual([]);
  });

  test(`a file has at most ${FILE_LINES_MAX} lines, a line ${LINE_CHARACTERS_MAX} characters`, () => {
    const long = everything.flatMap(({ file, text }) => {
      const lines = text.split('\n');
      const wide = lines.findIndex((line) => line.length > LINE_CHARACTERS_MAX && !/['"`/]/.test(line));
      return [
        ...(lines.length - 1 > FILE_LINES_MAX ? [`${file}: ${lines.length - 1} lines`] : []),
        ...(wide >= 0 ? [`${file}:${wide + 1}: ${lines[wide]?.length} characters`] : []),
      ];
    });
    expect(long).toEqual([]);
  });
});

describe('language', () => {
  test('banned calls name their replacement', () => {
    const found = everything.flatMap(({ file, text }) =>
      BANNED.filter(({ where, except, call }) => where.test(file) && !except.test(file) && call.test(code(text))).map(
        ({ call, instead }) => `${file}: ${call.exec(code(text))?.[0].trim()} -> ${instead}`,
      ),
    );
    expect(found).toEqual([]);
  });

  test('no any, no enum, no default export, no barrel file', () => {
    expect(everything.flatMap(({ file, tree }) => forbiddenSyntax(file, tree))).toEqual([]);
  });

  test('a file begins with a sentence about its purpose', () => {
    const without = product.filter(({ text }) => !/^(#!.*\n)?(\/\/ \S|\/\*\*)/.test(text)).map(({ file }) => file);
    expect(without).toEqual([]);
  });

  test('names say what a file holds', () => {
    const vague = everything.filter(({ file }) => /\/(utils?|helpers?|types|common|misc|index)\.ts$/.test(file));
    expect(vague.map(({ file }) => file)).toEqual([]);
  });

  test('nothing is left to do', () => {
    const marker = /\b(TODO|FIXME|XXX)\b/;
    const left = [
      ...everything.map(({ file, text }) => ({ file, text })),
      ...listed('*.sh', '*.md', '.ci/run').map(read),
    ]
      .filter(({ file }) => file !== 'test/architecture.test.ts')
      .filter(({ text }) => marker.test(text));
    expect(left.map(({ file }) => file)).toEqual([]);
  });
});

describe('layout', () => {
  test('the top level stays as it is', () => {
    const allowed = new Set(
      ['agentsh', 'fs', 'policy', 'test', 'fixtures', 'package.json', 'package-lock.json', 'tsconfig.json'].concat([
        'biome.json',
        'vitest.config.ts',
        'README.md',
        'CHANGELOG.md',
        'LICENSE',
      ]),
    );
    const tops = new Set(listed('.').map((file) => file.split('/')[0] ?? ''));
    expect([...tops].filter((name) => !name.startsWith('.') && !allowed.has(name))).toEqual([]);
  });

  test.each(['fs', 'policy', 'agentsh'])('%s/README.md has an objective and decisions', (folder) => {
    const { text } = read(`${folder}/README.md`);
    expect(text).toMatch(/^## Objective$/m);
    expect(text).toMatch(/^## Decisions$/m);
  });
});

function read(file: string): { readonly file: string; readonly text: string } {
  return { file, text: existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), 'utf8') : '' };
}

/** The text without whole-line comments: they may speak of what the code must not do. */
function code(text: string): string {
  return text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** Static and dynamic imports, re-exports and import types. */
function importsOf(tree: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, typeOnly: node.importClause?.isTypeOnly === true });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument)) found.push({ specifier: argument.text, typeOnly: false });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const { literal } = node.argument;
      if (ts.isStringLiteral(literal)) found.push({ specifier: literal.text, typeOnly: true });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const resolveImport = (from: string, specifier: string): string => path.posix.join(path.posix.dirname(from), specifier);

function layerOf(file: string): string {
  const layers = Object.keys(LAYERS).filter((layer) => file === layer || file.startsWith(`${layer}/`));
  return layers.reduce((longest, layer) => (layer.length > longest.length ? layer : longest), '');
}

function wrongImports({ file, tree }: Source): string[] {
  const layer = layerOf(file);
  if (layer === '') return [`${file}: belongs to no layer`];
  const allowed = LAYERS[layer] ?? [];
  return importsOf(tree).flatMap(({ specifier, typeOnly }) => {
    if (!specifier.startsWith('.')) {
      const outside = layer === 'fs/fuse' && !specifier.startsWith('node:');
      return outside ? [`${file} -> ${specifier} (fs/fuse imports node: only)`] : [];
    }
    const target = resolveImport(file, specifier);
    const targetLayer = layerOf(target);
    if (targetLayer === layer || (LEAVES.includes(target) && layer !== 'policy')) return [];
    if (typeOnly && CONTRACTS.includes(target) && layer !== 'policy' && layer !== 'fs/fuse') return [];
    if (allowed.some((prefix) => target === prefix || target.startsWith(`${prefix}/`))) return [];
    return [`${file} -> ${target}`];
  });
}

/** Imported files, and those started by name: `programUrl('worker')`, `new URL('./worker.js', …)`. */
function reachedFrom(file: string, tree: ts.SourceFile, text: string): string[] {
  const imported = importsOf(tree)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => resolveImport(file, specifier));
  const started = [...text.matchAll(/program(?:Url|Path)\('([^']+)'\)/g)].map(([, name]) => `fs/daemon/${name}.ts`);
  const byUrl = [...text.matchAll(/new URL\('(\.[^']+)\.(?:js|ts)'/g)].map(([, name]) =>
    resolveImport(file, `${name}.ts`),
  );
  return [...imported, ...started, ...byUrl];
}

function longFunctions(file: string, tree: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
      const lines = tree.getLineAndCharacterOfPosition(node.getEnd()).line - first + 1;
      if (lines > FUNCTION_LINES_MAX) found.push(`${file}:${first + 1}: ${lines} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** Tool configurations must export by default; nothing else does. */
const DEFAULT_EXPORT_ALLOWED = /^(vitest\.config|test\/setup)\.ts$/;

function forbiddenSyntax(file: string, tree: ts.SourceFile): string[] {
  const found: string[] = [];
  const at = (node: ts.Node, what: string) =>
    found.push(`${file}:${tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1}: ${what}`);
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) at(node, 'any');
    if (ts.isEnumDeclaration(node)) at(node, 'enum');
    const isDefault =
      ts.isExportAssignment(node) ||
      (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword));
    if (isDefault && !DEFAULT_EXPORT_ALLOWED.test(file)) at(node, 'default export');
    ts.forEachChild(node, visit);
  };
  visit(tree);
  const onlyReExports = tree.statements.length > 0 && tree.statements.every((one) => ts.isExportDeclaration(one));
  if (onlyReExports) found.push(`${file}: barrel file`);
  return found;
}
