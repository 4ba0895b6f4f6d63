import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import type { Container } from "../../src/model/Container.ts"
import * as ContainerView from "../../src/routing/ContainerView.ts"
import type { SourceInventory } from "../../src/routing/SourceRegistry.ts"
import * as StatusAge from "../../src/model/StatusAge.ts"
import * as FakeSession from "./FakeSession.ts"

const inventory = (container: Container, ms: number, stale = false, source = "edge-1"): SourceInventory => ({
  source: FakeSession.sourceName(source),
  stale,
  loading: false,
  containers: new Map([[container.id, container]]),
  ageOf: () => ms,
})

const status = fc.constantFrom(
  "Up",
  "Up Less than a second",
  "Up 5 seconds",
  "Up 58 seconds (healthy)",
  "Up About a minute",
  "Exited (0) 59 minutes ago",
  "Up 2 hours",
  "Up 47 hours",
  "Up 13 days",
  "Exited (137) 23 months ago",
  "Up 3 years",
)
/** Milliseconds between two looks; most of what can go wrong lies about whole seconds. */
const step = fc.oneof(
  fc.double({ min: 0, max: 1e11, noNaN: true }),
  fc.constantFrom(0, 0.5, 1, 499, 999, 999.9, 1_000, 1_001, 5_000, 59_999, 60_000, 3_600_000),
)

describe("ContainerView", () => {
  it("shows a container as if it had never been seen before, whenever and however often it is seen", () => {
    fc.assert(
      fc.property(
        status,
        fc.array(fc.tuple(step, fc.boolean(), fc.constantFrom("edge-1", "edge-2")), { minLength: 1 }),
        (words, looks) => {
          const container = FakeSession.container("aa1", "web", { status: words })
          const view = ContainerView.make()
          let age = 0
          for (const [later, stale, source] of looks) {
            age += later
            expect(view(container, inventory(container, age, stale, source))).toEqual({
              ...container,
              status: StatusAge.aged(words, age),
              source,
              stale,
            })
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it("gives the same object for as long as it reads the same, and another one after that", () => {
    const container = FakeSession.container("aa1", "web", { status: "Up 3 minutes" })
    const view = ContainerView.make()
    const at = (age: number, stale = false) => view(container, inventory(container, age, stale))
    const first = at(0)
    expect([at(0) === first, at(999) === first, at(59_999) === first]).toEqual([true, true, true])
    expect(at(60_000)).not.toBe(first)
    expect(at(60_000, true)).not.toBe(at(60_000))
    expect(view({ ...container }, inventory(container, 60_000))).not.toBe(at(60_000))
  })
})
