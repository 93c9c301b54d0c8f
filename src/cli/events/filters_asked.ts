/** What a person wants an engine to leave out: `--type`, `--filter` … */
import { didYouMean } from "../../base/nearest.ts";
import { FILTER_KEYS, type FilterKey, type Filters, isFilterKey, TYPES } from "../../docker/filters.ts";
import { BadUsage, type Given } from "../args.ts";
import type { OptionName } from "../commands.ts";

/** The options that are a filter each, by the engine's name of it. */
const OPTIONS: readonly (readonly [option: OptionName, key: FilterKey])[] = [
  ["type", "type"],
  ["action", "event"],
  ["container", "container"],
  ["image", "image"],
  ["label", "label"],
];

/** What of these filters may be mistyped: an engine then sends nothing, and says nothing. */
export function oddTypes({ type = [] }: Filters): string[] {
  const known = [...TYPES];
  return type
    .filter((each) => !TYPES.has(each))
    .map(
      (each) =>
        `no engine is known to have events of type ${each}${didYouMean(each, known) || `; known are ${known.join(", ")}`}`,
    );
}

/** @throws BadUsage where a filter is none */
export function filtersAsked(given: Given): Filters {
  const filters: Partial<Record<FilterKey, string[]>> = {};
  const add = (key: FilterKey, value: string) => {
    filters[key] = [...(filters[key] ?? []), value];
  };
  for (const [option, key] of OPTIONS) for (const value of given.all(option)) add(key, value);
  for (const text of given.all("filter")) {
    const [, key = "", value] = /^([^=]*)=(.+)$/s.exec(text) ?? [];
    if (value === undefined) throw new BadUsage(`--filter ${JSON.stringify(text)}: expected KEY=VALUE`);
    if (!isFilterKey(key))
      throw new BadUsage(
        `--filter ${JSON.stringify(text)}: engines have no filter ${JSON.stringify(key)}${didYouMean(key, FILTER_KEYS) || `; known are ${FILTER_KEYS.join(", ")}`}`,
      );
    add(key, value);
  }
  return filters;
}
