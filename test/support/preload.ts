/** Runs in each test process before its files: `bun test` ends without the event `exit`, so that nothing would be tidied. */
import { afterAll } from "bun:test";
import { removeTemporaryFolders } from "./temporary.ts";

afterAll(removeTemporaryFolders);
