// The effective policy as TOML that parses back to the same policy.

import type { EffectivePolicy, ExecRule, Limit } from './effective.ts';
import type { Rule } from './model.ts';
import { textOfBytes } from './rules.ts';
import { formatDuration, formatSize } from './units.ts';

/**
 * The policy as a policy file. Given as the last layer over the same defaults, it gives the same policy again.
 * What TOML cannot hold (a path that is not UTF-8) stands there as a comment.
 */
export function renderPolicy(policy: EffectivePolicy): string {
  const sections: readonly (readonly [string, readonly (string | undefined)[]])[] = [
    [
      'files',
      [
        line('hide', patterns(policy.names.hide)),
        line('mask', patterns(policy.names.mask)),
        line('protect', patterns(policy.names.protect)),
        line('ignored', quoted(policy.ignored)),
      ],
    ],
    ['env', environmentLines(policy)],
    ['network', [line('mode', quoted(policy.network.mode)), line('allow', array(policy.network.allow))]],
    ['exec', [line('default', quoted(policy.exec.default)), line('rules', execRules(policy.exec.rules))]],
    ['quota', quotaLines(policy)],
    ['audit', [line('reads', quoted(policy.audit.reads))]],
    [
      'approval',
      [
        line('expire', quoted(formatDuration(policy.approval.expireMs))),
        line('timeout', quoted(formatDuration(policy.approval.timeoutMs))),
      ],
    ],
  ];
  const tables = sections.map(
    ([name, lines]) => `\n[${name}]\n${lines.filter((text) => text !== undefined).join('\n')}\n`,
  );
  return `version = 1\nmount = [\n${policy.rules.map(mountLine).join('')}]\n${taintLines(policy)}${tables.join('')}`;
}

function mountLine(rule: Rule): string {
  const path = textOfBytes(rule.path);
  const rest = `mode = "${rule.mode}"${rule.empty ? ', empty = true' : ''} }`;
  const source = printable(rule.source);
  if (path === undefined) return `  # not UTF-8: ${visiblePathText(rule.path)} ${rest.slice(0, -2)}  # ${source}\n`;
  return `  { path = ${quoted(path)}, ${rest}, # ${source}\n`;
}

function taintLines(policy: EffectivePolicy): string {
  if (policy.taint.length === 0) return '';
  const lines = policy.taint.map((taint) => {
    const path = textOfBytes(taint.path);
    if (path === undefined) return `  # not UTF-8: ${visiblePathText(taint.path)}\n`;
    return `  { path = ${quoted(path)}, label = ${quoted(taint.label)} }, # ${printable(taint.source)}\n`;
  });
  return `taint = [\n${lines.join('')}]\n`;
}

function environmentLines(policy: EffectivePolicy): (string | undefined)[] {
  const set = Object.entries(policy.env.set).map(([name, value]) => `${name} = ${quoted(value)}`);
  const secrets = policy.env.secrets;
  return [
    secrets.length === 0 ? undefined : `# by profile: ${secrets.join(' ')}`,
    line('pass', array(policy.env.pass)),
    line('set', set.length === 0 ? '{ }' : `{ ${set.join(', ')} }`),
  ];
}

function quotaLines({ quota }: EffectivePolicy): string[] {
  return [
    line('bytes', limitText(quota.bytes, formatSize)),
    line('files', limitText(quota.files)),
    line('wall', limitText(quota.wallMs, formatDuration)),
    line('processes', limitText(quota.processes)),
    line('memory', limitText(quota.memoryBytes, formatSize)),
    line('children', limitText(quota.children)),
    line('input_tokens', limitText(quota.inputTokens)),
    line('output_tokens', limitText(quota.outputTokens)),
    line('usd', limitText(quota.usd)),
    line('warn', String(quota.warn)),
  ];
}

function limitText(limit: Limit, format?: (value: number) => string): string {
  if (limit === 'max') return '"max"';
  return format === undefined ? String(limit) : quoted(format(limit));
}

function execRules(rules: readonly ExecRule[]): string {
  if (rules.length === 0) return '[]';
  const lines = rules.map((rule) => {
    const fields = [
      `verdict = ${quoted(rule.verdict)}`,
      `match = ${array(rule.match)}`,
      rule.notMatch.length === 0 ? undefined : `not_match = ${array(rule.notMatch)}`,
      rule.to === undefined ? undefined : `to = ${quoted(rule.to)}`,
      rule.reason === '' ? undefined : `reason = ${quoted(rule.reason)}`,
    ];
    return `  { ${fields.filter((field) => field !== undefined).join(', ')} }, # ${printable(rule.source)}\n`;
  });
  return `[\n${lines.join('')}]`;
}

function line(key: string, value: string): string {
  return `${key} = ${value}`;
}

function patterns(list: readonly string[]): string {
  return array(list.map((pattern) => textOfBytes(pattern)).filter((text) => text !== undefined));
}

function array(list: readonly string[]): string {
  return `[${list.map(quoted).join(', ')}]`;
}

/** A basic string: JSON's escapes are TOML's, but for DEL, which JSON leaves and TOML refuses. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/\u007f/g, '\\u007F');
}

/** For a comment: a file's name may hold anything. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}

/** A path for a comment: bytes that do not print, spaces and backslashes as `\ooo`. */
function visiblePathText(path: string): string {
  const text = textOfBytes(path);
  if (text !== undefined && !/[\p{C}\p{Z}\\]/u.test(text)) return text;
  return [...path].map((byte) => (/[!-[\]-~]/.test(byte) ? byte : octal(byte))).join('');
}

function octal(byte: string): string {
  return `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
}
