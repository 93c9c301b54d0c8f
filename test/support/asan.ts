/** What makes tests drive a libdocker.so that AddressSanitizer and UndefinedBehaviorSanitizer watch. */
import { asanRuntime, compileSanitizedLibrary } from "./sanitizers.ts";
import { temporaryFolder } from "./temporary.ts";

/**
 * Compiles that library, and returns the environment for `bun test`. The runtime's process has the usual one: what is
 * watched is the host's side.
 * @throws where there is no clang with its runtime libraries
 */
export function asanEnvironment(): Record<string, string> {
  if (asanRuntime === undefined)
    throw new Error("there is no clang with its runtime libraries (Debian: clang libclang-rt-14-dev)");
  return {
    LIBDOCKER: compileSanitizedLibrary(temporaryFolder(), "address,undefined", ["-shared-libasan"]),
    LD_PRELOAD: asanRuntime,
    // The leaks are Bun's own (valgrind looks at ours), and so are the signals.
    ASAN_OPTIONS: "detect_leaks=0:handle_segv=0:allow_user_segv_handler=1",
  };
}
