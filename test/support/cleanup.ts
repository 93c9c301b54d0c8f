/** Loaded before the tests (bunfig.toml): removes their folders after them, and those of runs that were killed. */
import { afterAll } from "bun:test";
import { removeFolders, removeLeftFolders } from "./temporary.ts";

removeLeftFolders();
afterAll(removeFolders);
