/** How bad what a log line tells is. */

/** Falco's numbers for the severity of a log line (falcosecurity/libs 0.23.2: plugin_types.h). */
export const severities = { critical: 2, error: 3, warning: 4, notice: 5, info: 6, debug: 7 } as const;

export type Severity = keyof typeof severities;

/** Whether a line of this severity is told where the setting `loglevel` is `level`. */
export const isTold = (severity: Severity, level: Severity): boolean => severities[severity] <= severities[level];
