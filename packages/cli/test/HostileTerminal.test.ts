import { describe, expect, it } from "@effect/vitest"
import * as Frame from "@rdl/core/link/Frame"
import { FrameType } from "@rdl/core/link/FrameType"
import { Effect } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import { until } from "./FaultWorld.ts"
import * as RawSource from "./RawSource.ts"
import { rdlProcess, serving } from "./RdlProcess.ts"

/** Sets a title, clears the screen, colours by a C1 control, turns the reading direction, and forges a line of ours. */
const EVIL = "owned\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\nrdl: all is well"

const rdl = rdlProcess()

const json = (type: FrameType, id: number, value: unknown) =>
  Frame.withPayload(type, id, Buffer.from(JSON.stringify(value)))

const engine = { kind: "docker", version: EVIL, apiVersion: EVIL, os: EVIL, arch: EVIL }

const hello = {
  versions: [1],
  instanceId: EVIL,
  time: Date.now(),
  agent: EVIL,
  transportWhy: EVIL,
  engine,
  features: [],
}

const container = {
  ...RawSource.container("web"),
  image: EVIL,
  imageId: EVIL,
  command: EVIL,
  state: EVIL,
  status: EVIL,
  labels: { [EVIL]: EVIL },
  ports: [{ ip: EVIL, privatePort: 80, publicPort: 80, type: EVIL }],
}

/** A source that says this wherever it may say what it likes, and how `rdl` shows it. */
const world = Effect.gen(function* () {
  const { ask: _, ...proxy } = yield* FaultWorld.start("ws", { router: { resumeWindow: 0, restartWindow: 0 } })
  const link = yield* RawSource.dial("ws", proxy.url, yield* proxy.token("source", "hostile"))
  link.send(json(FrameType.hello, 0, hello))
  const { id } = yield* link.opened("inventory")
  link.send(json(FrameType.head, id, { contentType: EVIL }))
  const changes = [{ _tag: "Begin" }, { _tag: "Put", container }, { _tag: "Ready" }]
  link.send(
    Frame.withPayload(FrameType.data, id, Buffer.from(changes.map((one) => `${JSON.stringify(one)}\n`).join(""))),
  )
  yield* until(() => FaultWorld.isLinked(proxy.registry, "hostile"))
  const env = { RDL_PROXY: proxy.url, RDL_TOKEN: yield* proxy.token("user", "ann") }
  const start = (words: string) => serving(rdl.start(words.split(" "), { env }))
  return { link, logged: proxy.logged, start }
})

const harmless = (said: string) => {
  expect(said).toContain("owned")
  expect(said.replaceAll("\n", "")).not.toMatch(/[\p{C}\u2028\u2029]/u)
  expect(said).not.toMatch(/^rdl: all is well/m)
}

describe("what a source says of itself and its containers", () => {
  it.scopedLive.each(["sources", "sources --output json", "ps -a --no-trunc", "ps -a --output json"])(
    "reaches no terminal as a command, nor as a line of its own, by rdl %s",
    (words) =>
      Effect.gen(function* () {
        const { start } = yield* world
        const { ended, stderr, stdout } = start(words)
        expect(yield* Effect.promise(() => ended)).toBe(0)
        expect(stderr()).toBe("")
        harmless(stdout())
      }),
  )

  it.scopedLive("is harmless in a gap; the lines of a log are passed as they are", () =>
    Effect.gen(function* () {
      const { link, start } = yield* world
      const { ended, stderr, stdout } = start("logs --host none web")
      const { id } = yield* link.opened("logs")
      link.send(json(FrameType.head, id, { contentType: EVIL, tty: true }))
      link.send(json(FrameType.gap, id, { reason: EVIL }))
      link.send(Frame.mark(id, 0, new Uint8Array(9)))
      link.send(Frame.withPayload(FrameType.data, id, Buffer.from("\u0001\0\0\0\0\0\0\u0009\u001b[31mred\n")))
      link.send(json(FrameType.end, id, { reason: "eof" }))
      expect(yield* Effect.promise(() => ended)).toBe(0)
      expect(stdout()).toBe("\u001b[31mred\n")
      expect(stderr()).toContain("1 gap: lines are gone: owned\\u{1b}")
      harmless(stderr())
    }),
  )

  it.scopedLive("is harmless in the error of a log, and in what the proxy says of it", () =>
    Effect.gen(function* () {
      const { link, logged, start } = yield* world
      const { ended, stderr, stdout } = start("logs web")
      const { id } = yield* link.opened("logs")
      link.send(Frame.reset(id, 32, EVIL))
      expect([yield* Effect.promise(() => ended), stdout()]).toEqual([1, ""])
      harmless(stderr())
      expect(logged.join("")).not.toMatch(/\p{Cc}/u)
    }),
  )
})
