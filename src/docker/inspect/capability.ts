/**
 * A capability's one name. The docker command sends it so, but the engine takes `sys_admin` and `all` from others, lists
 * them as they came and means the same (moby 29.7.2: daemon/pkg/oci/caps/utils.go): a rule must not be evaded by that.
 */
export function capability(given: string): string {
  const name = given.toUpperCase();
  return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
}
