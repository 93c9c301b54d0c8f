/** Fields of the image that an event is about. */
import { imageOf } from "../../docker/subject.ts";
import { about, type Field, of } from "./field.ts";

const image = of(imageOf);

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
];
