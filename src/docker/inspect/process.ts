/** What a container runs, and how (moby 29.7.2: api/types/container/config.go). */
import * as v from "valibot";
import { bool, compact, type Json, part, text, texts } from "../../base/lenient.ts";
import { commandOf } from "./command.ts";

export const processFacts = {
  /** The entrypoint and its arguments. */
  command: texts,
  /**
   * `user`, `uid`, `user:group` …, from the command or else from the image (moby 29.7.2: daemon/commit.go, merge). Empty:
   * neither names one, which means root.
   */
  user: text,
  /** Empty: the root folder. */
  workingDir: text,
  hostname: text,
  tty: bool,
  /**
   * The health check's test: `CMD` and a command, `CMD-SHELL` and a text for a shell, or `NONE`; from the command or
   * else from the image, absent where neither has one.
   */
  healthcheck: texts,
  /** The shell for such a text, where the image sets one. */
  shell: texts,
} as const;

const processFactsSchema = v.object(processFacts);

export type ProcessFacts = Readonly<v.InferOutput<typeof processFactsSchema>>;

const processAnswer = v.object({
  Path: text,
  Args: texts,
  Config: part(
    v.object({
      User: text,
      WorkingDir: text,
      Hostname: text,
      Tty: bool,
      Healthcheck: part(v.object({ Test: texts })),
      Shell: texts,
    }),
  ),
});

/** Reads what is run, of the parsed JSON of `GET /containers/{id}/json`. */
export function processFactsOf(json: Json): ProcessFacts {
  const { Path, Args, Config: config } = v.parse(processAnswer, json);
  return compact<ProcessFacts>({
    command: commandOf(Path, Args),
    user: config?.User,
    workingDir: config?.WorkingDir,
    hostname: config?.Hostname,
    tty: config?.Tty,
    healthcheck: config?.Healthcheck?.Test,
    shell: config?.Shell,
  });
}
