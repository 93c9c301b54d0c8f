/** Starts the library that is named first, with the folder for its program; prints why that failed, or nothing. */
import { Plugin, rc } from "./host.ts";

const [, , library = "", programdir = ""] = process.argv;
using state = new Plugin(library).init(JSON.stringify({ statefile: "", programdir }));
if (state.rc !== rc.success) process.stdout.write(state.error);
