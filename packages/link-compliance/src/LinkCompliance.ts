/** The contract every transport keeps (core's Link.ts, docs/protocol.md, docs/transports.md), as one suite to be called once for each. */
import { describe } from "vitest"
import * as Suite from "./internal/Suite.ts"
import { dialCases } from "./internal/DialCases.ts"
import { endCases } from "./internal/EndCases.ts"
import { flowCases } from "./internal/FlowCases.ts"
import { frameCases } from "./internal/FrameCases.ts"
import { goodbyeCases } from "./internal/GoodbyeCases.ts"
import { lossCases } from "./internal/LossCases.ts"
import { nameCases } from "./internal/NameCases.ts"
import { sessionCases } from "./internal/SessionCases.ts"
import type { LinkFaults, LinkSuite } from "./LinkHarness.ts"

/** Registers the suite with vitest under the transport's name. It works in real time, each case within 30 s. */
export const describeLink = <Capability extends keyof LinkFaults>(
  transport: string,
  suite: LinkSuite<Capability>,
): void => {
  describe(`a link over ${transport}`, () => {
    const cases = Suite.make(suite)
    describe("carries frames", () => {
      frameCases(cases)
    })
    describe("ends", () => {
      endCases(cases)
    })
    describe("is lost", () => {
      lossCases(cases)
    })
    describe("is dialled", () => {
      dialCases(cases)
    })
    describe("holds a session", () => {
      sessionCases(cases)
    })
    describe("is shared by streams", () => {
      flowCases(cases)
    })
    describe("has one source to a name", () => {
      nameCases(cases)
    })
    describe("is left", () => {
      goodbyeCases(cases)
    })
  })
}
