// `rw`: what the view took from the host lives on for whoever has it, by a descriptor or as working directory.
//
// The host's object has no name any more, so what it showed last stays in the heap, and the bytes of a file are held by
// a descriptor until the last handle and lookup are gone.
import { recordOf } from './attributes.ts';
import type { Node } from './node.ts';
import { isDirectory, isRegular, S_IFLNK } from './node.ts';
import { CONTENT } from './records.ts';
import type { ViewState } from './state.ts';
import { leaveName, readLink } from './upper.ts';
import { xattrsToHold } from './xattr.ts';

const O_NONBLOCK = 0o4000;

/** Before a name goes from the host; gives what to do once it is gone. */
export function keepRemoved(view: ViewState, node: Node): () => void {
  const held = xattrsToHold(view, node);
  const holdXattrs = () => {
    if (node.orphan) node.heldXattrs = held;
  };
  if (node.record !== null && !isDirectory(node)) return holdXattrs;
  const last = recordOf(view, node);
  if (node.type === S_IFLNK) last.target = readLink(view, node);
  // Another name is left.
  if (!isDirectory(node) && last.nlink > 1) return () => undefined;
  const opened = isRegular(node) && node.fd < 0 && node.hostParent !== null;
  if (opened && node.hostParent !== null)
    node.fd = Math.max(-1, view.host.open(node.hostParent, node.hostName, O_NONBLOCK));
  return () => {
    const { sec, nsec } = view.nowTime();
    leaveName(view, node);
    const content = node.fd >= 0 ? CONTENT.lower : CONTENT.none;
    node.record = { ...last, content, nlink: 0, ctimeSec: sec, ctimeNsec: nsec };
    holdXattrs();
  };
}
