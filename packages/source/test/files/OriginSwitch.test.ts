import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { describeEachEngine } from "@rdl/test-kit/Engines"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, Exit, FastCheck as fc, ManagedRuntime, Metric, Scope } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import { LogTime } from "@rdl/core/log/LogTime"
import { SourceName } from "@rdl/core/model/SourceName"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as FilesLogOrigin from "../../src/files/FilesLogOrigin.ts"
import type { LogOrigin } from "../../src/log/LogOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import * as SourceCounters from "../../src/SourceCounters.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"
import { asContainer } from "../AsContainer.ts"
import { failAfter } from "./FailingOrigin.ts"

const FORMATS: ReadonlyArray<LogRendering> = [
  { format: "multiplexed", host: "none" },
  { format: "text", host: "prefix" },
  { format: "text", host: "none" },
  { format: "ndjson", host: "none" },
]
const all: LogQuery = { follow: false, stdout: true, stderr: true, timestamps: true, details: false }
const runs = Number(process.env["RDL_TEST_RUNS"] ?? 10)

type World = ManagedRuntime.ManagedRuntime<EngineClient.EngineClient, never>
type Which = "files" | "engine"

interface Both {
  readonly files: LogOrigin
  readonly engine: LogOrigin
}

const originsOf = (logDir: string | undefined): Effect.Effect<Both, never, EngineClient.EngineClient> =>
  Effect.map(EngineOrigin.make(), (engine) => {
    const isLocal = Effect.succeed(true)
    return { files: FilesLogOrigin.make({ logDir, isLocal, ended: () => Effect.succeed("stopped") }), engine }
  })

/** The first reads on until it fails, then the other, in turns; the last one to its end. */
const inTurns = (both: Both, first: Which, failures: ReadonlyArray<number>): ReadonlyArray<LogOrigin> => {
  const other = first === "files" ? "engine" : "files"
  const turn = (index: number) => both[index % 2 === 0 ? first : other]
  return [...failures.map((records, index) => failAfter(turn(index), records)), turn(failures.length)]
}

/** Of pieces that differ: from the middle of a row of pieces that are alike nobody could tell which is meant. */
const LONG = Array.from({ length: 9000 }, (_, index) => index).join(" ")

const NO_PATTERNS: Partial<LogQuery> = {}

const read = async (
  world: World,
  container: Pick<RealContainer, "id" | "name">,
  origins: ReadonlyArray<LogOrigin>,
  query: LogQuery,
  rendering: LogRendering,
): Promise<Buffer> => {
  const writer = new CollectingWriter()
  const request = { container: asContainer(container), query, rendering, source: SourceName.make("edge-1") }
  const reading = Effect.flatMap(LogReader.make(origins), (reader) => reader.read(request, writer))
  expect(await world.runPromise(reading)).toEqual({ reason: "eof" })
  expect(writer.gaps).toEqual([])
  expect(writer.heads.length).toBe(1)
  return writer.bytes()
}

/** The texts of an answer's frames, with their stamps. */
const framesOf = (answer: Buffer): ReadonlyArray<{ readonly stream: number; readonly text: string }> => {
  const frames: Array<{ readonly stream: number; readonly text: string }> = []
  for (let at = 0; at < answer.length;) {
    const end = at + 8 + answer.readUInt32BE(at + 4)
    frames.push({ stream: answer[at]!, text: answer.toString("utf8", at + 8, end) })
    at = end
  }
  return frames
}

/** The same as the json-file driver would have stored it. */
const fileLines = (answer: Buffer): ReadonlyArray<string> =>
  framesOf(answer).map(({ stream, text }) => {
    const time = text.slice(0, 30).replace(/\.?0*Z$/, "Z")
    return `${JSON.stringify({ log: text.slice(31), stream: stream === 1 ? "stdout" : "stderr", time })}\n`
  })

/** When the records of an answer were written. */
const stampsOf = (answer: Buffer): ReadonlyArray<LogTime> =>
  framesOf(answer).map(({ text }) => {
    const seconds = Date.parse(`${text.slice(0, 19)}Z`) / 1000
    return LogTime.make(`${seconds}.${text.slice(20, 29)}`)
  })

/** However often the origin changes, the bytes are those of each of them alone. */
const expectSameBytes = async (
  world: World,
  container: Pick<RealContainer, "id" | "name">,
  logDir: string | undefined,
) => {
  const both = await world.runPromise(originsOf(logDir))
  const times = stampsOf(await read(world, container, [both.engine], all, FORMATS[0]!))
  const records = times.length
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Which>("files", "engine"),
      fc.array(fc.oneof(fc.nat(4), fc.nat(Math.ceil(records / 2))), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...FORMATS),
      fc.option(fc.nat(records + 10), { nil: undefined }),
      fc.option(fc.constantFrom(...times), { nil: undefined }),
      fc.constantFrom(NO_PATTERNS, { grep: ["again|7"] }, { grep: ["line 2"] }, { exclude: ["1"] }),
      async (first, failures, rendering, tail, since, patterns) => {
        const bounds = { ...(tail === undefined ? {} : { tail }), ...(since === undefined ? {} : { since }) }
        const query = { ...all, ...patterns, ...bounds }
        const alone = await read(world, container, [both.engine], query, rendering)
        const other = await read(world, container, [both.files], query, rendering)
        expect(other.equals(alone)).toBe(true)
        const turned = await read(world, container, inTurns(both, first, failures), query, rendering)
        expect(turned.equals(alone)).toBe(true)
      },
    ),
    { numRuns: runs },
  )
}

describe("a log that is read by files and engine in turns", () => {
  const root = mkdtempSync(join(tmpdir(), "rdl-switch-"))
  const scope = Effect.runSync(Scope.make())
  let world: World
  let container: SampleEngine.SampleEngine["containers"][number]

  beforeAll(async () => {
    const engine = await Effect.runPromise(Scope.extend(SampleEngine.make({ flavour: "docker-26.1" }), scope))
    world = ManagedRuntime.make(EngineClient.layer({ engine: engine.url, env: {} }))
    container = engine.createContainer({ logOptions: { "max-file": "3" } })
    let at = 1_795_341_075_000_000_000n
    for (let line = 0; line < 400; line++) {
      // Equal times, equal lines, long lines, and streams whose times do not agree.
      at += line % 7 === 0 ? 0n : 1_000n
      const text = line % 50 === 3 ? LONG : line % 5 === 0 ? "again" : `line ${line} grüße`
      container.log(line % 3 === 0 ? "stderr" : "stdout", `${text}\n`, { at: line % 3 === 0 ? at - 500n : at })
    }
    container.stop()
    const asked = `/containers/${container.id}/logs?stdout=1&stderr=1&timestamps=1`
    const lines = fileLines(await new RealEngine(engine.socketPath!).request("GET", asked))
    mkdirSync(join(root, container.id))
    const path = join(root, container.id, `${container.id}-json.log`)
    writeFileSync(`${path}.2`, lines.slice(0, 100).join(""))
    writeFileSync(`${path}.1`, lines.slice(100, 250).join(""))
    writeFileSync(path, lines.slice(250).join(""))
  }, 30_000)

  afterAll(async () => {
    await world.dispose()
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(root, { recursive: true })
  })

  it("has the same bytes, wherever either cannot go on", () => expectSameBytes(world, container, root), 60_000)

  it("is counted each time that another way is taken", async () => {
    const both = await world.runPromise(originsOf(root))
    const count = () => Effect.runSync(Metric.value(SourceCounters.fallbacks)).count
    const before = count()
    await read(world, container, inTurns(both, "files", [5, 5, 5]), all, FORMATS[0]!)
    expect(count()).toBe(before + 3)
    await read(world, container, [both.files, both.engine], all, FORMATS[0]!)
    expect(count()).toBe(before + 3)
  })
})

await describeEachEngine(
  "a real log that is read by files and engine in turns",
  ({ socket }) => {
    const engine = new RealEngine(socket)
    const made: Array<RealContainer> = []
    let world: World

    beforeAll(() => {
      world = ManagedRuntime.make(EngineClient.layer({ engine: `unix://${socket}`, env: {} }))
    })

    afterAll(async () => {
      await Promise.allSettled(made.map((container) => container.remove()))
      await world.dispose()
      await engine.close()
    })

    const rotated = { "max-size": "20k", "max-file": "5" }
    it.each([
      ["one file", {}],
      ["several files", rotated],
      ["packed files", { ...rotated, compress: "true" }],
    ] as const)(
      "has the same bytes, wherever either cannot go on, of %s",
      async (_name, logOptions) => {
        const script = "for i in 1 2 3; do seq 1 150; seq 1 90 >&2; seq 1 9000 | tr '\\n' ' '; echo; done; printf end"
        const container = await engine.runToEnd({ script, logOptions })
        made.push(container)
        await expectSameBytes(world, container, undefined)
      },
      60_000,
    )
  },
  ({ kind }) => kind === "docker",
)
