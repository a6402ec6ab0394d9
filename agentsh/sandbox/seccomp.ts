// The system-call filter of a sandbox as a classic BPF program. Pure: tables in, bytes out.
//
//   load arch   -> another architecture: the process is killed (a 32-bit call would read these numbers otherwise)
//   load number -> above the highest known (x32 too): ENOSYS, so that a later kernel's mount call is not let through
//   one block a rule, each ends in a return: number [, argument test]
//   allow

export type Architecture = 'x64' | 'arm64';

/** `struct sock_filter`, 8 bytes: code u16@0, jump if true u8@2, jump if false u8@3, k u32@4. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export const BPF = { loadWord: 0x20, jumpEqual: 0x15, jumpGreater: 0x25, jumpAnySet: 0x45, return: 0x06 } as const;
export const ACTION = { allow: 0x7fff_0000, killProcess: 0x8000_0000, errno: 0x0005_0000 } as const;
/** Offsets in `struct seccomp_data`; arguments are 64 bits wide, little-endian, and these calls read the low half. */
export const DATA = { number: 0, architecture: 4, argument: (index: number): number => 16 + 8 * index } as const;

export const AUDIT_ARCH = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const satisfies Record<Architecture, number>;
/** file_setattr: the highest call this table was read against. */
export const HIGHEST_KNOWN_CALL = 469;

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

type Numbers = Readonly<Record<Architecture, number | undefined>>;
const call = (x64: number, arm64: number | undefined): Numbers => ({ x64, arm64 });

/** Refused with EPERM whatever the arguments. */
export const REFUSED: Readonly<Record<string, Numbers>> = {
  mount: call(165, 40),
  umount2: call(166, 39),
  pivot_root: call(155, 41),
  chroot: call(161, 51),
  open_tree: call(428, 428),
  move_mount: call(429, 429),
  fsopen: call(430, 430),
  fsconfig: call(431, 431),
  fsmount: call(432, 432),
  fspick: call(433, 433),
  mount_setattr: call(442, 442),
  open_tree_attr: call(467, 467),
  setns: call(308, 268),
  add_key: call(248, 217),
  request_key: call(249, 218),
  keyctl: call(250, 219),
  bpf: call(321, 280),
  userfaultfd: call(323, 282),
  perf_event_open: call(298, 241),
  open_by_handle_at: call(304, 265),
  fanotify_init: call(300, 262),
  kexec_load: call(246, 104),
  kexec_file_load: call(320, 294),
  init_module: call(175, 105),
  finit_module: call(313, 273),
  delete_module: call(176, 106),
  swapon: call(167, 224),
  swapoff: call(168, 225),
  reboot: call(169, 142),
  acct: call(163, 89),
  quotactl: call(179, 60),
  quotactl_fd: call(443, 443),
  syslog: call(103, 116),
  settimeofday: call(164, 170),
  clock_settime: call(227, 112),
  adjtimex: call(159, 171),
  clock_adjtime: call(305, 266),
  vhangup: call(153, 58),
  uselib: call(134, undefined),
  iopl: call(172, undefined),
  ioperm: call(173, undefined),
};

/** Answered as a kernel without them would: callers fall back (clone3 hides its flags, io_uring its calls). */
export const MISSING: Readonly<Record<string, Numbers>> = {
  clone3: call(435, 435),
  io_uring_setup: call(425, 425),
  io_uring_enter: call(426, 426),
  io_uring_register: call(427, 427),
};

const CLONE = call(56, 220);
const UNSHARE = call(272, 97);
const IOCTL = call(16, 29);
const KILL = call(62, 129);
const SOCKET = call(41, 198);
const MEMFD_CREATE = call(319, 279);

/** NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
export const NEW_NAMESPACES = 0x7e02_0000;
/** For unshare only: in clone this bit belongs to the exit signal. */
export const CLONE_NEWTIME = 0x80;
/** They push input into the terminal (TIOCSTI, TIOCLINUX) or take the console over (TIOCCONS). */
export const REFUSED_IOCTLS = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c, TIOCCONS: 0x541d } as const;
/** unix, inet, inet6, netlink: others (vsock, packet, bluetooth) are not confined by a network namespace or not needed. */
export const ALLOWED_FAMILIES = [1, 2, 10, 16] as const;

export interface SeccompOptions {
  readonly architecture: Architecture;
  /** memfd_create is allowed. Under an exec policy it is not: its file could be run past any path rule. */
  readonly memfd: boolean;
  /** kill(0, …) is allowed: only where Landlock keeps it from the operator's own job (ABI 6). */
  readonly groupSignals: boolean;
}

export function seccompInstructions(options: SeccompOptions): readonly Instruction[] {
  const numberOf = (numbers: Numbers): number | undefined => numbers[options.architecture];
  const program = [
    load(DATA.architecture),
    jump(BPF.jumpEqual, AUDIT_ARCH[options.architecture], 1, 0),
    answer(ACTION.killProcess),
    load(DATA.number),
    jump(BPF.jumpGreater, HIGHEST_KNOWN_CALL, 0, 1),
    answer(ACTION.errno | ENOSYS),
  ];
  const always = (numbers: Numbers, error: number) => program.push(...whole(numberOf(numbers), error));
  const tested = (numbers: Numbers, test: readonly Instruction[]) => program.push(...guarded(numberOf(numbers), test));
  for (const numbers of Object.values(REFUSED)) always(numbers, EPERM);
  for (const numbers of Object.values(MISSING)) always(numbers, ENOSYS);
  if (!options.memfd) always(MEMFD_CREATE, EPERM);
  tested(CLONE, refuseBits(0, NEW_NAMESPACES));
  tested(UNSHARE, refuseBits(0, NEW_NAMESPACES | CLONE_NEWTIME));
  tested(IOCTL, refuseValues(1, Object.values(REFUSED_IOCTLS)));
  if (!options.groupSignals) tested(KILL, refuseValues(0, [0]));
  tested(SOCKET, allowValues(0, ALLOWED_FAMILIES, EAFNOSUPPORT));
  program.push(answer(ACTION.allow));
  return program;
}

/** The bytes that bubblewrap reads from `--seccomp FD`. */
export function seccompProgram(options: SeccompOptions): Buffer {
  const instructions = seccompInstructions(options);
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return bytes;
}

const load = (offset: number): Instruction => ({ code: BPF.loadWord, jt: 0, jf: 0, k: offset });
const jump = (code: number, k: number, jt: number, jf: number): Instruction => ({ code, jt, jf, k });
const answer = (action: number): Instruction => ({ code: BPF.return, jt: 0, jf: 0, k: action >>> 0 });

function whole(number: number | undefined, error: number): Instruction[] {
  if (number === undefined) return [];
  return [jump(BPF.jumpEqual, number, 0, 1), answer(ACTION.errno | error)];
}

/** `test` runs for this call alone and returns in every branch. */
function guarded(number: number | undefined, test: readonly Instruction[]): Instruction[] {
  if (number === undefined) return [];
  return [jump(BPF.jumpEqual, number, 0, test.length), ...test];
}

const refuseBits = (argument: number, bits: number): Instruction[] => [
  load(DATA.argument(argument)),
  jump(BPF.jumpAnySet, bits, 0, 1),
  answer(ACTION.errno | EPERM),
  answer(ACTION.allow),
];

function refuseValues(argument: number, values: readonly number[]): Instruction[] {
  const tests = values.flatMap((value) => [jump(BPF.jumpEqual, value, 0, 1), answer(ACTION.errno | EPERM)]);
  return [load(DATA.argument(argument)), ...tests, answer(ACTION.allow)];
}

function allowValues(argument: number, values: readonly number[], error: number): Instruction[] {
  const tests = values.flatMap((value) => [jump(BPF.jumpEqual, value, 0, 1), answer(ACTION.allow)]);
  return [load(DATA.argument(argument)), ...tests, answer(ACTION.errno | error)];
}
