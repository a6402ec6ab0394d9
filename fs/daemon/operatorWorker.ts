// The thread that serves the operator's mount: `/.kernel` alone, with every answer fetched from the main thread.
import { ControlTree } from '../control/tree.ts';
import { Channel, sendTo } from '../fuse/channel.ts';
import { Session } from '../fuse/session.ts';
import { OperatorSource } from './operatorSource.ts';
import type { AttachParams, OperatorMethods } from './protocol.ts';
import { RequestError } from './requestError.ts';
import { WorkerLoop } from './workerLoop.ts';

const ROOT_NODE = 1;

const loop = new WorkerLoop({
  request(method, params) {
    const handle = methods[method as keyof OperatorMethods] as ((params: unknown) => unknown) | undefined;
    if (handle === undefined) throw new RequestError('ENOSYS', `${method}: no such method`);
    return handle(params);
  },
});
const source = new OperatorSource((method, params) => loop.call(method, params));
const tree = new ControlTree(source, { uid: process.getuid!(), gid: process.getgid!(), nodeBase: ROOT_NODE });

const methods: { [M in keyof OperatorMethods]: (params: OperatorMethods[M]['params']) => unknown } = {
  attach({ connection, fd, idShift }: AttachParams) {
    const session = new Session({ operations: tree, idShift, send: sendTo(fd), log, passthrough: false });
    loop.add(connection, new Channel(fd, session, log, loop.buffer));
  },
  detach({ connection }) {
    loop.remove(connection);
  },
  publish({ events }) {
    for (const event of events) source.publish(event);
    tree.wake();
  },
  close() {},
};

function log(text: string): void {
  loop.post({ event: { kind: 'log', text } });
}

loop.run();
