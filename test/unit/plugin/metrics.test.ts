import { expect, test } from "bun:test";
import { prometheusName } from "../../../src/plugin/metrics.ts";

test("Falco's names: gauges are called totals, and a unit in a name is gone", () => {
  expect(prometheusName("received")).toBe("falcosecurity_plugins_docker_received_total");
  expect(prometheusName("connected")).toBe("falcosecurity_plugins_docker_connected_total");
  expect(prometheusName("lag_ms")).toBe("falcosecurity_plugins_docker_lag_ms_total");
  expect(prometheusName("queue_bytes")).toBe("falcosecurity_plugins_docker_queue_total");
});
