import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { CreditBudget } from "../../src/mux/CreditBudget.ts"
import { openWindow } from "../../src/mux/CreditWindow.ts"

const KiB = 1024
const MiB = 1024 * KiB

const open = (budget: CreditBudget) => {
  const window = openWindow(budget)
  if (window === null) throw new Error("no window")
  return window
}

// protocol.md#credit
describe("CreditWindow", () => {
  it("asks to tell the source once half a window was consumed, and then grants a whole one", () => {
    const window = open(new CreditBudget(256 * MiB))
    expect(window.receive(256 * KiB)).toBe(true)
    expect(window.consume(128 * KiB - 1, 0, null)).toBe(false)
    expect(window.consume(1, 0, null)).toBe(true)
    expect(window.grant()).toBe(384 * KiB)
    expect(window.receive(128 * KiB)).toBe(true)
    expect(window.receive(1)).toBe(false)
  })

  it("counts each time that all of it is used up, and no other", () => {
    const budget = new CreditBudget(256 * MiB)
    const window = open(budget)
    window.receive(256 * KiB - 1)
    expect(budget.waits).toBe(0)
    window.receive(1)
    expect(budget.waits).toBe(1)
    window.consume(128 * KiB, 0, null)
    window.grant()
    window.receive(1)
    expect(budget.waits).toBe(1)
    window.receive(128 * KiB - 1)
    expect(budget.waits).toBe(2)
  })

  it("never lends on bytes that did not come", () => {
    const window = open(new CreditBudget(256 * MiB))
    window.receive(10)
    window.consume(1 * MiB, 0, null)
    window.consume(-5, 0, null)
    expect(window.grant()).toBe(256 * KiB + 10)
  })

  it("doubles up to 2 MiB while whole windows are consumed in under two round trips, and only then", () => {
    const budget = new CreditBudget(256 * MiB)
    const window = open(budget)
    const consumeWindow = (elapsed: number, rtt: number | null) => {
      const size = window.size
      window.receive(size)
      window.consume(1, now, rtt)
      window.consume(size - 1, (now += elapsed), rtt)
      window.grant()
    }
    let now = 0
    consumeWindow(1, null)
    consumeWindow(40, 20)
    expect(window.size).toBe(256 * KiB)
    const sizes = Array.from({ length: 5 }, () => {
      consumeWindow(39, 20)
      return window.size
    })
    expect(sizes).toEqual([512 * KiB, 1 * MiB, 2 * MiB, 2 * MiB, 2 * MiB])
    expect(budget.taken).toBe(2 * MiB)
    window.release()
    window.release()
    expect(budget.taken).toBe(0)
  })

  it("opens with 32 KiB when only the reserve is left, does not grow, and then refuses", () => {
    const budget = new CreditBudget(1 * MiB)
    const sizes: Array<number | undefined> = []
    for (let i = 0; i < 9; i++) sizes.push(openWindow(budget)?.size)
    expect(sizes).toEqual([256 * KiB, 256 * KiB, 256 * KiB, ...Array.from({ length: 6 }, () => 32 * KiB)])
    while (openWindow(budget) !== null);
    expect(budget.taken).toBe(1 * MiB)
  })

  it("never takes more than the budget, whatever is opened, consumed and released", () => {
    const step = fc.tuple(fc.nat(9), fc.constantFrom("open", "consume", "release"))
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const budget = new CreditBudget(2 * MiB)
        const windows = Array.from({ length: 10 }, () => openWindow(budget))
        for (const [which, what] of steps) {
          const window = windows[which]
          if (what === "open") {
            window?.release()
            windows[which] = openWindow(budget)
          } else if (what === "consume") {
            window?.receive(window.size)
            window?.consume(window.size, 0, 1)
          } else window?.release()
          expect(budget.taken).toBe(windows.reduce((sum, each) => sum + (each?.size ?? 0), 0))
          expect(budget.taken).toBeLessThanOrEqual(budget.total)
        }
      }),
    )
  })
})
