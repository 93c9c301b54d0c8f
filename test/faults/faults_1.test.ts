import { testFaults } from "./short_runs.ts";

testFaults(0);
