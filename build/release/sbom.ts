/** What is inside the shipped program, for those who look for vulnerable parts: CycloneDX, as `npm sbom` writes it. */

interface Component {
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly { readonly license?: { readonly id?: string } }[];
}

export interface Sbom {
  serialNumber?: string;
  metadata: { timestamp?: string; tools?: unknown; component: { name: string } };
  components: Component[];
}

/** Bun itself is in the program (bun.com/docs/project/license). npm counts it as a tool of the build. */
const bun = (version: string): object => ({
  "bom-ref": `bun@${version}`,
  type: "application",
  name: "bun",
  version,
  scope: "required",
  description: "The JavaScript runtime that the program is compiled with",
  purl: `pkg:npm/bun@${version}`,
  licenses: [{ license: { id: "MIT" } }],
});

/**
 * Makes the bill of materials of the checked-out version. What changes from call to call, or with npm, is left out of it.
 * @throws where npm fails
 */
export function sbom(folder: string, name: string): Sbom {
  const command = ["npm", "sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--omit", "optional"];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: folder });
  if (exitCode !== 0) throw new Error(`npm sbom: ${stderr.toString()}`);
  const bill = JSON.parse(stdout.toString()) as Sbom;
  delete bill.serialNumber;
  delete bill.metadata.timestamp;
  delete bill.metadata.tools;
  bill.metadata.component.name = name;
  bill.components.push(bun(Bun.version) as Component);
  return bill;
}
