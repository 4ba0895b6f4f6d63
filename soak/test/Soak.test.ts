import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Soak from "../src/Soak.ts"

describe("A short soak", () => {
  // How memory goes is for a long one to say: here everything is still getting warm.
  it.live(
    "balances its accounts over faults of many kinds, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const said: Array<string> = []
        const { accounts, last, problems, struck } = yield* Soak.run({
          sources: 6,
          containersPerSource: 1,
          followsPerContainer: 3,
          lasting: 8_000,
          betweenFaults: 100,
          betweenProxyRestarts: 4_500,
          betweenReadings: 2_000,
          seed: 1,
          say: (text) => said.push(text),
        })
        expect(accounts.flatMap(({ sentences }) => sentences)).toEqual([])
        expect(problems).toEqual([])
        expect(accounts).toHaveLength(18)
        expect(accounts.every(({ delivered, gone, isEnded }) => isEnded && delivered + gone > 400)).toBe(true)
        expect(accounts.some(({ delivered }) => delivered > 400)).toBe(true)
        // How many kinds have their turn in so short a time is the machine's to say.
        expect([...struck].filter(([, times]) => times > 0).length).toBeGreaterThan(4)
        expect(last.streams).toBe(0)
      }),
    300_000,
  )
})
