import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import { Account } from "../src/Account.ts"

/** Nine decimals, as engines write them. */
const at = (number: number): string => `2026-11-22T10:00:00.${String(number).padStart(9, "0")}Z`

const line = (number: number) => ({ line: `n=${number} x`, time: at(number), cursor: `c${number}` })

const account = (...numbers: ReadonlyArray<number>): Account => {
  const made = new Account("edge-1/app-1")
  for (const number of numbers) made.take(line(number))
  return made
}

describe("An account", () => {
  it("balances where every line came once, and goes on behind the last of them", () => {
    const whole = account(0, 1, 2)
    whole.close(3)
    expect(whole).toMatchObject({ delivered: 3, gone: 0, wrong: 0, cursor: "c2", upTo: 3 })
  })

  it("blames lines that are missing without a word, at once and at the end", () => {
    const holed = account(0, 3)
    expect(holed.wrong).toBe(2)
    holed.close(5)
    expect(holed.wrong).toBe(3)
    expect(holed.sentences[0]).toBe("edge-1/app-1: 2 lines before n=3 are missing, and no gap was told")
  })

  it("takes lines for gone where a gap reaches from the line before them to the one behind", () => {
    const told = account(0)
    told.take({ gap: { since: at(0), until: at(4), reason: "rotated" } })
    told.take(line(4))
    expect(told).toMatchObject({ delivered: 2, gone: 3, gaps: 1, wrong: 0 })
  })

  it.each([
    ["begins too late", at(1), at(4)],
    ["ends too early", at(0), at(3)],
  ])("believes no gap that %s", (_, since, until) => {
    const told = account(0)
    told.take({ gap: { since, until, reason: "rotated" } })
    told.take(line(4))
    expect(told.wrong).toBe(3)
  })

  it("believes a gap once only", () => {
    const told = account(0)
    told.take({ gap: { since: at(0), until: at(4), reason: "rotated" } })
    told.take(line(4))
    told.take(line(6))
    expect(told.wrong).toBe(1)
  })

  it("closes over a gap that was the log's last word, and over no other", () => {
    const open = account(0)
    open.take({ gap: { since: at(0), reason: "the container was removed" } })
    open.close(9)
    expect(open).toMatchObject({ gone: 8, wrong: 0 })
  })

  it.effect("blames whatever is left out, doubled or moved of a log, at least once", () =>
    Effect.sync(() => {
      const numbers = FastCheck.integer({ min: 2, max: 30 }).chain((length) =>
        FastCheck.tuple(
          FastCheck.constant(length),
          FastCheck.constantFrom("drop", "double", "swap"),
          FastCheck.integer({ min: 0, max: length - 2 }),
        ),
      )
      FastCheck.assert(
        FastCheck.property(numbers, ([length, how, where]) => {
          const order = Array.from({ length }, (_, number) => number)
          if (how === "drop") order.splice(where, 1)
          if (how === "double") order.splice(where, 0, where)
          if (how === "swap") order.splice(where, 2, where + 1, where)
          const harmed = account(...order)
          harmed.close(length)
          expect(harmed.wrong).toBeGreaterThan(0)
        }),
      )
    }),
  )
})
