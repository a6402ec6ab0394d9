// The small files an agent's empty home begins with: start-up files of the shells, with a prompt that says where
// one is, and the user's git configuration. Data; who makes the home writes those that are not there yet.

import { sandboxGitConfig } from './gitConfig.ts';

export interface HomeFile {
  /** Relative to home. */
  readonly path: string;
  readonly text: string;
}

const BASH = `# Written by agentsh when this home was new; yours to change.
case $- in *i*) ;; *) return ;; esac
PS1='[agentsh:'"\${AGENTSH_NAME:-?}"'] \\w\\$ '
HISTCONTROL=ignoreboth
shopt -s checkwinsize
alias ls='ls --color=auto' grep='grep --color=auto'
`;

const BASH_LOGIN = `# Written by agentsh when this home was new; yours to change.
[ -r ~/.bashrc ] && . ~/.bashrc
`;

const ZSH = `# Written by agentsh when this home was new; yours to change.
PROMPT='[agentsh:'"\${AGENTSH_NAME:-?}"'] %~%# '
HISTFILE=~/.zsh_history HISTSIZE=1000 SAVEHIST=1000
bindkey -e
`;

const FISH = `# Written by agentsh when this home was new; yours to change.
function fish_prompt
    printf '[agentsh:%s] %s> ' $AGENTSH_NAME (prompt_pwd)
end
function fish_greeting
end
`;

/**
 * The files of a new home.
 * @param gitConfigs the user's git configuration files in the order in which git reads them, with the files they
 *   include in the place of the inclusion
 */
export function homeFiles(gitConfigs: readonly string[]): readonly HomeFile[] {
  return [...STARTUP_FILES, { path: '.gitconfig', text: sandboxGitConfig(gitConfigs.join('\n')) }];
}

/** For bash, zsh and fish. */
const STARTUP_FILES: readonly HomeFile[] = [
  { path: '.bashrc', text: BASH },
  { path: '.bash_profile', text: BASH_LOGIN },
  { path: '.zshrc', text: ZSH },
  { path: '.config/fish/config.fish', text: FISH },
];
