export * as LinkCompliance from "./LinkCompliance.ts"
export * as LinkHarness from "./LinkHarness.ts"
