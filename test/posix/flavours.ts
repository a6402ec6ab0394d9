// Where and as whom the cases run: a plain directory, to prove the case, then every kind of mount.
import { isRoot } from './caller.ts';

/** `empty` has nothing below the view: what a case starts from is made through the mount. */
export type Place = 'plain' | 'ephemeral empty' | 'ephemeral' | 'invisible' | 'rw';
/** Who mounts and who calls: root both; root mounts, a user calls; a user both. */
export type Who = 'root' | 'guest' | 'user';
export type Connection = 'passthrough' | 'open' | 'cached';

export interface Flavour {
  readonly name: string;
  readonly place: Place;
  readonly who: Who;
  readonly connection: Connection | null;
}

const PLACES = ['ephemeral empty', 'ephemeral', 'invisible', 'rw'] as const;
/** A user's daemon may not register backing files, nor mount in a view. Where opens are not told there is no `rw`. */
const CONNECTIONS: Readonly<Record<Who, readonly Connection[]>> = {
  root: ['passthrough', 'cached'],
  guest: ['passthrough', 'cached'],
  user: ['open'],
};
const everyone: readonly Who[] = isRoot() ? ['root', 'guest', 'user'] : ['user'];

export const PLAIN: readonly Flavour[] = everyone
  .filter((who) => who !== 'guest')
  .map((who) => ({ name: `plain, ${who}`, place: 'plain', who, connection: null }));

export const MOUNTED: readonly Flavour[] = PLACES.flatMap((place) =>
  everyone.flatMap((who) =>
    CONNECTIONS[who]
      .filter((connection) => connection !== 'cached' || place !== 'rw')
      .map((connection) => ({ name: `${place}, ${who}, ${connection}`, place, who, connection })),
  ),
);

/** Dear cases run here in a short run: once for each place. */
export const isFirstOfPlace = (flavour: Flavour): boolean =>
  flavour.place === 'plain' || MOUNTED.find(({ place }) => place === flavour.place) === flavour;
