// What an agent's home begins with: prompts that say where one is, and git's configuration without its secrets.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seedFiles } from '../../fs/daemon/homeFiles.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync('/var/tmp/agentsh-home-');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function put(name: string, text: string): void {
  mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
  writeFileSync(path.join(home, name), text);
}
const made = () =>
  new Map(seedFiles(home, `${home}/.config`).map((file) => [file.path.slice(home.length + 1), file.text]));

test('shells get a prompt with the agent’s name, whatever git is told', () => {
  const files = made();
  expect(files.get('.bashrc')).toContain('[agentsh:');
  expect(files.get('.gitconfig')).toMatch(/gpgSign = false/);
});

test('git keeps who the user is, and loses credentials and signing', () => {
  put(
    '.gitconfig',
    '[user]\n\tname = Ada\n\tsigningkey = K\n[credential]\n\thelper = store\n[commit]\n\tgpgsign = true\n',
  );
  const text = made().get('.gitconfig')!;
  expect(text).toContain('name = Ada');
  expect(text).toMatch(/gpgSign = false/);
  expect(text).not.toMatch(/helper|signingkey|gpgsign = true/);
});

test('included files come along without their secrets; conditional ones do not', () => {
  put('.gitconfig', '[include]\n\tpath = ~/extra\n[includeIf "gitdir:~/job/"]\n\tpath = ~/job\n[color]\n\tui = auto\n');
  put(
    'extra',
    '[user]\n\temail = ada@home\n[http]\n\textraheader = "Authorization: Bearer T"\n[include]\n\tpath = .gitconfig\n',
  );
  put('job', '[user]\n\temail = ada@job\n');
  const text = made().get('.gitconfig')!;
  expect(text).toContain('ada@home');
  expect(text).toContain('ui = auto');
  expect(text).not.toMatch(/ada@job|Bearer/);
});

test('the ignore file goes to its default place, wherever the configuration keeps it', () => {
  put('.gitconfig', '[core]\n\texcludesFile = ~/my-ignores\n');
  put('my-ignores', '*.swp\n');
  expect(made().get('.config/git/ignore')).toBe('*.swp\n');
});

test('files that are none, or too large, are passed over', () => {
  mkdirSync(path.join(home, '.gitconfig'));
  put('.config/git/config', '#'.repeat(100_000));
  expect(made().get('.gitconfig')).not.toContain('#');
});

test('what comes after an inclusion wins over it, what comes before does not', () => {
  put('.gitconfig', '[user]\n\tname = before\n[include]\n\tpath = extra\n[user]\n\temail = after\n');
  put('extra', '[user]\n\tname = included\n\temail = included\n');
  const text = made().get('.gitconfig')!;
  const values = (key: string) => [...text.matchAll(new RegExp(`${key} = (\\w+)`, 'g'))].map((match) => match[1]);
  expect([values('name').at(-1), values('email').at(-1)]).toEqual(['included', 'after']);
});
