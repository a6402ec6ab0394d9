// rsync and tar carry a tree into a mount and out of it with hard links, times, access lists and attributes, and find
// nothing left to do when asked again.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TreeState, treeDifference } from '../treeState.ts';
import { makePlace, PLACES, type Place, PROGRAM_TIMEOUT_MS } from './place.ts';

const printTree = fileURLToPath(new URL('../../dist/test/programs/printTree.js', import.meta.url));
/** Old times everywhere, a directory's after what is in it: copying within the same second proves nothing. */
const SOURCE = `set -e
mkdir -p src/a/b src/empty src/deep/er/est && cd src
head -c 300000 /dev/urandom > a/big && echo one > a/one && ln a/one a/b/hard && ln a/one hard && chmod 640 a/big
ln -s ../one a/b/soft && ln -s /nowhere dangling && ln dangling "dangling too" && mkfifo pipe && ln pipe deep/pipe
truncate -s 300000 a/sparse && printf end >> a/sparse && : > deep/er/est/nothing && printf x > "$(printf 'odd\\377 \\n name')"
for file in $(seq 60); do seq "$file" > "deep/er/$file"; done
setfattr -n user.note -v kept a/one && setfattr -n user.binary -v 0x00ff0a00 a && setfattr -n user.empty deep/er/1
setfacl -m u:1:rw,g:2:r a/big && setfacl -m u:3:rwx,d:u:1:rx,d:g:2:rx a/b && echo inherits > a/b/inherits && chmod 1777 empty
find . -depth -exec touch -h -d '2001-02-03T04:05:06.123456789' {} +`;
const AGAIN = 'rsync -aHAX --checksum --delete --itemize-changes';

describe.each(PLACES)('as $user under $mode', (name) => {
  let place: Place;
  let view: string;
  beforeAll(async () => {
    place = makePlace(name);
    view = await place.show();
    expect(await place.onPlain(SOURCE)).toMatchObject({ code: 0, stderr: '' });
  }, PROGRAM_TIMEOUT_MS);
  afterAll(() => place.world.end(), PROGRAM_TIMEOUT_MS);

  const tree = async (directory: string): Promise<TreeState> => {
    const { stdout, stderr } = await place.world.run(process.execPath, [printTree, directory]);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as TreeState;
  };
  const plain = (directory: string) => path.join(place.plain, directory);

  test(
    'rsync in, within and out: all is kept, and a second run transfers nothing',
    async () => {
      const result = await place.onPlain(`set -e
rsync -aHAX --checksum src/ '${view}/in/' && ${AGAIN} src/ '${view}/in/'
rsync -aHAX --checksum '${view}/in/' '${view}/within/' && ${AGAIN} '${view}/in/' '${view}/within/'
rsync -aHAX --checksum '${view}/within/' out/ && ${AGAIN} '${view}/within/' out/
stat -c %h '${view}/within/hard' '${view}/within/pipe' '${view}/within/dangling' out/hard`);
      expect(result).toEqual({ code: 0, stdout: '3\n2\n2\n3\n', stderr: '' });
      const source = await tree(plain('src'));
      expect(Object.keys(source).length).toBeGreaterThan(60);
      for (const copy of [`${view}/in`, `${view}/within`, plain('out')])
        expect(treeDifference(source, await tree(copy)), copy).toEqual([]);
    },
    PROGRAM_TIMEOUT_MS,
  );

  test(
    'tar round trip with attributes, access lists and hard links; tar finds no difference',
    async () => {
      const create = 'tar --xattrs --acls --sparse -cf';
      const result = await place.onPlain(`set -e
${create} first.tar -C src . && mkdir '${view}/unpacked'
tar --xattrs --acls --xattrs-include='*' -xpf first.tar -C '${view}/unpacked' && tar --xattrs --acls -df first.tar -C '${view}/unpacked'
${create} '${view}/second.tar' -C '${view}/unpacked' . && mkdir back
tar --xattrs --acls --xattrs-include='*' -xpf '${view}/second.tar' -C back && tar --xattrs --acls -df '${view}/second.tar' -C back
stat -c %h '${view}/unpacked/hard' back/hard`);
      expect(result).toEqual({ code: 0, stdout: '3\n3\n', stderr: '' });
      const source = await tree(plain('src'));
      for (const copy of [`${view}/unpacked`, plain('back')])
        expect(treeDifference(source, await tree(copy)), copy).toEqual([]);
    },
    PROGRAM_TIMEOUT_MS,
  );
});
