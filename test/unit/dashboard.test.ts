/** The dashboard for Grafana: it shows every metric of the plugin, by the names that Falco gives them. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { metrics, prometheusName } from "../../src/plugin/metrics.ts";

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly description: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly panels: readonly Panel[];
}

const path = join(import.meta.dir, "../../deploy/grafana/docker-plugin.json");
const dashboard = (await Bun.file(path).json()) as Dashboard;
const { panels } = dashboard;
const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const definitions = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);
const namesIn = (text: string): string[] => text.match(/\bfalcosecurity_\w+/g) ?? [];

test("each metric that it asks for is the plugin's, and each of the plugin's is on it", () => {
  const known = metrics.map(({ name }) => prometheusName(name)).sort();
  expect(new Set(known).size).toBe(metrics.length);
  expect([...new Set(expressions.flatMap(namesIn))].sort()).toEqual(known);
  for (const name of definitions.flatMap(namesIn)) expect(known).toContain(name);
});

test("what only grows is shown by its growth, and nothing else is", () => {
  for (const expr of expressions)
    for (const { name, monotonic } of metrics)
      if (namesIn(expr).includes(prometheusName(name)))
        expect(new RegExp(`(?:rate|increase)\\(${prometheusName(name)}\\b`).test(expr)).toBe(monotonic);
});

test("its queries name the variables that it has, and close what they open", () => {
  const variables = dashboard.templating.list.map(({ name }) => name);
  expect(variables).toEqual(["datasource", "instance"]);
  for (const expr of [...expressions, ...panels.map(({ datasource }) => datasource.uid)])
    for (const [, name = ""] of expr.matchAll(/\$\{?(\w+)/g))
      expect([...variables, "__rate_interval", "__range"]).toContain(name);
  for (const expr of expressions)
    for (const [open, close] of ["()", "[]", "{}"])
      expect(expr.split(open ?? "").length).toBe(expr.split(close ?? "").length);
});

test("panels have their own numbers, a word on what they mean, and a place that is no other's", () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { description, gridPos, targets, title } of panels) {
    expect(title).not.toBe("");
    expect(description).toEndWith(".");
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken).not.toContain(`${x},${y}`);
        taken.add(`${x},${y}`);
      }
  }
});
