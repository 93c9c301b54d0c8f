/** Fields of the volume that an event is about. */
import { about, added, type Field, of } from "./field.ts";

const VOLUME_INSPECT = "`GET /volumes/{name}`: ";

const event = of((event) => (event.Type === "volume" ? event : undefined));
const volume = of(added(({ volume }) => volume));

export const volumeFields: readonly Field[] = [
  event.text(
    about(
      "docker.volume.driver",
      "Driver of the volume that the event is about",
      `${VOLUME_INSPECT}\`Driver\`; else the attribute \`driver\``,
      "local",
    ),
    (event) => event.falco?.volume?.driver ?? event.Actor.Attributes.driver,
  ),
  volume.text(
    about(
      "docker.volume.type",
      "File system of a volume of the local driver: none (a bind mount), nfs, cifs, tmpfs, overlay …; absent for an ordinary one",
      `${VOLUME_INSPECT}\`Options.type\``,
      "none",
    ),
    (volume) => volume.type,
  ),
  volume.text(
    about(
      "docker.volume.device",
      "What a volume of the local driver leads to: a path of the host, a server's share; absent for an ordinary one",
      `${VOLUME_INSPECT}\`Options.device\``,
      "/etc",
    ),
    (volume) => volume.device,
  ),
];
