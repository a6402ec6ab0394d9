// The facts of a made-up host, for tests of policy.

import type { HostFacts } from '../../policy/facts.ts';

export const FACTS: HostFacts = {
  home: '/home/ada',
  homeRealPath: '/home/ada',
  otherHomes: ['/root', '/home/bob', '/nonexistent', '/bin'],
  workspace: '/home/ada/work/app',
  workspaceRealPath: '/home/ada/work/app',
  gitDirectories: ['/home/ada/work/app/.git'],
  uid: 1000,
  topLevel: [
    'bin',
    'boot',
    'dev',
    'etc',
    'home',
    'lib',
    'lib64',
    'mnt',
    'opt',
    'proc',
    'root',
    'run',
    'srv',
    'tmp',
    'usr',
    'var',
  ],
  pathEntries: [],
  existing: new Set(),
  realPaths: new Map(),
  resolvConf: '/run/systemd/resolve/stub-resolv.conf',
  sshHostKeys: ['ssh_host_rsa_key', 'ssh_host_ed25519_key'],
  freeBytes: 4096,
};
