#!/usr/bin/env bun
/** The program docker-plugin: the runtime, or the tool. */
import { runCli } from "./cli/cli.ts";
import { runRuntime } from "./runtime/main.ts";

// "runtime" is how libdocker.so starts this program; all else is a person's.
const [command, library] = process.argv.slice(2);
if (command === "runtime" && library !== undefined) runRuntime(library);
// A fault of ours ends the process with its stack.
else void runCli(process.argv.slice(2)).then(process.exit);
