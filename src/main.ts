#!/usr/bin/env bun
/** The program docker-plugin: the runtime, or the tool. What is the other's is not even loaded. */

// "runtime" is how libdocker.so starts this program; all else is a person's.
const [command, library] = process.argv.slice(2);
if (command === "runtime" && library !== undefined)
  void import("./runtime/main.ts").then(({ runRuntime }) => runRuntime(library));
// A fault of ours ends the process with its stack.
else void import("./cli/cli.ts").then(({ runCli }) => runCli(process.argv.slice(2))).then(process.exit);
