// git keeps a repository in a mount as it keeps one in a plain directory: same ids, sound objects, clean status.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answer, makePlace, PLACES, type Place, PROGRAM_TIMEOUT_MS } from './place.ts';

const STORY = `set -e
git init --quiet origin && cd origin
for commit in 1 2 3 4 5 6; do
  mkdir -p "d$commit/sub" && seq "$commit" "$((commit * 40))" > "d$commit/lines" && echo "$commit" > "d$commit/sub/own"
  echo "line $commit" >> shared && ln -sf "../d$commit" "d$commit/sub/up" && chmod +x "d$commit/sub/own"
  git add --all && git commit --quiet --message="commit $commit"
done
git tag --annotate --message=tag v1 HEAD~3
git checkout --quiet -b topic HEAD~2 && mv d2 moved && sed -i s/9/nine/ d3/lines && git add --all && git commit --quiet --message=moved
echo topic > d4/sub/topic && git add --all && git commit --quiet --message=topic && git checkout --quiet main
cd ..
echo '= clone' && git clone --quiet origin linked 2>&1 && git clone --quiet --no-local origin copied 2>&1
cd copied && git fsck --strict --no-progress && git log --all --format='%H %D' && git status --porcelain && git ls-files -s | sha1sum
echo '= rebase' && git checkout --quiet topic && git rebase --quiet main && git log --format='%H %s'
git rebase --quiet --onto HEAD~2 HEAD~1 && git log --format='%H %s' -3 && git checkout --quiet main
echo '= worktree' && git worktree add --quiet ../tree topic && cd ../tree && git status --porcelain --branch
echo more >> shared && git commit --quiet --all --message='in the tree' && git log -1 --format=%H && cd ../copied
git worktree list --porcelain | grep -v ^worktree && git worktree remove ../tree && git worktree prune
echo '= stash, reset, merge' && echo dirty >> shared && git stash push --quiet && git status --porcelain && git stash pop --quiet
git diff --stat && git reset --quiet --hard && git merge --quiet --no-edit topic && git log -1 --format='%H %P'
git rm --quiet -r d5 && git clean --quiet -fdx && git commit --quiet --message='one less' && ls
echo '= gc' && git -c pack.threads=1 gc --quiet --prune=now && git count-objects -v | grep -E '^(count|in-pack|packs|garbage)'
git fsck --strict --no-progress --full && git repack --quiet -adF && git rev-parse HEAD topic && git status --porcelain
echo '= the clone that shares objects' && cd ../linked && git fsck --strict --no-progress && git pull --quiet --no-rebase && git rev-parse HEAD
cd .. && rm -rf linked && cd origin && git fsck --strict --no-progress && git status --porcelain`;

describe.each(PLACES)('as $user under $mode', (name) => {
  let place: Place;
  beforeAll(() => {
    place = makePlace(name);
  });
  afterAll(() => place.world.end(), PROGRAM_TIMEOUT_MS);

  test(
    'clone, rebase, worktree, merge, gc and fsck answer what they answer on a plain directory',
    async () => {
      const expected = answer(await place.onPlain(STORY));
      expect(expected).toMatchObject({ code: 0, stderr: '' });
      expect(answer(await place.inside(STORY))).toEqual(expected);
    },
    PROGRAM_TIMEOUT_MS,
  );
});
