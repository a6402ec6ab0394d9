// What people and agents run all day, as shell texts that print the same on a plain directory and in a sandbox.

/** Name to text; in this order, each in the repository's top directory, after what those before it left. */
export const TOOLS: Readonly<Record<string, string>> = {
  'git status': 'git status --short && git log --format="%H %s"',
  'git commit':
    'echo more >> d00/f00.txt && echo new > d00/new.txt && git add d00/new.txt && git commit --quiet --all --message=second && git log --format="%H %s" && git status --short && git fsck --no-progress && git diff --stat HEAD~1',
  'sed -i': 'sed -i s/line/LINE/ d01/f0?.txt && head -n 1 d01/f05.txt && ls d01 | wc -l',
  'an editor that writes a new file and renames it':
    'sed s/line/saved/ d02/f10.txt > d02/.f10.txt.swp && cp d02/f10.txt d02/f10.txt~ && mv d02/.f10.txt.swp d02/f10.txt && head -n 1 d02/f10.txt && rm d02/f10.txt~ && ls -A d02 | wc -l',
  vim: 'vim.tiny -u NONE -es -c "%s/line/vim/" -c wq d02/f20.txt </dev/null; head -n 1 d02/f20.txt; ls -A d02 | wc -l',
  node: `node -e 'const fs = require("fs"); fs.mkdirSync("js/deep", { recursive: true }); fs.writeFileSync("js/deep/a.json", JSON.stringify(process.versions.node)); fs.appendFileSync("js/deep/a.json", "\\n"); const handle = fs.openSync("js/b.bin", "w+"); fs.writeSync(handle, Buffer.alloc(70000, 7), 0, 70000, 100000); fs.ftruncateSync(handle, 150000); console.log(fs.readFileSync("js/deep/a.json", "utf8"), fs.fstatSync(handle).size)'`,
  gcc: 'gcc -c main.c -o main.o && gcc main.o -o main && ./main; echo "status $?"; git status --short main main.o',
  python3: `python3 -c 'import os, mmap
with open("py.bin", "w+b") as f:
    f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[4096:4101] = b"mmaps"; m.flush(); m.close()
os.replace("py.bin", "d03/py.bin"); print(open("d03/py.bin", "rb").read()[4090:4110], len(os.listdir("d03")))'`,
  'sqlite3 in WAL mode':
    'sqlite3 data.db "pragma journal_mode=wal; create table t(a integer primary key, b text); insert into t(b) values (\'one\'), (\'two\');" && for i in 1 2 3 4; do sqlite3 -cmd ".timeout 20000" data.db "begin immediate; insert into t(b) values (\'same\'); commit;" & done; wait; sqlite3 data.db "select count(*) from t; pragma integrity_check; pragma wal_checkpoint(truncate);" && ls data.db*',
  'tar x':
    'tar cf d04.tar d04 d05 && mkdir unpacked && tar xf d04.tar -C unpacked && diff -r d04 unpacked/d04 && ls unpacked/d05 | wc -l && rm d04.tar',
  find: 'find . -name .git -prune -o -type f -print | wc -l && find d0? -name "f9*.txt" -size +1k | sort | head -n 5',
  'grep -r': 'grep -rl needle --exclude-dir=.git . | sort && grep -rc LINE d01 | sort | head -n 12',
  'rm -rf': 'rm -rf d06 d07/f1* && ls -d d06 2>&1; ls d07 | wc -l',
  'cp -a':
    'touch -d 2020-01-01T00:00:00Z d08/f00.txt && chmod 640 d08/f01.txt && cp -a d08 d08.copy && diff -r d08 d08.copy && stat -c "%a %Y %n" d08.copy/f00.txt d08.copy/f01.txt',
  'links and renames':
    'ln d09/f00.txt d09/hard && echo more >> d09/hard && stat -c %h d09/f00.txt && tail -n 1 d09/f00.txt && ln -s f01.txt d09/soft && cat d09/soft | head -n 1 && mv d10 moved && ls moved | wc -l && mv d11/f00.txt d12/renamed.txt && ls d11 | wc -l',
  'rmdir and mkdir anew':
    'rm -r d13 && mkdir d13 && echo only > d13/only && ls d13 && mkdir -p a/b/c && rmdir -p a/b/c && ! ls -d a',
};

/** Prints all outputs with their names before them, so that one session serves for all. */
export function script(tools: Readonly<Record<string, string>>): string {
  return Object.entries(tools)
    .map(([name, text]) => `printf '\\n=== %s\\n' '${name}'\n( ${text}\n) 2>&1\necho "--- $?"\n`)
    .join('');
}

/** The outputs by name. */
export function outputs(printed: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    printed
      .split('\n=== ')
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
}

/** Prints the tree but for git's directory: a line for each object, with mode, link text and the hash of content. */
export const MANIFEST = `find . -name .git -prune -o -type f -printf '%P\\t%y %m %s\\n' -o -printf '%P\\t%y %m %l\\n'; echo; find . -name .git -prune -o -type f -print0 | xargs -0 sha256sum`;

/** Path to what is there, from MANIFEST's output. Names must be plain. */
export function parseManifest(printed: string): Map<string, string> {
  const [objects = '', hashes = ''] = printed.split('\n\n');
  const found = new Map(objects.split('\n').map((line) => line.split('\t') as [string, string]));
  for (const line of hashes.split('\n').filter(Boolean)) {
    const name = line.slice(68);
    found.set(name, `${found.get(name)} ${line.slice(0, 16)}`);
  }
  return found;
}
