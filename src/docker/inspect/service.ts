/**
 * What inspecting a swarm service tells (moby 29.7.2: api/types/swarm/service.go, container.go). Never its environment, its
 * secrets, or its log driver's options.
 */
import * as v from "valibot";
import { bool, compact, isMap, listOf, part, text, texts } from "../../base/lenient.ts";
import { capability } from "./capability.ts";
import { containerMount } from "./mounts.ts";

/** What `GET /services/{id}` (API 1.24) tells, made small. */
export const serviceInspection = v.object({
  /** As a pull names it, mostly with the digest that the swarm pinned it to. */
  image: text,
  /** In the order of the service. A volume's source is its name. */
  mounts: listOf(containerMount),
  /** `CAP_SYS_ADMIN` …, or `ALL` (API 1.41). */
  capAdd: texts,
});

export type ServiceInspection = Readonly<v.InferOutput<typeof serviceInspection>>;

const serviceAnswer = v.object({
  Spec: part(
    v.object({
      TaskTemplate: part(
        v.object({
          ContainerSpec: part(
            v.object({
              Image: text,
              CapabilityAdd: texts,
              Mounts: listOf(v.object({ Type: text, Source: text, Target: v.string(), ReadOnly: bool })),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** Reads the parsed JSON of `GET /services/{id}`; undefined where it is no object. */
export function inspectService(json: unknown): ServiceInspection | undefined {
  if (!isMap(json)) return undefined;
  const container = v.parse(serviceAnswer, json).Spec?.TaskTemplate?.ContainerSpec;
  return compact<ServiceInspection>({
    image: container?.Image,
    mounts: container?.Mounts?.map(({ Type = "", Source = "", Target, ReadOnly }) => ({
      source: Source,
      destination: Target,
      mode: ReadOnly === true ? "ro" : "rw",
      type: Type,
    })),
    capAdd: container?.CapabilityAdd?.map(capability),
  });
}
