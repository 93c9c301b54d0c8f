/** By what the two halves of the plugin know that they belong together. */
import bridge from "../../ffi/guest/bridge.h" with { type: "text" };
import channel from "../../ffi/shared/channel.h" with { type: "text" };
import abi from "../../ffi/shared/falco_abi.h" with { type: "text" };
import record from "../../ffi/shared/record.h" with { type: "text" };
import ring from "../../ffi/shared/ring.h" with { type: "text" };
import { info } from "../plugin/info.ts";
import { severities } from "../plugin/severities.ts";
import { sharedHeader } from "./header.ts";
import { callbacks, symbols } from "./symbols.ts";

/** The text of all that `docker-plugin` and `libdocker.so` must agree on, of each side. */
export const agreed: readonly string[] = [
  ...[sharedHeader(), JSON.stringify([severities, symbols, callbacks])],
  ...[bridge, channel, abi, record, ring],
];

/** The version, and a hash of what must be agreed on. The host compares it with its own before it believes a runtime. */
export const buildId = `${info.version}+${Bun.hash(JSON.stringify(agreed)).toString(16)}`;
