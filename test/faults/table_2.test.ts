import { testFaults } from "./table.ts";

testFaults(1);
