/** Fields of the image that an event is about. */
import { imageOf } from "../../docker/subject.ts";
import { about, added, type Field, field, of, type Pairs, shared } from "./field.ts";

const image = of(imageOf);
const imagePart = shared(added(({ image }) => image));
const inspected = of(imagePart);

const IMAGE_INSPECT = "`GET /images/{id}/json`: ";

export const imageFields: readonly Field[] = [
  image.text(
    about(
      "docker.image.registry",
      "Registry of the image, as a pull resolves it",
      "attribute `image` of container events; `Actor.ID` or attribute `name` of image events; absent for a bare id",
      "docker.io",
    ),
    (image) => image.registry,
  ),
  image.text(
    about("docker.image.repository", "Repository of the image at its registry", "as above", "library/alpine"),
    (image) => image.repository,
  ),
  image.text(
    about("docker.image.tag", "Tag of the image; latest where neither tag nor digest is given", "as above", "3.18"),
    (image) => image.tag,
  ),
  image.text(
    about("docker.image.digest", "Digest of the image, where it is named by one", "as above", "sha256:70190f168ab8…"),
    (image) => image.digest,
  ),
  inspected.texts(
    about(
      "docker.image.digests",
      "Digests that registries know the image by, however it is named; absent where it never was at one",
      `${IMAGE_INSPECT}\`RepoDigests\`, of the image that a container runs, or that an image event is about`,
      "(sha256:70190f168ab8…)",
    ),
    (image) => image.digests,
  ),
  field(
    about("docker.image.label", "A label of the image by its name", `${IMAGE_INSPECT}\`Config.Labels\``, "bb"),
    "string",
    { kind: "pairs", part: imagePart, take: (image: { labels?: Pairs }) => image.labels },
    { key: "KEY", exampleKey: "org.opencontainers.image.title" },
  ),
  inspected.time(
    about(
      "docker.image.created",
      "When the image was made, by who made it: some tools write 0 or a fixed day",
      `${IMAGE_INSPECT}\`Created\``,
      "1795427238966794737",
    ),
    (image) => (image.created === undefined ? undefined : BigInt(image.created)),
  ),
];
