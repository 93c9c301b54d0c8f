/**
 * Runs the tests with a libdocker.so that AddressSanitizer and UndefinedBehaviorSanitizer watch: `bun test/support/asan.ts
 * [TEST FILE...]`. The runtime's process has the usual one; what is watched is the host's side.
 */
import { asanRuntime, compileSanitizedLibrary } from "./sanitizers.ts";
import { temporaryFolder } from "./temporary.ts";

if (asanRuntime === undefined) {
  console.error("asan: there is no clang with its runtime libraries (Debian: clang libclang-rt-14-dev)");
  process.exit(1);
}
const library = compileSanitizedLibrary(temporaryFolder(), "address,undefined", ["-shared-libasan"]);
const { exitCode } = Bun.spawnSync([process.execPath, "test", "--timeout", "120000", ...process.argv.slice(2)], {
  stdio: ["ignore", "inherit", "inherit"],
  env: {
    ...Bun.env,
    LIBDOCKER: library,
    LD_PRELOAD: asanRuntime,
    // The leaks are Bun's own (valgrind looks at ours), and so are the signals.
    ASAN_OPTIONS: "detect_leaks=0:handle_segv=0:allow_user_segv_handler=1",
  },
});
process.exit(exitCode);
