// Ed25519 keys of the kernel and of principals: made on first use, 0600 in a 0700 directory, refused if looser.
//
// A key file is one line: the 32-byte seed in hex. Keys sign with node:crypto; @noble/ed25519 is the verifier in tests
// and shows that both speak the same RFC 8032. Directories are byte strings (latin1).
import {
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { base58btc } from 'multiformats/bases/base58';
import { StoreFailure } from '../store/failure.ts';

/** Signs for one principal. */
export interface Signer {
  readonly did: string;
  /** 32 bytes. */
  readonly publicKey: Buffer;
  /** An Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Buffer;
}

const SEED_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;
/** DER in front of a raw Ed25519 seed (PKCS 8) and of a raw public key (SPKI), RFC 8410. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** The multicodec of an Ed25519 public key, as a varint. */
const DID_KEY_PREFIX = Buffer.from([0xed, 0x01]);

/** The key `name` in `directory`, made if it is not there yet. */
export function loadIdentity(directory: string, name: string): Signer {
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(name)) throw new TypeError(`not a key name: ${JSON.stringify(name)}`);
  mkdirSync(bytes(directory), { recursive: true, mode: 0o700 });
  refuseLoose(directory, lstatSync(bytes(directory)), 'directory');
  const path = `${directory}/${name}.key`;
  const seed = readSeed(path) ?? makeSeed(directory, path);
  return signerOfSeed(seed);
}

/** A signer from a raw 32-byte seed. */
export function signerOfSeed(seed: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = Buffer.from(der.subarray(SPKI_PREFIX.length));
  return { did: didOfKey(publicKey), publicKey, sign: (message) => cryptoSign(null, message, key) };
}

/** `did:key:z…` of a raw public key. */
export function didOfKey(publicKey: Uint8Array): string {
  return `did:key:${base58btc.encode(Buffer.concat([DID_KEY_PREFIX, publicKey]))}`;
}

/**
 * The raw public key behind a `did:key`.
 * @throws SyntaxError where it is not an Ed25519 did:key
 */
export function keyOfDid(did: string): Buffer {
  let decoded: Buffer;
  try {
    decoded = Buffer.from(base58btc.decode(did.replace(/^did:key:/, '')));
  } catch {
    throw new SyntaxError('not a did:key');
  }
  const isEd25519 =
    decoded.length === DID_KEY_PREFIX.length + PUBLIC_KEY_BYTES && decoded.indexOf(DID_KEY_PREFIX) === 0;
  if (!isEd25519 || didOfKey(decoded.subarray(DID_KEY_PREFIX.length)) !== did) {
    throw new SyntaxError('not a did:key of an Ed25519 key');
  }
  return decoded.subarray(DID_KEY_PREFIX.length);
}

/** Whether `signature` is `publicKey`'s over `message`. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return cryptoVerify(null, message, publicKeyObject(publicKey), signature);
}

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new TypeError('an Ed25519 public key has 32 bytes');
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
}

const bytes = (path: string): Buffer => Buffer.from(path, 'latin1');

function refuseLoose(path: string, status: { mode: number; uid: number }, what: 'directory' | 'file'): void {
  const wanted = what === 'directory' ? '0700' : '0600';
  const rightType = (status.mode & constants.S_IFMT) === (what === 'directory' ? constants.S_IFDIR : constants.S_IFREG);
  if (!rightType) throw new StoreFailure('unsafe', path, `not a ${what}`);
  if (status.uid !== process.geteuid?.()) {
    throw new StoreFailure(
      'unsafe',
      path,
      `belongs to user ${status.uid}; a key must belong to the user of the kernel`,
    );
  }
  if ((status.mode & 0o077) !== 0) {
    const mode = (status.mode & 0o7777).toString(8).padStart(4, '0');
    throw new StoreFailure('unsafe', path, `mode ${mode} lets others in; run: chmod ${wanted} '${path}'`);
  }
}

function readSeed(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(bytes(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    refuseLoose(path, fstatSync(fd), 'file');
    const text = readFileSync(fd, 'latin1').trim();
    if (!/^[0-9a-f]{64}$/.test(text)) throw new StoreFailure('corrupt', path, 'not a key: expected 64 hex digits');
    return Buffer.from(text, 'hex');
  } finally {
    closeSync(fd);
  }
}

/** Makes a key: complete and flushed before it has its name; the first of two makers wins. */
function makeSeed(directory: string, path: string): Buffer {
  const seed = randomBytes(SEED_BYTES);
  const temporary = `${directory}/key-${randomBytes(8).toString('hex')}.tmp`;
  const fd = openSync(bytes(temporary), 'wx', 0o600);
  try {
    writeSync(fd, `${seed.toString('hex')}\n`);
    fsyncSync(fd);
    linkSync(bytes(temporary), bytes(path));
  } catch (error) {
    const other = (error as NodeJS.ErrnoException).code === 'EEXIST' ? readSeed(path) : undefined;
    if (other === undefined) throw error;
    return other;
  } finally {
    closeSync(fd);
    unlinkSync(bytes(temporary));
  }
  const directoryFd = openSync(bytes(directory), constants.O_RDONLY | constants.O_DIRECTORY);
  fsyncSync(directoryFd);
  closeSync(directoryFd);
  return seed;
}
