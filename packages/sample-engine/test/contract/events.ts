/** Events: what is told, in which words, and to whom. */
import { randomBytes } from "node:crypto"
import { describe, expect, it } from "vitest"
import type { Subject } from "./engineContract.ts"
import type { PlayContainer } from "./Play.ts"
import { ask, askWhole, type RawAnswer } from "./RawClient.ts"

interface Event {
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> }
  readonly time: number
  readonly timeNano: number
}

const eventsOf = (answer: RawAnswer): ReadonlyArray<Event> =>
  answer.text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event)

const filters = (value: unknown) => `filters=${encodeURIComponent(JSON.stringify(value))}`

export const eventsContract = (subject: Subject): void => {
  /** The events of one container's short life: renamed, stopped, started again, restarted, killed, removed. */
  const life = async (name: string, label: string): Promise<PlayContainer> => {
    const container = await subject.play().create({
      name,
      labels: { "rdl.contract": label, z: "é" },
      writes: [["stdout", "x\n"]],
      later: [],
    })
    await container.start()
    await container.rename(`${name}-b`)
    await container.stop()
    await container.start()
    await container.restart()
    await container.kill()
    await container.remove()
    return container
  }
  const { stopping, dieSays, badFilter } = subject.truth
  const stop = stopping.join(" ")
  const LIFE = `create start rename ${stop} start ${stop} start restart kill die destroy`.split(" ")
  /** In the order of `LIFE`: where nothing orders a `stop` and its `die`, either may be told first. */
  const ordered = <A extends { readonly Action: string }>(events: ReadonlyArray<A>): ReadonlyArray<A> => {
    const sorted = [...events]
    if (stopping[1] === "die") return sorted
    for (let at = 1; at < sorted.length; at++) {
      const [left, right] = [sorted[at - 1], sorted[at]]
      if (left?.Action === "die" && right?.Action === "stop") sorted.splice(at - 1, 2, right, left)
    }
    return sorted
  }
  const actions = (answer: RawAnswer): ReadonlyArray<string> => ordered(eventsOf(answer)).map(({ Action }) => Action)

  describe("events", () => {
    it("tells the life of a container, each event in a chunk and a line of its own", async () => {
      const label = randomBytes(4).toString("hex")
      const name = `rdl-ev-${label}`
      const answer = await ask(subject.play().url, `/v1.41/events?${filters({ label: [`rdl.contract=${label}`] })}`)
      const { id } = await life(name, label)
      await answer.when(() => actions(answer).includes("destroy"))
      const image = subject.play().image
      const said = Object.fromEntries(dieSays.map((name) => [name, expect.stringMatching(/^\d+$/) as unknown]))
      /** What each `kill` and each `die` says, one after the other. */
      const signals = ["15", "15", "9"]
      const exitCodes = ["3", "3", "137"]
      const extras = (action: string): Record<string, unknown> => {
        if (action === "rename") return { oldName: `/${name}` }
        if (action === "kill") return { signal: signals.shift() }
        return action === "die" ? { exitCode: exitCodes.shift(), ...said } : {}
      }
      expect(ordered(eventsOf(answer))).toEqual(
        LIFE.map((action, index) => ({
          status: action,
          id,
          from: image,
          Type: "container",
          Action: action,
          Actor: {
            ID: id,
            Attributes: {
              "rdl.contract": label,
              "rdl.test": "1",
              z: "é",
              image,
              name: index < 2 ? name : `${name}-b`,
              ...extras(action),
            },
          },
          scope: "local",
          time: expect.any(Number) as unknown,
          timeNano: expect.any(Number) as unknown,
        })),
      )
      expect(answer.chunks).toHaveLength(LIFE.length)
      expect(answer.chunks.every((chunk) => chunk.toString().endsWith("}\n"))).toBe(true)
      for (const { time, timeNano } of eventsOf(answer)) expect(Math.floor(timeNano / 1e9)).toBe(time)
      expect(answer.text).toMatch(/"time":\d{10},"timeNano":\d{19}\}\n$/)
      expect(answer.ending).toBeUndefined()
      answer.close()
    })

    it("tells pause and unpause", async () => {
      const container = await subject.play().create({ writes: [["stdout", "x\n"]], later: [] })
      await container.start()
      const answer = await ask(subject.play().url, `/events?${filters({ container: [container.id] })}`)
      await container.pause()
      await container.unpause()
      await answer.when(() => actions(answer).length >= 2)
      // A busy Docker engine may tell the pair twice: once for the order, once when it sees that it was followed.
      expect(actions(answer).slice(0, 2)).toEqual(["pause", "unpause"])
      answer.close()
      await container.remove()
    })

    it("remembers, and filters what it remembers", async () => {
      const label = randomBytes(4).toString("hex")
      const name = `rdl-ev-${label}`
      const since = Math.floor(Date.now() / 1000) - 1
      const { id } = await life(name, label)
      const MINE = { label: [`rdl.contract=${label}`] }
      const past = async (filter: unknown, times = `since=${since}&until=${nowSeconds()}`) =>
        actions(await askWhole(subject.play().url, `/events?${times}&${filters(filter)}`))
      const afterRename = LIFE.slice(2)
      expect(await past(MINE)).toEqual(LIFE)
      expect(await past(MINE, `since=0&until=${nowSeconds()}`)).toEqual(LIFE)
      expect(await past(MINE, `until=${nowSeconds()}`)).toEqual(LIFE)
      expect(await past({ container: [id] })).toEqual(LIFE)
      expect(await past({ container: { [id.slice(0, 12)]: true } })).toEqual(LIFE)
      expect(await past({ container: [name] })).toEqual(LIFE)
      expect(await past({ container: [`${name}-b`] })).toEqual(afterRename)
      expect(await past({ container: [`${name}-b`, `${name}-c`] })).toEqual(afterRename)
      expect(await past({ container: [id], event: ["die", "start", "stop"] })).toEqual(
        LIFE.filter((action) => ["die", "start", "stop"].includes(action)),
      )
      expect(await past({ container: { [id]: true }, event: { rename: true }, type: { container: true } })).toEqual([
        "rename",
      ])
      expect(await past({ ...MINE, type: ["network"] })).toEqual([])
      expect(await past({ ...MINE, type: ["network", "container"] })).toEqual(LIFE)
      expect(await past({ label: [`rdl.contract=${label}`, "z"], image: ["rdl-test"] })).toEqual(LIFE)
      expect(await past({ label: [`rdl.contract=${label}`, "z=e"] })).toEqual([])
      expect(await past({ ...MINE, bogus: ["x"] })).toEqual(LIFE)
      expect(await past({ ...MINE, event: ["dies"] })).toEqual([])
    })

    it("includes events of exactly since and until, to the nanosecond", async () => {
      const label = randomBytes(4).toString("hex")
      await life(`rdl-ev-${label}`, label)
      const query = (since: string, until: string) =>
        askWhole(
          subject.play().url,
          `/events?since=${since}&until=${until}&${filters({ label: [`rdl.contract=${label}`] })}`,
        )
      const all = await query("0", nowSeconds())
      const nanos = [...all.text.matchAll(/"timeNano":(\d+)\}/g)].map((match) => BigInt(match[1] ?? 0))
      expect(nanos).toEqual([...nanos].sort((a, b) => Number(a - b)))
      const text = (time: bigint) => `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, "0")}`
      const [from = 0n, to = 0n] = [nanos[2], nanos[7]]
      const between = (low: bigint, high: bigint) =>
        ordered(
          eventsOf(all).filter((_event, index) => (nanos[index] ?? 0n) >= low && (nanos[index] ?? 0n) <= high),
        ).map(({ Action }) => Action)
      expect(actions(await query(text(from), text(to)))).toEqual(between(from, to))
      expect(actions(await query(text(from + 1n), text(to - 1n)))).toEqual(between(from + 1n, to - 1n))
    })

    it("ends whole at an until that comes", async () => {
      const answer = await ask(subject.play().url, `/events?until=${(Date.now() / 1000 + 0.3).toFixed(3)}`)
      expect(await answer.whenEnded()).toBe("whole")
    })

    it.each([
      ["since=x", 500, 'strconv.ParseInt: parsing "x": invalid syntax'],
      ["until=10m", 500, 'strconv.ParseInt: parsing "10m": invalid syntax'],
      ["since=100&until=50", 400, "`since` time (100) cannot be after `until` time (50)"],
      ["until=1&filters=x", ...badFilter("invalid character 'x' looking for beginning of value")],
      ["until=1&filters=%7B", ...badFilter("unexpected end of JSON input")],
    ])("refuses %s", async (query, status, message) => {
      const got = await askWhole(subject.play().url, `/events?${query}`)
      expect([got.status, got.json]).toEqual([status, { message }])
    })
  })
}

/** A little later than now: after every event that has been told. */
const nowSeconds = (): string => ((Date.now() + 2) / 1000).toFixed(3)
