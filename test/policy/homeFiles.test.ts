// The start-up files work in the shells they are for; a git configuration loses its secrets and nothing else.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesNamedByGitConfig, sandboxGitConfig } from '../../policy/gitConfig.ts';
import { homeFiles } from '../../policy/homeFiles.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'agentsh-home-'));
  for (const file of homeFiles([CONFIG, '[user]\n\temail = later@example.com\n'])) {
    mkdirSync(dirname(join(home, file.path)), { recursive: true });
    writeFileSync(join(home, file.path), file.text);
  }
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the start-up files', () => {
  it('give bash a prompt with the name of the agent, taken literally', () => {
    const env = { HOME: home, PATH: process.env.PATH, AGENTSH_NAME: 'claude-2', TERM: 'dumb' };
    const script = ['--norc', '-i', '-c', '. ~/.bashrc; printf "%s" "$PS1"'];
    expect(execFileSync('bash', script, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })).toBe(
      '[agentsh:claude-2] \\w\\$ ',
    );
  });

  it('do nothing in a shell that is not interactive', () => {
    const env = { HOME: home, PATH: process.env.PATH };
    expect(execFileSync('bash', ['-c', '. ~/.bash_profile; echo "[$PS1]"'], { env, encoding: 'utf8' })).toBe('[]\n');
  });
});

const CONFIG = `# comment
[user]
	name = Ada "L" \\
 Lovelace
	email = ada@example.com
	signingKey = ABC
[commit] gpgsign = true
[credential]
	helper = store
[credential "https://github.com"]
	helper = !/usr/bin/gh auth git-credential
[url "https://oauth2:tok3n@gitlab.com/"]
	insteadOf = https://gitlab.com/
[url "ssh://git@github.com/"]
	insteadOf = https://github.com/
[http "https://x.org"]
	extraHeader = "Authorization: Basic c2VjcmV0"
	sslVerify = true
[core]
	hooksPath = ~/hooks
	sshCommand = ssh -i ~/.ssh/id
	excludesFile = ~/.gitignore_global
	autocrlf = input
[remote "x"]
	url = https://user:s3cret@host/r.git
[include]
	path = "~/.gitconfig.work"
[includeIf "gitdir:~/work/"]
	path = ~/.gitconfig-x
[alias]
	st = status
[filter "lfs"]
	clean = git-lfs clean -- %f
	required = true
[diff]
	algorithm = histogram
	external = evil
[safe]
	directory = *
[init]
	defaultBranch = main
[pull]
	rebase
`;

describe('sandboxGitConfig', () => {
  const result = sandboxGitConfig(CONFIG);
  const values = (key: string) => {
    const file = join(home, 'config');
    writeFileSync(file, result);
    return execFileSync('git', ['config', '--file', file, '--get-regexp', key], { encoding: 'utf8' }).trim();
  };

  it('is a configuration to git, with what it may keep', () => {
    expect(values('.*').split('\n')).toEqual([
      'user.name Ada L  Lovelace',
      'user.email ada@example.com',
      'url.ssh://git@github.com/.insteadof https://github.com/',
      'http.https://x.org.sslverify true',
      'core.autocrlf input',
      'alias.st status',
      'filter.lfs.clean git-lfs clean -- %f',
      'filter.lfs.required true',
      'diff.algorithm histogram',
      'safe.directory *',
      'init.defaultbranch main',
      'pull.rebase',
      'commit.gpgsign false',
      'tag.gpgsign false',
    ]);
  });

  it.each(['tok3n', 's3cret', 'c2VjcmV0', 'gh auth', 'evil', 'hooks', 'ABC'])('has no %s', (secret) => {
    expect(result).not.toContain(secret);
  });

  it("is the home's, later files winning", () => {
    const env = { HOME: home, PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1' };
    expect(execFileSync('git', ['config', 'user.email'], { env, cwd: home, encoding: 'utf8' })).toBe(
      'later@example.com\n',
    );
  });

  it('says which files it named', () => {
    expect(filesNamedByGitConfig(CONFIG)).toEqual([
      { kind: 'excludes', path: '~/.gitignore_global' },
      { kind: 'include', path: '~/.gitconfig.work' },
      { kind: 'include', path: '~/.gitconfig-x' },
    ]);
  });

  it('turns signing off in an empty one too', () => {
    expect(sandboxGitConfig('')).toBe('[commit]\n\tgpgSign = false\n[tag]\n\tgpgSign = false\n');
  });
});
