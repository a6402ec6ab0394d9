// The names that agentsh hides, masks and protects without being told. Data only, in gitignore syntax.

/** Hidden in workspace and home, but never below {@link VENDORED_DIRECTORIES}. Files only. */
export const HIDDEN_NAMES = [
  'id_rsa',
  'id_ecdsa',
  'id_ed25519',
  'id_ecdsa_sk',
  'id_ed25519_sk',
  'id_dsa',
  // Stores of credentials in a home directory, for when a policy opens it.
  '.git-credentials',
  '**/.config/git/credentials',
  '**/.gnupg/private-keys-v1.d/**',
  '**/.password-store/**',
  '**/.local/share/keyrings/**',
  '**/.kube/config',
  '**/.azure/accessTokens.json',
  '**/.azure/msal_token_cache.*',
  '**/.azure/service_principal_entries.*',
  '**/.config/gcloud/access_tokens.db',
  '**/.config/gcloud/credentials.db',
  '**/.config/gcloud/application_default_credentials.json',
  '**/.config/gcloud/legacy_credentials/**',
] as const;

/** Hidden likewise, if the file's first KiB holds a private key. */
export const HIDDEN_IF_PRIVATE_KEY = ['*.pem'] as const;

/** Packages ship example keys for their tests, and break when those are missing. */
export const VENDORED_DIRECTORIES: ReadonlySet<string> = new Set(['node_modules', 'site-packages', 'dist-packages']);

/** Masked in workspace and home. Files only: `.env` is also a common name for a Python environment's directory. */
export const MASKED_NAMES = [
  '.env',
  '.env.*',
  ...['example', 'sample', 'template', 'dist', 'defaults'].flatMap((word) => [`!.env.${word}`, `!.env.*.${word}`]),
] as const;

/** What would later run on the host, or loosen a policy. A name covers itself and all below it. */
export const PROTECTED_NAMES = [
  // git: hooks, filters, include files, submodule URLs
  '**/.git/hooks',
  '**/.git/config',
  '**/.git/config.worktree',
  '**/.git/info/attributes',
  '**/.git/modules/**/hooks',
  '**/.git/modules/**/config',
  '.gitattributes',
  '.gitmodules',
  '.gitconfig',
  '**/.config/git',
  '**/.hg/hgrc',
  '.githooks',
  // agentsh itself
  '.agentsh',
  '**/.config/agentsh',
  // what a shell or a login runs
  '.envrc',
  '.profile',
  '.bashrc',
  '.bash_profile',
  '.bash_login',
  '.bash_logout',
  '.bash_aliases',
  '.zshrc',
  '.zshenv',
  '.zprofile',
  '.zlogin',
  '.zlogout',
  '.kshrc',
  '.mkshrc',
  '.cshrc',
  '.tcshrc',
  '.login',
  '.inputrc',
  '.xprofile',
  '.xinitrc',
  '.xsession',
  '.xsessionrc',
  '.pam_environment',
  '**/.config/fish',
  '**/.config/autostart',
  '**/.config/systemd',
  '**/.config/environment.d',
  '**/.config/direnv',
  '.ssh',
  // hooks and continuous integration
  '.husky',
  '.pre-commit-config.yaml',
  '.pre-commit-hooks.yaml',
  'lefthook.yml',
  '.lefthook.yml',
  '**/.github/workflows',
  '**/.github/actions',
  '.gitlab-ci.yml',
  '.circleci',
  '.travis.yml',
  '.drone.yml',
  '.buildkite',
  'Jenkinsfile',
  'azure-pipelines.yml',
  // editors that run tasks or load code from the workspace
  '.vscode',
  '.idea',
  '.devcontainer',
  '.devcontainer.json',
  '*.code-workspace',
  '.exrc',
  '.vimrc',
  '.nvimrc',
  '.nvim.lua',
  '.dir-locals.el',
  // agents: instructions, hooks, tools
  '.claude',
  '.mcp.json',
  'CLAUDE.md',
  'CLAUDE.local.md',
  'AGENTS.md',
  'GEMINI.md',
  '.gemini',
  '.codex',
  '.cursor',
  '.cursorrules',
  '.windsurf',
  '.windsurfrules',
  '**/.github/copilot-instructions.md',
  '.aider.conf.yml',
  // package managers and build tools that run code by configuration
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
  '.pnpmfile.cjs',
  '**/.cargo/config.toml',
  '**/.cargo/config',
  'bunfig.toml',
  'mise.toml',
  '.mise.toml',
  '.tool-versions',
  // Python loads these without being asked
  'conftest.py',
  '*.pth',
  'sitecustomize.py',
  'usercustomize.py',
] as const;

/** Protected themselves, but not what lies below: a `.git` file or link points git elsewhere; `git~1` is its NTFS alias. */
export const PROTECTED_SELF: ReadonlySet<string> = new Set(['.git', 'git~1']);

/** Kept private in an invisible workspace where there is no git to ask, and `.git` in every workspace. */
export const IGNORED_BY_DEFAULT = [
  '.git/',
  'node_modules/',
  '.venv/',
  'venv/',
  '__pycache__/',
  '*.pyc',
  '.pytest_cache/',
  '.mypy_cache/',
  '.ruff_cache/',
  '.tox/',
  '.cache/',
  '.gradle/',
  'target/',
  'dist/',
  'build/',
  '.next/',
  '.nuxt/',
  '.turbo/',
  '.parcel-cache/',
  'coverage/',
  '.nyc_output/',
  '*.o',
  '*.class',
  '.DS_Store',
] as const;
