// `/.kernel/README`: where am I, and how do I ask.
import { quotePath } from './quote.ts';
import type { AgentFacts, Principal } from './source.ts';

export function renderReadme(principal: Principal, facts: AgentFacts): string {
  return principal === 'agent' ? agentReadme(facts) : OPERATOR_README;
}

function agentReadme({ name, workspace }: AgentFacts): string {
  return `You are inside agentsh, as the agent ${quotePath(name)}. Your / is a merged view of the host under rules.
${workspace === undefined ? 'There is no workspace.' : `Your workspace is ${quotePath(workspace)}.`}
What you write there is yours at once, and waits for a person before it reaches the host.

  cat /.kernel/mounts           which path has which rule (ro: EROFS; hidden: ENOENT)
  cat /.kernel/denials          what was refused lately, by which rule, and what to do instead
  cat /.kernel/pending/index    what you changed and nobody has approved yet
  cat /.kernel/pending/ID       one change and its diff; after a decision its verdict and reason
  ls  /.kernel/commits          what was approved
  cat /.kernel/audit            what you did; audit.pipe blocks and follows
  cat /.kernel/events           what happens; events.pipe blocks and follows
  cat /.kernel/policy           the effective policy

All of it is for reading. Approving and rejecting is the operator's: a write answers EPERM here,
and looking for a way around it is recorded. Do not wait for an approval: go on working, your view
shows your changes. If a rule is in your way, say to your user which path and why; they can
approve, or start you under another policy.
`;
}

const OPERATOR_README = `You are the operator. This is the control tree of all agents; cat, echo, ls and tail -f are the whole API.

  cat pending/index                   what waits: set DIGEST, then ID KIND AGENT SIZE AGE FLAGS PATH
  cat pending/ID                      one change and its diff
  echo approve > pending/ID           lands exactly what was shown; ESTALE if it moved on
  echo reject not this > pending/ID   gives the agent the host's content back, with the reason
  echo all > approve                  what the last read of pending/index listed, protected paths excepted
  echo 'set DIGEST' > approve         the same, and only if that list is still true
  echo '/src/**/*.ts' > approve       a pattern over paths; also ids and paths, one item a line
  printf 'ID\\nreason no\\n' > reject   the same items, and a reason
  cat approve                         what the last command came to, or why it was refused
  ls commits                          what landed; cat commits/ID: when, by whose word
  cat who                             connections by principal
  tail -f audit                       the audit log; audit.pipe and events.pipe block and follow
  cat audit.head                      its last signed checkpoint

One write is one command, and all or nothing: EINVAL bad verb, ENOENT unknown id, EPERM no right, ESTALE moved on.
`;
