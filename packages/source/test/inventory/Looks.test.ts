import { describe, expect, it } from "vitest"
import { MAX_LISTED } from "../../src/engine/EngineRequest.ts"
import { Looks, MAX_SECOND_LOOKS, SECOND_LOOK_MS } from "../../src/inventory/Looks.ts"

const id = (number: number) => number.toString(16).padStart(64, "0")
const event = (Action: string, number = 1) => JSON.stringify({ Type: "container", Action, Actor: { ID: id(number) } })

describe("Looks", () => {
  it("looks at what an event points at, once", () => {
    const looks = new Looks()
    looks.event(event("start"), 5)
    looks.event(event("rename"), 6)
    expect(looks.due()).toBe(5)
    expect(looks.take(6)).toEqual([id(1)])
    expect(looks.due()).toBe(Number.POSITIVE_INFINITY)
  })

  it("looks again a second after a container died, in either engine's spelling", () => {
    for (const action of ["die", "died"]) {
      const looks = new Looks()
      looks.event(event(action), 0)
      expect(looks.take(0)).toEqual([id(1)])
      expect(looks.due()).toBe(SECOND_LOOK_MS)
      expect(looks.take(SECOND_LOOK_MS)).toEqual([id(1)])
      expect(looks.due()).toBe(Number.POSITIVE_INFINITY)
    }
  })

  it("passes over what changes nothing, is no container's, or is no event", () => {
    const looks = new Looks()
    const lines = [
      event("exec_create: sh"),
      event("attach"),
      event("top"),
      "{",
      "null",
      '{"Action":"start","Actor":{"ID":"../x"}}',
    ]
    for (const line of lines) looks.event(line, 0)
    expect(looks.due()).toBe(Number.POSITIVE_INFINITY)
    looks.event(event("health_status: healthy"), 0)
    expect(looks.due()).toBe(0)
  })

  it("looks at everything once too many are pointed at", () => {
    const looks = new Looks()
    for (let number = 0; number < MAX_LISTED; number++) looks.event(event("start", number), 0)
    looks.event(event("start", 0), 0)
    expect(looks.take(0)).toHaveLength(MAX_LISTED)
    for (let number = 0; number <= MAX_LISTED; number++) looks.event(event("start", number), 0)
    expect(looks.take(0)).toBe("all")
  })

  it("remembers a bounded number of the dead", () => {
    const looks = new Looks()
    for (let number = 0; number < MAX_SECOND_LOOKS + 10; number++) {
      looks.event(event("die", number), number)
      looks.take(0)
    }
    const later: Array<unknown> = []
    while (looks.due() < Number.POSITIVE_INFINITY) later.push(looks.take(looks.due()))
    expect(later.length).toBeLessThanOrEqual(MAX_SECOND_LOOKS)
  })
})
