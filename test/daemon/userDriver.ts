// Run as an ordinary user: boots a kernel, opens an agent, looks at the mounts, shuts down; prints what it saw.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { ensureKernel } from '../../fs/daemon/client.ts';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';

const [directory = ''] = process.argv.slice(2);
const environment = {
  HOME: directory,
  PATH: process.env.PATH ?? '',
  AGENTSH_HOME: `${directory}/state`,
};
const workspace = `${directory}/work`;
mkdirSync(workspace);
writeFileSync(`${workspace}/a.txt`, 'hello');

const client = await ensureKernel({ environment });
const status = await client.call('status', {});
const request = { cwd: workspace, program: 'shell', environment, throwaway: false };
const session = await client.call('session.open', request);
const inside = readdirSync(session.mountpoint + workspace);
writeFileSync(`${session.mountpoint}${workspace}/b.txt`, 'new');
const [pending] = await client.call('pending', {});
const view = `${directory}/view`;
mkdirSync(view);
await client.call('mount', {
  ...request,
  mountpoint: view,
  readOnly: true,
  allowOther: false,
  suid: false,
  dev: false,
});
const seen = readFileSync(`${view}${workspace}/b.txt`, 'utf8');
await client.call('umount', { mountpoint: view });
const approved = await client.call('approve', { ids: [`${workspace}/b.txt`] });
await client.call('session.close', { session: session.session });
const health = execFileSync('cat', [`${status.operator}/health`], { encoding: 'utf8', timeout: 10_000 });
await client.call('shutdown', { force: false });
await client.closed;
const landed = statSync(`${workspace}/b.txt`);
process.stdout.write(
  JSON.stringify({
    health,
    idShift: session.idShift,
    inside,
    pending: pending?.items.map(({ kind, path }) => [kind, path]),
    seen,
    approved: approved[0]?.approved.length,
    landed: [landed.uid === process.getuid!(), (landed.mode & 0o777).toString(8)],
    left: agentshMounts(directory).length,
  }),
);
