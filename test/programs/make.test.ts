// make rebuilds what changed and nothing else: times in a mount are in the order of events, to the nanosecond.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answer, makePlace, PLACES, type Place, PROGRAM_TIMEOUT_MS } from './place.ts';

/** Jobs run side by side: their lines are sorted. Under `rw` a file that lands dates its directory: only files are compared. */
const STORY = `set -e
mkdir project && cd project && mkdir include generated
cat > Makefile <<'END'
objects = main.o one.o two.o three.o four.o
program: $(objects) ; $(CC) $^ -o $@
%.o: %.c ; $(CC) -MMD -Iinclude -Igenerated -c $< -o $@
$(objects): generated/numbers.h
generated/numbers.h: numbers.txt ; sed 's/^/#define NUMBER /' $< > $@.new && mv $@.new $@
stamp: program | include ; ./program > $@
-include $(wildcard *.d)
END
echo 5 > numbers.txt
for name in one two three four; do
  echo "int $name(void);" > "include/$name.h"
  printf '#include "%s.h"\\n#include "numbers.h"\\nint %s(void) { return NUMBER; }\\n' "$name" "$name" > "$name.c"
done
printf '#include <stdio.h>\\n#include "one.h"\\n#include "two.h"\\n#include "three.h"\\n#include "four.h"\\nint main(void) { printf("%%d\\\\n", one() + two() + three() + four()); return 0; }\\n' > main.c
build() { echo "= $1"; make -j2 program stamp 2>&1 | sort; }
build first && cat stamp
build again; build again
touch two.c && build 'one source touched' && build again
echo 'int two(void); int more(void);' > include/two.h && build 'a header edited' && build again
cp three.c three.new && mv three.new three.c && build 'a source replaced by itself' && build again
cat one.c > copy && cat copy > one.c && build 'a source rewritten with the same bytes' && build again
echo 7 > numbers.txt && build 'what everything is made from edited' && cat stamp && build again
rm -rf ./*.o && build 'objects removed' && build again
find . -newer stamp -type f | sort`;

describe.each([...PLACES, ...PLACES.slice(-1).map(({ user }) => ({ user, mode: 'ephemeral' as const }))])(
  'as $user under $mode',
  (name) => {
    let place: Place;
    beforeAll(() => {
      place = makePlace(name);
    });
    afterAll(() => place.world.end(), PROGRAM_TIMEOUT_MS);

    test(
      'builds, and builds again, as on a plain directory',
      async () => {
        const expected = answer(await place.onPlain(STORY));
        expect(expected).toMatchObject({ code: 0, stderr: '' });
        expect(expected.stdout).toContain("= again\nmake: 'program' is up to date.\nmake: 'stamp' is up to date.\n");
        expect(answer(await place.inside(STORY))).toEqual(expected);
      },
      PROGRAM_TIMEOUT_MS,
    );
  },
);
