// How a FUSE connection serves the files it shows: what `agentsh mount --connection` takes and `who` lists.

export const CONNECTION_PROFILES = ['passthrough', 'open'] as const;

/**
 * `passthrough`: reads and writes of staging files and of files under `ro` go past the kernel process, where a file
 * allows it (root in the initial user namespace, Linux 6.9). `open`: an open is a message, its bytes are in the page
 * cache.
 */
export type ConnectionProfile = (typeof CONNECTION_PROFILES)[number];
