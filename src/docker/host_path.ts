/** Paths of an engine's host, by their text alone: what else is a symbolic link there cannot be seen from here. */

/** Links that Linux hosts of today have; engines give a path as it was asked for. */
const LINKS: readonly { readonly path: readonly string[]; readonly to: readonly string[] }[] = [
  { path: ["var", "run"], to: ["run"] },
  { path: ["var", "lock"], to: ["run", "lock"] },
];

const begins = (components: readonly string[], path: readonly string[]): boolean =>
  path.every((name, i) => components[i] === name);

/**
 * The components of a path as the kernel walks it: `..` goes up from where a link led, `.`, double and trailing slashes
 * are nothing, and the root is none.
 */
export function componentsOf(path: string): string[] {
  const components: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") components.pop();
    else if (name !== "" && name !== ".") {
      components.push(name);
      const link = components.length === 2 ? LINKS.find((each) => begins(components, each.path)) : undefined;
      if (link !== undefined) components.splice(0, 2, ...link.to);
    }
  }
  return components;
}

const joined = (components: readonly string[]): string => `/${components.join("/")}`;

/** The one form of a path: `/run/docker.sock` for `/var/run//docker.sock/`. */
export const normalPath = (path: string): string => joined(componentsOf(path));

/** All that a rule may call a path: as it is given, its one form, and that with the links that lead to it. */
export function spellingsOf(path: string): string[] {
  const components = componentsOf(path);
  const linked = LINKS.filter(({ to }) => begins(components, to)).map((link) =>
    joined([...link.path, ...components.slice(link.to.length)]),
  );
  return [...new Set([path, joined(components), ...linked])];
}
