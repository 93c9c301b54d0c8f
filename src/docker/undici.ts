/**
 * What of undici an engine is spoken to with, each part from its own file: all of it, with its fetch, caches and mocks,
 * would cost each runtime 4 MB. And by the name `undici` Bun gives a stand-in, whose Client does nothing.
 */
import buildConnector from "undici/lib/core/connect.js";
import Client from "undici/lib/dispatcher/client.js";
import Pool from "undici/lib/dispatcher/pool.js";

export { buildConnector, Client, Pool };
