/** The runtime behind libdocker.so: what the host asks for, and signs of life. */
import { writeSync } from "node:fs";
import { dirname } from "node:path";
import { errorMessage } from "../base/errors.ts";
import { lineOf } from "../base/line.ts";
import { listEngines } from "../docker/discover.ts";
import { NotAnEvent } from "../docker/event.ts";
import { Bridge } from "../ipc/bridge.ts";
import { buildId } from "../ipc/build_id.ts";
import { layout } from "../ipc/layout.ts";
import { RecordWriter } from "../ipc/record.ts";
import { recordBound } from "../ipc/record_bound.ts";
import { type Config, readConfig, readDefaults } from "../plugin/config.ts";
import { parseEnriched } from "../sensor/enrichment.ts";
import { FILE_SCHEME } from "../sensor/recording.ts";
import { Playback } from "./playback.ts";
import { Session } from "./session.ts";

/** Three in the time after which the host takes a silent runtime for one that hangs; each one is a wake-up. */
const HEARTBEAT_EVERY_MS = 3_000;
/**
 * What the runtime may hold beside its queue, bytes of resident memory: the program itself (58 MB), the rings that are
 * mapped, and the garbage of the largest events. One that needs more is broken, and the host starts another.
 */
const MEMORY_MAX = 512 * 1024 * 1024;

/** Settings that count at once, for what is open too. */
const AT_ONCE: ReadonlySet<string> = new Set(["flushinterval", "loglevel"]);

/** Which of the settings that are others now count from the next open on. */
const changedLater = (before: Config, after: Config): string[] =>
  Object.keys(after).filter(
    (key) => !AT_ONCE.has(key) && !Bun.deepEquals(before[key as keyof Config], after[key as keyof Config]),
  );

/** Bytes of resident memory; 0 where no more files may be open, which is no reason to end. */
function memoryHeld(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

/**
 * The runtime behind libdocker.so: serves the host that started this process until that closes its sockets.
 * @param library the path of the libdocker.so that the host has loaded
 */
export function runRuntime(library: string): void {
  // First of all the version, and with nothing but a write: the host compares it before anything else is agreed on.
  writeSync(layout.ANSWER_FD, buildId);

  let config = readDefaults();
  const sessions = new Map<number, Session | Playback>();
  const bridge = new Bridge(library, {
    configure(id, text) {
      const result = readConfig(text);
      if ("error" in result) return bridge.refuse(id, result.error);
      for (const warning of result.warnings) bridge.log("warning", warning);
      const later = sessions.size === 0 ? [] : changedLater(config, result.config);
      config = result.config;
      bridge.logLevel = config.loglevel;
      if (later.length > 0)
        bridge.log("notice", `what is open stays as it is; from the next open on there count: ${later.join(", ")}`);
      // The host lets this process write to that folder, and to no other.
      bridge.answerText(id, config.statefile === "" ? "" : dirname(config.statefile), config.flushinterval);
    },
    open(id, instance, params, openFor) {
      const close = (error: unknown) => {
        sessions.get(instance)?.abandon();
        sessions.delete(instance);
        bridge.ringClose(instance);
        bridge.refuse(id, errorMessage(error));
      };
      try {
        const session = params.startsWith(FILE_SCHEME)
          ? new Playback(bridge, config, instance, params)
          : new Session(bridge, config, instance, params, openFor, () => sessions.size > 1);
        sessions.set(instance, session);
        session.open(openFor > 0).then(() => bridge.answer(id), close);
      } catch (error) {
        close(error);
      }
    },
    close(id, instance) {
      sessions.get(instance)?.close();
      sessions.delete(instance);
      bridge.ringClose(instance);
      bridge.answer(id);
    },
    extract(id, payload) {
      try {
        const event = parseEnriched(payload.toString(), "capture");
        if (recordBound(payload.length, event) > layout.RECORD_MAX) throw new NotAnEvent("too large");
        bridge.answer(id, answers.write(0, lineOf(payload), event));
      } catch (error) {
        bridge.refuse(id, errorMessage(error));
      }
    },
    list(id) {
      bridge.answerText(id, JSON.stringify(listEngines(process.env, config.dockerconfig ?? undefined)));
    },
    abandoned() {
      // A Falco that was killed closed nothing: what it took is kept as at a close.
      for (const session of sessions.values()) session.close();
      process.exit(0);
    },
  });
  const answers = new RecordWriter(bridge.answerMemory.memory, bridge.answerMemory.offset);

  // A fault of ours must not leave a runtime that looks alive: the host starts a new one.
  process.on("uncaughtException", (error) => {
    bridge.log("critical", `the runtime failed: ${error.stack ?? error}`);
    process.exit(70);
  });
  setInterval(() => {
    bridge.heartbeat();
    const held = memoryHeld();
    if (held <= MEMORY_MAX + config.queuebytes) return;
    bridge.log("critical", `the runtime holds ${held} bytes of memory and ends itself`);
    process.exit(75);
  }, HEARTBEAT_EVERY_MS);
}
