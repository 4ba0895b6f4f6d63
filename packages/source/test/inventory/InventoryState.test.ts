import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { type Container, ContainerId, ContainerName } from "@rdl/core/model/Container"
import type { Engine } from "@rdl/core/model/Engine"
import type { InventoryChange } from "@rdl/core/model/InventoryChange"
import { InventoryState, MAX_PENDING } from "../../src/inventory/InventoryState.ts"

const engine: Engine = { kind: "docker", version: "1", apiVersion: "1.41", os: "linux", arch: "amd64" }

const container = (number: number, state: string): Container => {
  const name = ContainerName.make(`c${number}`)
  return {
    id: ContainerId.make(number.toString(16).padStart(64, "0")),
    name,
    names: [name],
    image: "",
    imageId: "",
    command: "",
    created: 0,
    state,
    status: "",
    labels: {},
    ports: [],
  }
}

/** What the other end makes of the changes. */
const apply = (known: Map<string, string>, changes: ReadonlyArray<InventoryChange>) => {
  for (const change of changes) {
    if (change._tag === "Begin") known.clear()
    if (change._tag === "Put") known.set(change.container.name, change.container.state)
    if (change._tag === "Remove") known.delete(`c${Number.parseInt(change.id, 16)}`)
  }
}

const anyList = fc
  .dictionary(fc.nat(20).map(String), fc.constantFrom("running", "exited"))
  .map((states) => Object.entries(states).map(([number, state]) => container(Number(number), state)))
const anyStep = fc.oneof(
  fc.record({ kind: fc.constant("online" as const), list: anyList }),
  fc.record({ kind: fc.constant("update" as const), list: anyList, also: fc.nat(20) }),
  fc.record({ kind: fc.constant("offline" as const) }),
  fc.record({ kind: fc.constant("take" as const) }),
)

describe("InventoryState", () => {
  it("leaves a subscriber with the truth, however seldom it asks", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        const state = new InventoryState(() => 0)
        state.online(engine, [])
        const feed = state.subscribe(() => {})
        const known = new Map<string, string>()
        for (const step of steps) {
          if (step.kind === "online") state.online(engine, step.list)
          if (step.kind === "update")
            state.update([...step.list.map(({ id }) => id), container(step.also, "").id], step.list)
          if (step.kind === "offline") state.offline()
          if (step.kind === "take") apply(known, feed.take())
        }
        apply(known, feed.take())
        const truth = [...state.containers().values()].map(({ name, state }) => [name, state] as const)
        expect(known).toEqual(new Map<string, string>(truth))
        expect(feed.take()).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it("tells only what has really changed", () => {
    const state = new InventoryState(() => 0)
    state.online(engine, [container(1, "running")])
    const feed = state.subscribe(() => {})
    feed.take()
    state.online(engine, [container(1, "running")])
    state.update([container(1, "").id], [container(1, "running")])
    expect(feed.take()).toEqual([])
  })

  it("starts over with a snapshot for a subscriber that is 1024 changes behind", () => {
    const state = new InventoryState(() => 0)
    state.online(engine, [])
    const feed = state.subscribe(() => {})
    feed.take()
    const put = (number: number) => state.update([container(number, "").id], [container(number, "running")])
    for (let number = 0; number < MAX_PENDING; number++) put(number)
    expect(feed.take().map(({ _tag }) => _tag)).not.toContain("Begin")
    for (let number = 0; number <= MAX_PENDING; number++)
      state.update([container(number, "").id], [container(number, "exited")])
    const changes = feed.take()
    expect(changes[0]).toEqual({ _tag: "Begin" })
    expect(changes.at(-1)).toEqual({ _tag: "Ready" })
  })

  it("tells of 50,000 containers, and of more than one list has of no others", () => {
    const state = new InventoryState(() => 0)
    const feed = state.subscribe(() => {})
    const known = new Map<string, string>()
    const listed = Array.from({ length: 50_001 }, (_, number) => container(number, "running"))
    state.online(engine, listed)
    apply(known, feed.take())
    expect(known.size).toBe(50_000)
    expect(known.has("c50000")).toBe(false)
    const late = container(60_000, "running")
    state.update([late.id], [late])
    apply(known, feed.take())
    expect([known.size, known.has("c60000")]).toEqual([50_000, false])
    state.update([listed[0]!.id, late.id], [late])
    apply(known, feed.take())
    expect([known.size, known.has("c0"), known.has("c60000")]).toEqual([50_000, false, true])
  })

  it("wakes no one after it has left", () => {
    const state = new InventoryState(() => 0)
    let woken = 0
    const feed = state.subscribe(() => woken++)
    feed.close()
    state.online(engine, [container(1, "running")])
    expect(woken).toBe(0)
  })

  it("tells a newcomer how old a status is by now, as long as the engine was there", () => {
    let now = 0
    const state = new InventoryState(() => now)
    const newcomer = () =>
      state
        .subscribe(() => {})
        .take()
        .flatMap((change) => (change._tag === "Put" ? [change.container.status] : []))
    state.online(engine, [{ ...container(1, "running"), status: "Up Less than a second" }])
    expect(newcomer()).toEqual(["Up Less than a second"])
    now = 50_000
    expect(newcomer()).toEqual(["Up 50 seconds"])
    state.offline()
    now = 90_000
    expect(newcomer()).toEqual(["Up 50 seconds"])
    state.online(engine, [{ ...container(1, "running"), status: "Up About a minute" }])
    expect(newcomer()).toEqual(["Up About a minute"])
  })
})
