/** An engine behind TLS that asks for the client's certificate, for benchmarks: `tickets` or `none` to go on with. */
import { constants } from "node:crypto";
import { readFileSync } from "node:fs";
import { CA, tlsServer } from "../test/support/tls.ts";

const secureOptions = process.argv[2] === "none" ? constants.SSL_OP_NO_TICKET : 0;
const server = await tlsServer("server", {
  secureOptions,
  requestCert: true,
  rejectUnauthorized: true,
  ca: readFileSync(CA),
});
console.log(server.address);
// The end of its parent closes this, and ends it.
for await (const _ of Bun.stdin.stream());
process.exit(0);
