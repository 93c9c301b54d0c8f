/**
 * What a volume is and where it leads. Of a volume's options only its type and its device are kept: the others hold the
 * passwords of CIFS mounts.
 *
 * The shapes are moby's (29.7.2: api/types/volume/volume.go, api/types/mount/mount.go), the meaning of the options that of
 * its local driver (daemon/volume/local/local_unix.go: mount(2) with `device`, `type` and `o`), checked against dockerd
 * 20.10.24.
 */
import * as v from "valibot";
import { bool, compact, isMap, listOf, part, text } from "../../base/lenient.ts";

/** What `GET /volumes/{name}` (API 1.21) tells, made small. */
export const volumeInspection = v.object({
  /** `local`, or a plugin's name. */
  driver: text,
  /** What of file system: `none`, `nfs`, `cifs`, `tmpfs`, `overlay` …; absent for a volume of the engine's own. */
  type: text,
  /** What is mounted: a path of the host, a server and its share, or just a name. */
  device: text,
});

export type VolumeInspection = Readonly<v.InferOutput<typeof volumeInspection>>;

/** A volume, and the paths of the engine's host that who mounts it is given; none for one of the engine's own. */
export interface Volume {
  readonly said: VolumeInspection;
  readonly paths: readonly string[];
}

/** A volume that a container has mounted. */
export interface VolumeMount {
  readonly name: string;
  /** The path in the container. */
  readonly destination: string;
  readonly writable: boolean;
  /** What the container itself asked the volume to be; the engine leaves one that was there before as it is. */
  readonly asked: Volume | undefined;
}

const optionsAnswer = part(v.object({ type: text, device: text, o: text }));

type Options = v.InferOutput<typeof optionsAnswer>;

/** The options of an overlay that name folders of the host. */
const FOLDERS = /^(?:lowerdir|upperdir|workdir)\+?=/;

/** The folders that an overlay is made of. Only these are taken from its options. */
const layersOf = (options = ""): string[] =>
  options
    .split(",")
    .filter((option) => FOLDERS.test(option))
    .flatMap((option) => option.replace(FOLDERS, "").split(":"))
    .filter((folder) => folder !== "");

/**
 * Where a volume of the local driver leads. With `o=bind` the kernel does not look at the type, and `o` is not kept: so a
 * device is taken for a path whatever the type is. A server's share and a tmpfs are none that exists on a host. The
 * engine's own folder is `/`, so a relative path is one from there.
 */
function pathsOf({ type, device, o }: NonNullable<Options>): string[] {
  const layers = type === "overlay" ? layersOf(o) : [];
  return [...(device === undefined || device === "" ? [] : [device]), ...layers].map((path) =>
    path.startsWith("/") ? path : `/${path}`,
  );
}

function volumeOf(driver: string | undefined, options: Options): Volume {
  const { type, device } = options ?? {};
  return {
    said: compact<VolumeInspection>({ driver, type, device }),
    // Another driver's options mean what they mean to it.
    paths: options === undefined || driver !== "local" ? [] : pathsOf(options),
  };
}

const volumeAnswer = v.object({ Driver: text, Options: optionsAnswer });

/** Reads the parsed JSON of `GET /volumes/{name}`; undefined where it is no object. */
export function inspectVolume(json: unknown): Volume | undefined {
  if (!isMap(json)) return undefined;
  const { Driver, Options } = v.parse(volumeAnswer, json);
  return volumeOf(Driver, Options);
}

const mountsAnswer = v.object({
  Mounts: listOf(v.object({ Type: v.string(), Name: v.string(), Driver: text, Destination: v.string(), RW: bool })),
  HostConfig: part(
    v.object({
      Mounts: listOf(
        v.object({
          Target: v.string(),
          VolumeOptions: part(v.object({ DriverConfig: part(v.object({ Name: text, Options: optionsAnswer })) })),
        }),
      ),
    }),
  ),
});

/** The volumes of the local driver that a container has, of the parsed JSON of `GET /containers/{id}/json`. */
export function localVolumesOf(json: unknown): readonly VolumeMount[] {
  if (!isMap(json)) return [];
  const { Mounts = [], HostConfig: host } = v.parse(mountsAnswer, json);
  return Mounts.filter(({ Type, Driver = "local" }) => Type === "volume" && (Driver === "local" || Driver === "")).map(
    ({ Name, Destination, RW }) => {
      const config = host?.Mounts?.find(({ Target }) => Target === Destination)?.VolumeOptions?.DriverConfig;
      return {
        name: Name,
        destination: Destination,
        writable: RW !== false,
        asked: config?.Options === undefined ? undefined : volumeOf(config.Name || "local", config.Options),
      };
    },
  );
}
