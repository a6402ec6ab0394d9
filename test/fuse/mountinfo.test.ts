// The table of mounts: octal escapes, optional fields, lines of another form.
import { expect, test } from 'vitest';
import { parseMountInfo } from '../../fs/fuse/mountinfo.ts';

test('fields are found whatever stands between', () => {
  const text = [
    '25 30 0:39 / /tmp/a\\040b\\134c\\012d rw,nosuid - fuse.agentsh agentsh:x rw,user_id=0',
    '26 30 253:0 / / rw shared:1 master:2 - ext4 /dev/root rw',
    '27 30 0:40 / /tmp/\xc3\xa4 rw shared:1 - fuse.agentsh agent\\040sh rw',
    'nonsense',
    '',
  ].join('\n');
  expect(parseMountInfo(text)).toEqual([
    { device: '0:39', mountpoint: '/tmp/a b\\c\nd', type: 'fuse.agentsh', source: 'agentsh:x' },
    { device: '253:0', mountpoint: '/', type: 'ext4', source: '/dev/root' },
    { device: '0:40', mountpoint: '/tmp/ä', type: 'fuse.agentsh', source: 'agent sh' },
  ]);
});
