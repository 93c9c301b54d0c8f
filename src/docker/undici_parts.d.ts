declare module "undici/lib/core/connect.js" {
  import { buildConnector } from "undici/index.js";
  export default buildConnector;
}
declare module "undici/lib/dispatcher/client.js" {
  import { Client } from "undici/index.js";
  export default Client;
}
declare module "undici/lib/dispatcher/pool.js" {
  import { Pool } from "undici/index.js";
  export default Pool;
}
declare module "undici/lib/api/api-request.js" {
  import type { Dispatcher } from "undici/index.js";
  export default function request(
    this: Dispatcher,
    options: Dispatcher.RequestOptions,
  ): Promise<Dispatcher.ResponseData>;
}
