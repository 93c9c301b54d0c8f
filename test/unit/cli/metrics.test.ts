/** Metrics in what Falco answers. */
import { expect, test } from "bun:test";
import { metricsIn } from "../../../src/cli/metrics.ts";
import { metrics, prometheusName } from "../../../src/plugin/metrics.ts";

test("each is found by the name that Falco gives it", () => {
  const text = metrics.map(({ name }, i) => `${prometheusName(name)}{raw_name="docker.${name}"} ${i}\n`).join("");
  expect([...metricsIn(text)]).toEqual(metrics.map(({ name }, i) => [name, i]));
});

test("gauges are called totals, and a unit in a name is gone", () => {
  expect(prometheusName("connected")).toBe("falcosecurity_plugins_docker_connected_total");
  expect(prometheusName("lag_ms")).toBe("falcosecurity_plugins_docker_lag_ms_total");
  expect(prometheusName("queue_bytes")).toBe("falcosecurity_plugins_docker_queue_total");
});

test("another plugin's are not ours, and what comes under our own names is", () => {
  expect([...metricsIn("falcosecurity_plugins_k8saudit_received_total 1\nour_docker_queue_bytes 2\n")]).toEqual([
    ["queue_bytes", 2],
  ]);
});
