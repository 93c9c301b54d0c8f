/** Whether conditions hold for events, as libsinsp judges it: Falco's own library, in the program sysdig. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { info } from "../../plugin/info.ts";
import { captureOf } from "./capture.ts";

/** How long a judgement may take, ms. */
const JUDGE_MS = 30_000;
/** No state of a real Falco is touched, and no engine is asked. */
const CONFIG = JSON.stringify({ statefile: "", snapshot: false, inspect: false });

export interface Judged {
  /** The places of the events that the condition holds for, from 0 on; undefined where it was not judged. */
  readonly matches: ReadonlySet<number> | undefined;
  /** Why not. */
  readonly why?: string;
}

export class Judge {
  private constructor(
    readonly sysdig: string,
    readonly library: string,
  ) {}

  /** The judge of this machine; else why there is none. */
  static find(): Judge | string {
    const library = join(dirname(process.execPath), `lib${info.name}.so`);
    const sysdig = Bun.which("sysdig");
    if (sysdig === null)
      return "there is no sysdig on this machine, whose libsinsp would judge conditions as Falco does";
    if (!existsSync(library)) return `there is no ${library}, which sysdig would read events by`;
    return new Judge(sysdig, library);
  }

  /** Judges events by several filters. */
  async judge(
    filters: readonly string[],
    events: readonly { readonly timeNano: bigint; readonly payload: string }[],
  ): Promise<Judged[]> {
    const folder = mkdtempSync(join(tmpdir(), "docker-plugin-"));
    const file = join(folder, "events.scap");
    try {
      writeFileSync(file, captureOf(events), { mode: 0o600 });
      return await Promise.all(filters.map((filter) => this.#ask(file, filter)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async #ask(file: string, filter: string): Promise<Judged> {
    const args = ["-H", `${this.library}:${CONFIG}`, "-r", file, "-p", "%evt.num", filter];
    const ran = Bun.spawn([this.sysdig, ...args], { stdio: ["ignore", "pipe", "pipe"], timeout: JUDGE_MS });
    const [out, err] = await Promise.all([new Response(ran.stdout).text(), new Response(ran.stderr).text()]);
    const code = await ran.exited;
    if (code !== 0) return { matches: undefined, why: err.trim().split("\n").at(-1) || `sysdig ended with ${code}` };
    return {
      matches: new Set(
        out
          .split("\n")
          .filter(Boolean)
          .map((number) => Number(number) - 1),
      ),
    };
  }
}
