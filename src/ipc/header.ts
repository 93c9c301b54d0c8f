/** What the two processes must agree on, as the C side reads it. */
import { dirname } from "node:path";
import { readDefaults } from "../plugin/config.ts";
import { fieldTypes } from "../plugin/fields/field.ts";
import { fields } from "../plugin/fields.ts";
import { info } from "../plugin/info.ts";
import { metrics } from "../plugin/metrics.ts";
import { FILE_SCHEME } from "../sensor/recording.ts";
import { own, places, shared } from "./blocks.ts";
import { layout } from "./layout.ts";

const text = (value: string): string => JSON.stringify(value);
const macro = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_");

/** What a test may build the library with another value of. */
const TUNABLE: ReadonlySet<string> = new Set(["BATCH_WAIT_MS"]);

/** The part of the generated header that both sides are made of. */
export function sharedHeader(): string {
  const shape = fields.map(
    ({ name, type, list, key }, id) =>
      `    {.type = ${fieldTypes[type]}, .block = ${places[id]?.block}, .slot = ${places[id]?.slot}${list ? ", .list = 1" : ""}${key === undefined ? "" : ", .keyed = 1"}}, /* ${name} */`,
  );
  return `#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define PLUGIN_NAME ${text(info.name)}
#define PLUGIN_DESCRIPTION ${text(info.description)}
#define PLUGIN_CONTACT ${text(info.contact)}
#define PLUGIN_VERSION ${text(info.version)}
#define PLUGIN_REQUIRED_API_VERSION ${text(info.requiredApiVersion)}
#define PLUGIN_EVENT_SOURCE ${text(info.eventSource)}
#define PLUGIN_ID ${info.id}u
/* How the open_params of what has an end begin. */
#define FILE_SCHEME ${text(FILE_SCHEME)}
/* Where the state lies unless the configuration says otherwise. */
#define STATE_FOLDER ${text(dirname(readDefaults().statefile))}
/* Where the program goes that the library carries, unless the configuration says otherwise. */
#define PROGRAM_FOLDER ${text(readDefaults().programdir)}

${Object.entries(layout)
  .map(([name, value]) =>
    TUNABLE.has(name) ? `#ifndef ${name}\n#define ${name} ${value}\n#endif` : `#define ${name} ${value}`,
  )
  .join("\n")}

#define FIELD_COUNT ${fields.length}
${fields.map((f, id) => `#define FIELD_${macro(f.name)} ${id}`).join("\n")}
${Object.entries(fieldTypes)
  .map(([name, value]) => `#define FIELD_${macro(name)} ${value}`)
  .join("\n")}
/* The slots of the event's own block, at most and at least, and how many of them tell where the other blocks lie. */
#define OWN_SLOTS ${own.slots}
#define OWN_SLOTS_MIN ${own.least}
#define SHARED_BLOCKS ${shared.length}
/* block: 0 for the event's own, else the slot that tells where it lies, plus one. */
struct field_shape { uint8_t type, list, keyed, block; uint16_t slot; };
static const struct field_shape FIELD_SHAPES[FIELD_COUNT] __attribute__((unused)) = {
${shape.join("\n")}
};

#define METRIC_COUNT ${metrics.length}
${metrics.map((m, place) => `#define METRIC_${macro(m.name)} ${place}`).join("\n")}
static const char *const METRIC_NAMES[METRIC_COUNT] __attribute__((unused)) = {
${metrics.map((m) => `    ${text(m.name)},`).join("\n")}
};
static const uint8_t METRIC_TYPES[METRIC_COUNT] __attribute__((unused)) = { ${metrics.map((m) => (m.monotonic ? 0 : 1)).join(", ")} };
`;
}
