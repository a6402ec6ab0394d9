// `HOST:PORT`, as network rules and `--net` write it.

export interface Endpoint {
  /** Lower case; a leading `*.` stands for any subdomain. IPv6 without brackets. */
  readonly host: string;
  /** 1 to 65535, or 0 for any (`*`). */
  readonly port: number;
}

const HOST_LENGTH_MAX = 253;
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const NAME = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);
const ADDRESS6 = /^[0-9a-f:.]*:[0-9a-f:.]*$/;

/** Parses `host:443`, `*.host:443`, `10.0.0.1:*`, `[::1]:80`; undefined if it is none of these. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const colon = text.lastIndexOf(':');
  if (colon <= 0) return undefined;
  const port = parsePort(text.slice(colon + 1));
  const host = parseHost(text.slice(0, colon).toLowerCase());
  return port === undefined || host === undefined ? undefined : { host, port };
}

/** The same endpoint in its one spelling. */
export function formatEndpoint(endpoint: Endpoint): string {
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port === 0 ? '*' : endpoint.port}`;
}

/** Whether everything that `inner` allows is allowed by `outer`. */
export function endpointCovers(outer: Endpoint, inner: Endpoint): boolean {
  if (outer.port !== 0 && outer.port !== inner.port) return false;
  if (outer.host === inner.host) return true;
  return outer.host.startsWith('*.') && inner.host.endsWith(outer.host.slice(1));
}

function parsePort(text: string): number | undefined {
  if (text === '*') return 0;
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

function parseHost(host: string): string | undefined {
  if (host.length > HOST_LENGTH_MAX) return undefined;
  if (host.startsWith('[') && host.endsWith(']')) {
    const address = host.slice(1, -1);
    return ADDRESS6.test(address) ? address : undefined;
  }
  return NAME.test(host) ? host : undefined;
}
