/**
 * MITRE ATT&CK v18 as Falco's own rules tag it (https://attack.mitre.org, mitre/cti enterprise-attack): the tactics of each
 * technique that a rule of ours names, and its number in v19 where that has another.
 */
const TACTICS = [
  "initial_access",
  "execution",
  "persistence",
  "privilege_escalation",
  "defense_evasion",
  "credential_access",
  "discovery",
  "collection",
  "command_and_control",
  "exfiltration",
  "impact",
] as const;
export type Tactic = (typeof TACTICS)[number];

export interface Technique {
  readonly name: string;
  readonly tactics: readonly Tactic[];
  /** Its number from v19 on. */
  readonly since19?: string;
}

export const TECHNIQUES: Readonly<Record<string, Technique>> = {
  T1005: { name: "Data from Local System", tactics: ["collection"] },
  T1006: { name: "Direct Volume Access", tactics: ["defense_evasion"] },
  T1036: { name: "Masquerading", tactics: ["defense_evasion"] },
  "T1036.005": { name: "Match Legitimate Resource Name or Location", tactics: ["defense_evasion"] },
  T1046: { name: "Network Service Discovery", tactics: ["discovery"] },
  "T1053.003": { name: "Cron", tactics: ["execution", "persistence", "privilege_escalation"] },
  "T1059.004": { name: "Unix Shell", tactics: ["execution"] },
  T1090: { name: "Proxy", tactics: ["command_and_control"] },
  T1098: { name: "Account Manipulation", tactics: ["persistence", "privilege_escalation"] },
  "T1098.004": { name: "SSH Authorized Keys", tactics: ["persistence", "privilege_escalation"] },
  T1105: { name: "Ingress Tool Transfer", tactics: ["command_and_control"] },
  T1133: { name: "External Remote Services", tactics: ["initial_access", "persistence"] },
  T1140: { name: "Deobfuscate/Decode Files or Information", tactics: ["defense_evasion"] },
  T1190: { name: "Exploit Public-Facing Application", tactics: ["initial_access"] },
  "T1195.002": { name: "Compromise Software Supply Chain", tactics: ["initial_access"] },
  "T1204.003": { name: "Malicious Image", tactics: ["execution"] },
  T1485: { name: "Data Destruction", tactics: ["impact"] },
  T1489: { name: "Service Stop", tactics: ["impact"] },
  T1496: { name: "Resource Hijacking", tactics: ["impact"] },
  T1499: { name: "Endpoint Denial of Service", tactics: ["impact"] },
  "T1499.004": { name: "Application or System Exploitation", tactics: ["impact"] },
  T1525: { name: "Implant Internal Image", tactics: ["persistence"] },
  T1543: { name: "Create or Modify System Process", tactics: ["persistence", "privilege_escalation"] },
  "T1543.005": { name: "Container Service", tactics: ["persistence", "privilege_escalation"] },
  "T1547.006": { name: "Kernel Modules and Extensions", tactics: ["persistence", "privilege_escalation"] },
  "T1552.001": { name: "Credentials In Files", tactics: ["credential_access"] },
  "T1552.005": { name: "Cloud Instance Metadata API", tactics: ["credential_access"] },
  "T1552.007": { name: "Container API", tactics: ["credential_access"] },
  T1554: { name: "Compromise Host Software Binary", tactics: ["persistence"] },
  T1557: { name: "Adversary-in-the-Middle", tactics: ["credential_access", "collection"] },
  "T1562.001": { name: "Disable or Modify Tools", tactics: ["defense_evasion"], since19: "T1685" },
  "T1562.006": { name: "Indicator Blocking", tactics: ["defense_evasion"], since19: "T1685" },
  T1567: { name: "Exfiltration Over Web Service", tactics: ["exfiltration"] },
  T1572: { name: "Protocol Tunneling", tactics: ["command_and_control"] },
  T1609: { name: "Container Administration Command", tactics: ["execution"] },
  T1610: { name: "Deploy Container", tactics: ["execution", "defense_evasion"] },
  T1611: { name: "Escape to Host", tactics: ["privilege_escalation"] },
  T1612: { name: "Build Image on Host", tactics: ["defense_evasion"] },
  T1613: { name: "Container and Resource Discovery", tactics: ["discovery"] },
};

/** The tags of the tactics of techniques, in ATT&CK's order. @throws where a technique is not in the table */
export function tacticTags(techniques: readonly string[]): string[] {
  const tactics = new Set(
    techniques.flatMap((id) => {
      const technique = TECHNIQUES[id];
      if (technique === undefined) throw new Error(`${id} is not in build/rules/attack.ts`);
      return technique.tactics;
    }),
  );
  return TACTICS.filter((tactic) => tactics.has(tactic)).map((tactic) => `mitre_${tactic}`);
}
