/** What an engine is asked to leave out of its events. */

/** What `GET /events` can be narrowed down to (moby v28.5.2: daemon/events/filter.go; podman 5.8: `pod`). */
export const FILTER_KEYS = [
  ...["config", "container", "daemon", "event", "image", "label", "network", "node"],
  ...["plugin", "pod", "scope", "secret", "service", "type", "volume"],
] as const;

export type FilterKey = (typeof FILTER_KEYS)[number];

/** The values of each key: any of them will do, and each key has to. */
export type Filters = Readonly<Partial<Record<FilterKey, readonly string[]>>>;

export const isFilterKey = (key: string): key is FilterKey => FILTER_KEYS.some((known) => known === key);

/**
 * The filters as a part of a query, `filters=…`; empty where there are none. In the form that docker's own client
 * writes, a set a key, which podman takes too (moby v28.5.2: api/types/filters, Args.MarshalJSON).
 */
export function filterQuery(filters: Filters): string {
  const sets = Object.entries(filters)
    .filter(([, values]) => values.length > 0)
    .map(([key, values]) => [key, Object.fromEntries(values.map((value) => [value, true]))]);
  return sets.length === 0 ? "" : `filters=${encodeURIComponent(JSON.stringify(Object.fromEntries(sets)))}`;
}
