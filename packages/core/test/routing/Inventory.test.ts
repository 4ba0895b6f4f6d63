import { describe, expect, it } from "vitest"
import { FastCheck as fc } from "effect"
import * as Inventory from "../../src/routing/Inventory.ts"
import { container, line, snapshot } from "./FakeSession.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const names = (inventory: Inventory.Inventory) => Array.from(inventory.containers.values(), ({ name }) => name).sort()
const small: Inventory.Limits = { maxLine: 400, maxContainers: 3, maxBytes: 1000 }

const a = container("a", "web")
const b = container("b", "db")
const c = container("c", "cache")
const engine = { kind: "docker", version: "26.1.5", apiVersion: "1.45", os: "linux", arch: "amd64" } as const

describe("Inventory", () => {
  it("holds what was put and not removed, and is ready after the first snapshot", () => {
    const inventory = Inventory.make(Inventory.defaults, () => 0)
    expect(inventory.ready()).toBe(false)
    expect(inventory.push(bytes(snapshot(a, b)))).toBeUndefined()
    expect(inventory.ready()).toBe(true)
    inventory.push(bytes(line({ _tag: "Put", container: c }) + line({ _tag: "Remove", id: a.id })))
    expect(names(inventory)).toEqual(["cache", "db"])
  })

  it("keeps what it knows while a new snapshot is on the way, and drops what is not in it", () => {
    const inventory = Inventory.make(Inventory.defaults, () => 0)
    inventory.push(bytes(snapshot(a, b)))
    inventory.restart()
    expect(inventory.ready()).toBe(false)
    inventory.push(bytes(line({ _tag: "Begin" }) + line({ _tag: "Put", container: c })))
    expect(names(inventory)).toEqual(["cache", "db", "web"])
    inventory.push(bytes(line({ _tag: "Ready" })))
    expect(names(inventory)).toEqual(["cache"])
  })

  it("keeps when each container was told of last, and since when the engine is gone", () => {
    let now = 1
    const inventory = Inventory.make(Inventory.defaults, () => now)
    inventory.push(bytes(snapshot(a, b)))
    now = 2
    inventory.push(bytes(line({ _tag: "Put", container: b }) + line({ _tag: "EngineChanged", engine: null })))
    now = 3
    inventory.restart()
    inventory.push(bytes(line({ _tag: "EngineChanged", engine: null })))
    expect([a, b, c].map(({ id }) => inventory.toldAt(id))).toEqual([1, 2, undefined])
    expect(inventory.engineLostAt()).toBe(2)
    inventory.push(bytes(line({ _tag: "EngineChanged", engine }) + snapshot(b)))
    expect([a, b].map(({ id }) => inventory.toldAt(id))).toEqual([undefined, 3])
    expect(inventory.engineLostAt()).toBeUndefined()
  })

  it("reads the same from any cutting of the bytes", () => {
    const all = bytes(
      snapshot(a, b) + line({ _tag: "EngineChanged", engine: null }) + line({ _tag: "Remove", id: b.id }),
    )
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: all.length })), (cuts) => {
        const inventory = Inventory.make(Inventory.defaults, () => 0)
        let from = 0
        for (const to of [...cuts.sort((x, y) => x - y), all.length]) {
          expect(inventory.push(all.subarray(from, to))).toBeUndefined()
          from = to
        }
        expect(names(inventory)).toEqual(["web"])
        expect(inventory.engine()).toBeNull()
      }),
    )
  })

  it.each([
    ["no JSON", "{\n", /not JSON/],
    ["another tag", '{"_tag":"Exec"}\n', /not one/],
    [
      "an id that is none",
      line({ _tag: "Put", container: { ...a, id: "../../version" as never } }),
      /at container\.id/,
    ],
    ["a name with a slash", line({ _tag: "Put", container: { ...a, name: "edge-2/web" as never } }), /container\.name/],
    ["an endless line", "x".repeat(401), /more than 400 bytes/],
    [
      "too many containers",
      snapshot(...["a", "b", "c", "d"].map((id) => container(id, id, { image: "" }))),
      /more than/,
    ],
  ])("refuses %s, and everything after it", (_, text, problem) => {
    const inventory = Inventory.make({ ...small, maxBytes: text.includes('"_tag":"Begin"') ? 100_000 : 1000 }, () => 0)
    expect(inventory.push(bytes(text))).toMatch(problem)
    const before = names(inventory)
    expect(inventory.push(bytes(line({ _tag: "Put", container: c })))).toMatch(problem)
    expect(names(inventory)).toEqual(before)
  })

  it("bounds the bytes it holds, not the bytes it ever got", () => {
    const inventory = Inventory.make({ ...small, maxLine: 1000 }, () => 0)
    const put = bytes(line({ _tag: "Put", container: a }))
    for (let i = 0; i < 50; i++) expect(inventory.push(put)).toBeUndefined()
    inventory.push(bytes(line({ _tag: "Remove", id: a.id })))
    expect(
      inventory.push(bytes(line({ _tag: "Put", container: b }) + line({ _tag: "Put", container: c }))),
    ).toBeUndefined()
    expect(inventory.push(put)).toBeUndefined()
    expect(inventory.push(bytes(line({ _tag: "Put", container: { ...a, image: "i".repeat(500) } })))).toMatch(
      /more than 1000 bytes/,
    )
  })

  it("takes labels named like what every object has for labels", () => {
    const inventory = Inventory.make(Inventory.defaults, () => 0)
    inventory.push(
      bytes(
        `{"_tag":"Begin"}\n${JSON.stringify({ _tag: "Put", container: a }).replace('"labels":{}', '"labels":{"__proto__":"x","constructor":"y"}')}\n`,
      ),
    )
    const labels = inventory.containers.get(a.id)?.labels ?? {}
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    expect(labels["constructor"]).toBe("y")
  })
})
