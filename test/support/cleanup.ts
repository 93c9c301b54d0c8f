/** Loaded before each test file (bunfig.toml): `bun test` ends without the event that programs tidy up at. */
import { afterAll } from "bun:test";
import { removeTemporaryFolders } from "./temporary.ts";

afterAll(removeTemporaryFolders);
