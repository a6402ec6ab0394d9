// getxattr(2), listxattr(2), removexattr(2): what is asked of attributes.
import { unprivileged } from '../caller.ts';
import { chmod } from '../calls/attributes.ts';
import { getxattr, listxattr, listxattrSize, removexattr, setxattr, xattrSize } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { pathErrorCases } from '../pathErrors.ts';
import { prepareFile, textOf, userNames } from './xattr.ts';

export const getxattrCases: Cases = {
  ...pathErrorCases((path) => getxattr(path, 'user.name')),
  'ENODATA for an attribute that is not there': {
    prepare: prepareFile,
    run: (directory) => {
      refuses('ENODATA', () => getxattr(`${directory}/file`, 'user.none'));
      refuses('ENODATA', () => getxattr(`${directory}/file`, 'security.capability'));
      refuses('ENODATA', () => getxattr(directory, 'user.none'));
    },
  },
  'ERANGE for too little room, the size where none is given': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      equal(xattrSize(file, 'user.old'), 12);
      refuses('ERANGE', () => getxattr(file, 'user.old', 11));
      equal(getxattr(file, 'user.old', 12).toString('latin1'), 'there before');
      setxattr(file, 'user.old', 'a longer value than before');
      refuses('ERANGE', () => getxattr(file, 'user.old', 12));
    },
  },
};

export const listxattrCases: Cases = {
  ...pathErrorCases((path) => listxattr(path)),
  'lists every name once, after changes too': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      equal(userNames(listxattr(file)), ['user.old']);
      setxattr(file, 'user.old', 'again');
      setxattr(file, 'user.new', 'value');
      equal(userNames(listxattr(file)), ['user.new', 'user.old']);
      removexattr(file, 'user.old');
      equal(userNames(listxattr(file)), ['user.new']);
      removexattr(file, 'user.new');
      equal(userNames(listxattr(file)), []);
    },
  },
  'of a file nobody may read': {
    prepare: prepareFile,
    run: (directory) => {
      chmod(`${directory}/file`, 0o000);
      unprivileged(() => equal(userNames(listxattr(`${directory}/file`)), ['user.old']));
    },
  },
  'ERANGE for too little room, the size where none is given': {
    prepare: prepareFile,
    run: (directory) => {
      const size = listxattrSize(`${directory}/file`);
      holds(size >= 'user.old\0'.length, 'size');
      refuses('ERANGE', () => listxattr(`${directory}/file`, size - 1));
      equal(userNames(listxattr(`${directory}/file`, size)), ['user.old']);
    },
  },
};

export const removexattrCases: Cases = {
  ...pathErrorCases((path) => removexattr(path, 'user.name')),
  'removes what was there before and what is new': {
    prepare: prepareFile,
    run: (directory) => {
      const file = `${directory}/file`;
      removexattr(file, 'user.old');
      refuses('ENODATA', () => getxattr(file, 'user.old'));
      setxattr(file, 'user.old', 'back');
      equal(textOf(file, 'user.old'), 'back');
      removexattr(file, 'user.old');
      equal(userNames(listxattr(file)), []);
    },
  },
  'ENODATA for an attribute that is not there': {
    prepare: prepareFile,
    run: (directory) => {
      refuses('ENODATA', () => removexattr(`${directory}/file`, 'user.none'));
      removexattr(`${directory}/file`, 'user.old');
      refuses('ENODATA', () => removexattr(`${directory}/file`, 'user.old'));
    },
  },
};
