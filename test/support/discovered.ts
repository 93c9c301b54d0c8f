/**
 * Opens all engines that the plugin finds, and tells in JSON which these are and what each one's first event is: the one of
 * the engine itself. In a process of its own, which can be given another /run.
 */
import { Plugin } from "./host.ts";

using state = new Plugin().init('{"statefile": ""}');
const found = JSON.parse(state.listOpenParams().text) as { value: string; desc: string }[];
using instance = state.open(JSON.stringify(found.map(({ value }) => value)));
const asks = ["docker.type", "docker.action", "docker.engine.host", "docker.engine.rootless"];
const first = instance.take(found.length, (event) => state.extract(event, asks));
process.stdout.write(JSON.stringify({ found, error: state.error, first }));
