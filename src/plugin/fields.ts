/** The fields that rules can use. */
import { exitFields } from "./fields/container/exit.ts";
import { identityFields } from "./fields/container/identity.ts";
import { isolationFields } from "./fields/container/isolation.ts";
import { labelFields } from "./fields/container/labels.ts";
import { limitFields } from "./fields/container/limits.ts";
import { mountFields } from "./fields/container/mounts.ts";
import { networkFields } from "./fields/container/network.ts";
import { processFields } from "./fields/container/process.ts";
import { stateFields } from "./fields/container/state.ts";
import { engineFields } from "./fields/engine.ts";
import { eventFields } from "./fields/event.ts";
import { execFields } from "./fields/exec.ts";
import type { Field } from "./fields/field.ts";
import { imageFields } from "./fields/image.ts";
import { networkEventFields } from "./fields/network.ts";
import { pluginFields } from "./fields/plugin.ts";
import { serviceFields } from "./fields/service.ts";
import { volumeFields } from "./fields/volume.ts";

/** All fields. A field's id is its place here: it lives no longer than the process that loads both binaries. */
export const fields: readonly Field[] = [
  ...eventFields,
  ...execFields,
  ...imageFields,
  ...engineFields,
  ...identityFields,
  ...processFields,
  ...stateFields,
  ...mountFields,
  ...networkFields,
  ...isolationFields,
  ...exitFields,
  ...volumeFields,
  ...networkEventFields,
  ...serviceFields,
  ...pluginFields,
  ...limitFields,
  ...labelFields,
];
