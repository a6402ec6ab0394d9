// SQLite keeps its promises in a mount: what it acknowledged survives a killed writer, what it did not is gone, and
// processes that write at once wait for each other.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePlace, PLACES, type Place, PROGRAM_TIMEOUT_MS } from './place.ts';

/** The writer kills itself in the middle of a transaction that has spilled to the disk: its journal is hot. */
const KILLED_WITHIN = (journal: string) => `
sqlite3 $db "pragma journal_mode=${journal}; create table t(a integer primary key, b text); with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000) insert into t select i, 'before' || i from n; create index t_b on t(b);"
sqlite3 $db <<'END' > told || echo "ended with $?"
pragma cache_size=10;
begin immediate;
update t set b = 'after' || a;
delete from t where a % 3 = 0;
.print spilled
.shell kill -9 $PPID
END
cat told && ls $db* && sqlite3 $db "select count(*), min(b), max(b) from t; pragma integrity_check; pragma journal_mode;" && ls $db*`;

/** A writer that commits as fast as it can is killed after it told of some commits: those it told of are there. */
const KILLED_AT_ANY_TIME = (journal: string) => `
sqlite3 $db "pragma journal_mode=${journal}; create table c(n integer primary key);"
mkfifo told.$db
( for n in $(seq 5000); do echo "insert into c values ($n);"; echo ".print $n"; done ) | sqlite3 $db > told.$db 2>/dev/null & 
exec 3< told.$db
while read -r told <&3 && [ "$told" -lt 40 ]; do :; done
kill -9 $(jobs -p) $! 2>/dev/null; wait 2>/dev/null
while read -r more <&3; do told=$more; done
exec 3<&-
[ "$(sqlite3 $db 'select count(*) from c')" -ge "$told" ] && sqlite3 $db "pragma integrity_check; select count(*) = max(n) from c" && rm told.$db`;

const AT_ONCE = (journal: string) => `
sqlite3 $db "pragma journal_mode=${journal}; create table counter(n); insert into counter values (0);"
add() { for i in $(seq 30); do echo 'begin immediate; update counter set n = n + 1; commit;'; done | sqlite3 -cmd '.timeout 60000' $db; }
add & add & add & wait
sqlite3 $db "select n from counter; pragma integrity_check;"`;

const STORIES = {
  'killed in a transaction': KILLED_WITHIN,
  'killed at any time': KILLED_AT_ANY_TIME,
  'at once': AT_ONCE,
};
const STORY = Object.entries(STORIES)
  .flatMap(([title, story], index) =>
    ['delete', 'wal'].map((journal) => `echo '= ${title}, ${journal}'; db=${journal}${index}.db${story(journal)}`),
  )
  .join('\n');

describe.each(PLACES)('as $user under $mode', (name) => {
  let place: Place;
  beforeAll(() => {
    place = makePlace(name);
  });
  afterAll(() => place.world.end(), PROGRAM_TIMEOUT_MS);

  test(
    'killed writers and several at once leave what they leave on a plain directory',
    async () => {
      const { code, stdout } = await place.onPlain(STORY);
      expect(code).toBe(0);
      expect(stdout.match(/^ok$/gm)).toHaveLength(6);
      // The shell's own words about who was killed hold process ids.
      expect(await place.inside(STORY)).toMatchObject({ code, stdout });
    },
    PROGRAM_TIMEOUT_MS,
  );
});
