// Names that only a commit uses, for what it has in the air: hidden in every view, refused to every agent.

const PREFIX = '.agentsh-tmp-';

/** Whether a name is reserved for commits: never listed, looked up or created through a view. */
export const isReservedName = (name: string): boolean => name.startsWith(PREFIX);

/** The temporary of one step. It holds the verified result, or what the result displaced; nothing else. */
export const temporaryName = (commit: string, step: number): string => `${PREFIX}${commit}-${step}`;

/** The temporary while it is being written: may hold anything of ours, and is thrown away by recovery. */
export const partialName = (commit: string, step: number): string => `${PREFIX}${commit}-${step}.part`;
