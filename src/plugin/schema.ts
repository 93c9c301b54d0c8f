/** The JSON Schema of the settings. */
import { toJsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "./config.ts";

/**
 * The JSON Schema of `init_config`. Numbers stay `number`: YAML's `10.0` arrives as a double, which a checker of
 * `integer` may turn down; that it is whole is checked by the plugin, whose error names the key.
 */
export function initSchemaJson(): string {
  return JSON.stringify(
    toJsonSchema(configSchema, {
      typeMode: "input",
      ignoreActions: ["integer"],
      // What is no setting the plugin names itself, at any depth: in words, and in the letter case that was written.
      overrideSchema: ({ jsonSchema, valibotSchema }) =>
        valibotSchema.type === "object" || valibotSchema.type === "strict_object"
          ? { ...jsonSchema, additionalProperties: true }
          : undefined,
    }),
  );
}
