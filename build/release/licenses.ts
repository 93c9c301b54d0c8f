/** The licenses of all that is inside the shipped files, in one text. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Sbom } from "./sbom.ts";

/** Bun's npm package has no license file; its types' package has the page that tells what Bun is linked with. */
const BUN = "node_modules/bun-types/docs/project/license.mdx";

/**
 * @param root the project's folder, with its packages installed
 * @throws where a package has no license file
 */
export function licenses(root: string, { components }: Sbom): string {
  const textOf = (name: string): string => {
    if (name === "bun") return readFileSync(join(root, BUN), "utf8");
    const folder = join(root, "node_modules", name);
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`${name} has no license file: what is it under?`);
    return readFileSync(join(folder, file), "utf8");
  };
  return components.map(({ name, version }) => `# ${name} ${version}\n\n${textOf(name).trim()}\n`).join("\n");
}
