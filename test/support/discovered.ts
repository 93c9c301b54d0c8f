/**
 * Opens all engines that the plugin finds, and tells in JSON which these are and to how many it is connected then. In a
 * process of its own, which can be given another /run.
 */
import { Plugin } from "./host.ts";

using state = new Plugin().init('{"statefile": "", "inspect": false}');
const found = JSON.parse(state.listOpenParams().text) as { value: string; desc: string }[];
using instance = state.open(JSON.stringify(found.map(({ value }) => value)));
const connected = () => state.metrics().engines_connected ?? 0;
for (const end = performance.now() + 30_000; connected() < found.length && performance.now() < end; )
  instance.nextBatch();
process.stdout.write(JSON.stringify({ found, error: state.error, connected: connected() }));
