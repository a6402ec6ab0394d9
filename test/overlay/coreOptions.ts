// What a core world is made with.
import type { Mode } from '../../policy/model.ts';

export interface CoreOptions {
  readonly mode?: Mode;
  /** More rules: path below the workspace to mode. */
  readonly rules?: Readonly<Record<string, Mode>>;
  readonly hide?: readonly string[];
  readonly mask?: readonly string[];
  /** Patterns ignored without any ignore file. */
  readonly ignored?: readonly string[];
  /** Nothing is opened and nothing closed: every operation is on the node itself. */
  readonly withoutOpens?: boolean;
}
