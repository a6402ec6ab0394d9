// The control tree as a real mount: cat, echo, ls, tail -f and their like are the whole API.
import { afterEach, expect, test } from 'vitest';
import type { Principal } from '../../fs/control/source.ts';
import { FakeSource, pendingItem } from './fakeSource.ts';
import { type Mounted, mountTree, UIDS } from './mounted.ts';

const mounts: Mounted[] = [];
async function mounted(principal: Principal): Promise<{ source: FakeSource; mount: Mounted }> {
  const source = new FakeSource(principal);
  const mount = await mountTree(source);
  mounts.push(mount);
  return { source, mount };
}

afterEach(async () => {
  for (const mount of mounts.splice(0)) {
    await mount.end();
    expect(mount.session.defects).toBe(0);
    expect(mount.tree.held).toEqual({ entries: 0, handles: 0 });
  }
});

test('operator: list, look, approve, reject, and errors by their names', async () => {
  const { source, mount } = await mounted('operator');
  const { stdout, stderr } = await mount.shell(`
    cat $K/pending/index; ls $K/pending
    echo approve > $K/pending/aaaa1111 && cat $K/approve
    echo 'reject not so' > $K/pending/bbbb2222
    ls $K/pending
    echo approve > $K/pending/cccc3333
    echo set > $K/reject
    echo x > $K/version
    rm -f $K/version
  `);
  expect(stdout.split('\n')).toEqual([
    'set set-of-aaaa1111-bbbb2222',
    'aaaa1111 modify claude 12 3 - /w/a.ts',
    'bbbb2222 modify claude 12 3 - "/w/src/b b.ts"',
    '4 ignored paths kept private',
    'aaaa1111',
    'bbbb2222',
    'index',
    'commit c1',
    'approved aaaa1111 /w/a.ts',
    'parent /w/new',
    'index',
    '',
  ]);
  expect(source.rejections[0]?.reason).toBe('not so');
  const pid = Number(/pid (\d+)/.exec(source.approvals[0]!.by)?.[1]);
  expect(pid).toBeGreaterThan(0);
  const said = [
    'cccc3333: No such file or directory',
    'write error: Invalid argument',
    'version: Operation not permitted',
  ];
  const lines = stderr.trim().split('\n');
  expect(lines).toHaveLength(4);
  for (const [index, text] of said.entries()) expect(lines[index]).toContain(text);
  expect(lines[3]).toMatch(/^rm: .*: Operation not permitted$/);
});

test.each(UIDS)('T45: an agent decides nothing, whoever it is (uid %i)', async (uid) => {
  const { source, mount } = await mounted('agent');
  const lines = ['approve', 'reject', 'policy', 'pending/aaaa1111', 'pending/cccc3333'].flatMap((path) => [
    `echo approve > $K/${path}; echo approve >> $K/${path}; truncate -s 0 $K/${path}; chmod 666 $K/${path}`,
    `exec 3< $K/pending/index; echo approve > /proc/self/fd/3; exec 3<&-; cp /etc/hostname $K/${path}; ln -f $K/version $K/${path}`,
  ]);
  const { stdout, stderr } = await mount.shell(`${lines.join('\n')}\ntrue`, uid);
  expect(stdout).toBe('');
  const refusals = stderr.split('\n').filter((line) => /approve: Operation not permitted/.test(line));
  expect(refusals.length).toBeGreaterThanOrEqual(2);
  expect(source.approvals).toEqual([]);
  expect(source.rejections).toEqual([]);
  expect(source.policies).toEqual([]);
  expect(source.items).toHaveLength(2);
  expect(source.recorded.filter((event) => event.path === '/.kernel/approve')).not.toEqual([]);
  const modes = await mount.shell('cd $K && stat -c "%a" approve reject policy pending/aaaa1111 pending .', uid);
  expect(modes.stdout.trim().split('\n')).toEqual(['666', '666', '666', '666', '555', '555']);
});

test('files of unknown size are read whole by cat, grep, cp, dd, sed and read', async () => {
  const { mount } = await mounted('agent');
  const { stdout, stderr } = await mount.shell(`
    cat $K/version; grep -c version $K/version; dd if=$K/version bs=3 2>/dev/null
    sed -n 1p $K/version; read line < $K/version; echo "$line"; head -c 7 $K/version; echo
    copy=$(mktemp); cp $K/version $copy; cat $copy; rm $copy; tail -n 1 $K/version; wc -c < $K/version
  `);
  const whole = 'version 0.1.0';
  expect(stdout.trim().split('\n')).toEqual([whole, '1', whole, whole, whole, 'version', whole, whole, '14']);
  expect(stderr).toBe('');
});

test('audit works with tail, wc, cp and grep, and with tail -f while it grows', async () => {
  const { source, mount } = await mounted('agent');
  for (let seq = 2; seq <= 5000; seq++) source.audit.append({ seq, op: 'write', path: `/w/${seq}` });
  const { stdout } = await mount.shell(`
    wc -l < $K/audit; tail -n 1 $K/audit; grep -c 4999 $K/audit; copy=$(mktemp); cp $K/audit $copy
    cmp $copy $K/audit && echo same; rm $copy; head -n 1 $K/audit; stat -c %s $K/audit
  `);
  const last = '{"seq":5000,"op":"write","path":"/w/5000"}';
  expect(stdout.trim().split(/\n/)).toEqual([
    '5000',
    last,
    '1',
    'same',
    '{"seq":1,"op":"write"}',
    `${source.audit.sizeBytes()}`,
  ]);
  const following = mount.shell('timeout 15 tail -n 0 -s 0.1 -f $K/audit | head -n 2');
  const growing = setInterval(() => source.audit.append({ seq: 'more' }), 50);
  expect((await following).stdout).toBe('{"seq":"more"}\n'.repeat(2));
  clearInterval(growing);
});

test('pipes block and follow; an interrupted reader leaves; the mount answers others meanwhile', async () => {
  const { source, mount } = await mounted('agent');
  const following = mount.shell('head -n 2 $K/events.pipe');
  const second = mount.shell('head -n 1 $K/audit.pipe');
  const meanwhile = await mount.shell('timeout -s INT 0.3 cat $K/events.pipe; echo $?; cat $K/version');
  expect(meanwhile.stdout).toBe('124\nversion 0.1.0\n');
  const growing = setInterval(() => {
    source.events.append({ op: 'tick' });
    source.audit.append({ seq: 7 });
  }, 50);
  expect((await following).stdout).toBe('{"op":"tick"}\n'.repeat(2));
  expect((await second).stdout).toBe('{"seq":7}\n');
  clearInterval(growing);
});

test('poll(2) on a pipe sleeps until there is something', async () => {
  const { source, mount } = await mounted('agent');
  const program = `
    import { openSync } from 'node:fs';
    const { poll } = await import(process.env.SYSCALL);
    const fds = Buffer.alloc(8);
    fds.writeInt32LE(openSync(process.env.K + '/events.pipe', 'r'), 0);
    fds.writeInt16LE(1, 4);
    console.log(poll(fds, 1, 0));
    console.log(poll(fds, 1, 15000), fds.readInt16LE(6));
  `;
  const syscall = new URL('../../dist/fs/host/syscall.js', import.meta.url).href;
  const polling = mount.shell(
    `SYSCALL=${syscall} exec ${process.execPath} --input-type=module -e '${program.replaceAll("'", `'"'"'`)}'`,
  );
  // Not a moment earlier than the poll has begun: the session has seen it.
  while ((mount.session.requestCounts().POLL ?? 0) < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  source.events.append({ op: 'tick' });
  expect(await polling).toEqual({ code: 0, stdout: '0\n1 1\n', stderr: '' });
});

test('T13: an id is a plain name, a path of any bytes is approved as it is listed', async () => {
  const { source, mount } = await mounted('operator');
  source.items = [pendingItem('aaaa1111', '/w/\xff\n\x1b[31m "q" \xc3\xa9')];
  const { code } = await mount.shell(`sed -n 's/^aaaa1111 .* - //p' $K/pending/index > $K/approve`);
  expect(code).toBe(0);
  expect(source.approvals[0]?.ids).toEqual(['aaaa1111']);
});

test('find and ls -lR over the whole tree end', async () => {
  const { mount } = await mounted('operator');
  const { stdout, code } = await mount.shell(
    'ls -lRi $K > /dev/null; find $K -type f | wc -l; find $K -type d | wc -l',
  );
  expect(code).toBe(0);
  expect(stdout.trim().split(/\s+/)).toEqual(['20', '3']);
});
