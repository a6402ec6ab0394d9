// The filter's logic, run by an interpreter of classic BPF on made-up calls: both architectures, every rule.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACTION,
  ALLOWED_FAMILIES,
  type Architecture,
  AUDIT_ARCH,
  BPF,
  CLONE_NEWTIME,
  HIGHEST_KNOWN_CALL,
  MISSING,
  NEW_NAMESPACES,
  REFUSED,
  REFUSED_IOCTLS,
  type SeccompOptions,
  seccompProgram,
} from '../../../agentsh/sandbox/seccomp.ts';

const ALLOW = ACTION.allow;
const KILL = ACTION.killProcess;
const EPERM = ACTION.errno | 1;
const ENOSYS = ACTION.errno | 38;
const EAFNOSUPPORT = ACTION.errno | 97;
const INSTRUCTIONS_MAX = 4096;

/** `struct seccomp_data` for one call. Arguments are 64 bits. */
function call(architecture: number, number: number, ...values: readonly bigint[]): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture >>> 0, 4);
  for (const [index, value] of values.entries()) data.writeBigUInt64LE(value, 16 + 8 * index);
  return data;
}

/** What the kernel would do with `data`; throws on an instruction it would not accept. */
function interpret(program: Buffer, data: Buffer): number {
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at += 1) {
    const code = program.readUInt16LE(at * 8);
    const k = program.readUInt32LE(at * 8 + 4);
    const hop = (taken: boolean) => program.readUInt8(at * 8 + (taken ? 2 : 3));
    if (code === BPF.return) return k;
    else if (code === BPF.loadWord) accumulator = data.readUInt32LE(k);
    else if (code === BPF.jumpEqual) at += hop(accumulator === k);
    else if (code === BPF.jumpGreater) at += hop(accumulator > k);
    else if (code === BPF.jumpAnySet) at += hop((accumulator & k) !== 0);
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error('ran off the end');
}

const usual = { memfd: true, groupSignals: true } as const;
const ARCHITECTURES: readonly Architecture[] = ['x64', 'arm64'];

describe.each(ARCHITECTURES)('%s', (architecture) => {
  const arch = AUDIT_ARCH[architecture];
  const filter = (options: Partial<SeccompOptions> = {}) => seccompProgram({ architecture, ...usual, ...options });
  const run = (number: number, ...values: bigint[]) => interpret(filter(), call(arch, number, ...values));
  const number = (x64: number, arm64: number) => (architecture === 'x64' ? x64 : arm64);

  test('every refused call answers EPERM, every missing one ENOSYS, whatever the arguments', () => {
    for (const numbers of Object.values(REFUSED)) {
      const refused = numbers[architecture];
      if (refused !== undefined) expect(run(refused, 0n, 0xffff_ffff_ffff_ffffn)).toBe(EPERM);
    }
    for (const numbers of Object.values(MISSING)) expect(run(numbers[architecture]!, 1n)).toBe(ENOSYS);
  });

  test('another architecture is killed, whatever the call', () => {
    for (const other of [0x4000_0003, 0x4000_0028, 0, AUDIT_ARCH[architecture === 'x64' ? 'arm64' : 'x64']]) {
      for (const any of [0, 1, 165, 39]) expect(interpret(filter(), call(other, any))).toBe(KILL);
    }
  });

  test('calls beyond the known ones and the x32 table are missing', () => {
    for (const unknown of [HIGHEST_KNOWN_CALL + 1, 0x4000_0000, 0x4000_00a5, 0xffff_ffff])
      expect(run(unknown)).toBe(ENOSYS);
    expect(run(HIGHEST_KNOWN_CALL)).toBe(ALLOW);
  });

  test('clone and unshare: threads and forks pass, any new namespace does not', () => {
    const [clone, unshare] = [number(56, 220), number(272, 97)];
    const thread = 0x003d_0f00n;
    for (const plain of [17n, thread, 0n]) expect(run(clone, plain)).toBe(ALLOW);
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      const flag = BigInt((NEW_NAMESPACES & (1 << bit)) >>> 0);
      expect(flag).not.toBe(0n);
      expect(run(clone, flag | 17n)).toBe(EPERM);
      expect(run(unshare, flag)).toBe(EPERM);
      // The kernel looks at the low half alone.
      expect(run(clone, flag | 0xdead_0000_0000_0000n)).toBe(EPERM);
    }
    expect(run(unshare, BigInt(CLONE_NEWTIME))).toBe(EPERM);
    expect(run(unshare, 0x600n)).toBe(ALLOW);
  });

  test('ioctl: terminal injection by the low 32 bits, others pass', () => {
    const ioctl = number(16, 29);
    for (const request of Object.values(REFUSED_IOCTLS)) {
      expect(run(ioctl, 0n, BigInt(request))).toBe(EPERM);
      expect(run(ioctl, 0n, BigInt(request) | (0x1234n << 32n))).toBe(EPERM);
    }
    for (const request of [0x5401n, 0x5413n, 0x5414n, 0x540fn, 0x5410n]) expect(run(ioctl, 0n, request)).toBe(ALLOW);
  });

  test('sockets: only the families a network namespace confines', () => {
    const socket = number(41, 198);
    for (const family of ALLOWED_FAMILIES) expect(run(socket, BigInt(family))).toBe(ALLOW);
    for (const family of [40n, 17n, 38n, 31n, 29n, 44n]) expect(run(socket, family)).toBe(EAFNOSUPPORT);
  });

  test('memfd_create and group signals are refused only where asked', () => {
    const [memfd, kill] = [number(319, 279), number(62, 129)];
    expect(run(memfd)).toBe(ALLOW);
    expect(interpret(filter({ memfd: false }), call(arch, memfd))).toBe(EPERM);
    expect(run(kill, 0n, 15n)).toBe(ALLOW);
    expect(interpret(filter({ groupSignals: false }), call(arch, kill, 0n, 15n))).toBe(EPERM);
    expect(interpret(filter({ groupSignals: false }), call(arch, kill, 5n, 15n))).toBe(ALLOW);
  });

  test('any call ends in one of the five answers, within the kernel’s bound of instructions', () => {
    const program = filter();
    expect(program.length / 8).toBeLessThan(INSTRUCTIONS_MAX);
    const answers = [ALLOW, KILL, EPERM, ENOSYS, EAFNOSUPPORT].map((answer) => answer >>> 0);
    const word = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
    fc.assert(
      fc.property(fc.nat(500), word, word, (any, a, b) => answers.includes(interpret(program, call(arch, any, a, b)))),
    );
  });
});
