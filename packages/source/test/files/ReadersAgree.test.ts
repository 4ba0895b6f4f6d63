import { describeEachEngine } from "@rdl/test-kit/Engines"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, FastCheck as fc, ManagedRuntime } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { LogTime } from "@rdl/core/log/LogTime"
import { SourceName } from "@rdl/core/model/SourceName"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as FilesLogOrigin from "../../src/files/FilesLogOrigin.ts"
import type { LogOrigin } from "../../src/log/LogOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { asContainer } from "../AsContainer.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"

/** Random cases for each engine and driver; with a number given, the count of those that agreed is printed. */
const given = process.env["RDL_CASES"]
const CASES = Number(given ?? 5)
const SEED = Number(process.env["RDL_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
/** How many questions are asked of one container. */
const CASES_PER_LOG = 25

/** What a container writes, a piece after the other, on either stream. */
const pieces = fc.oneof(
  fc.tuple(fc.nat(9999), fc.nat(900)).map(([from, count]) => `seq ${from} ${from + count}`),
  fc
    .tuple(fc.constantFrom(1, 16_383, 16_384, 16_385, 32_768), fc.nat(40_000), fc.constantFrom("a", '"', "\\\\"))
    .map(([edge, more, letter]) => `head -c ${edge + more} /dev/zero | tr '\\0' '${letter}'; echo`),
  fc.constantFrom(
    "echo; echo",
    "printf 'no newline '",
    "printf 'cr\\r\\n'; printf 'nul\\000esc\\033[31mred\\n'",
    "printf '\\377\\376 not utf-8\\n'; printf '\\342\\200\\250 \\t\\b\\f\\n'",
    "echo 'grüße 日本 😀 <&> \" /'",
    "usleep 3000",
  ),
)
const scripts = fc
  .array(fc.tuple(pieces, fc.boolean()), { minLength: 1, maxLength: 14 })
  .map((all) => all.map(([piece, isErr]) => (isErr ? `{ ${piece}; } >&2` : piece)).join("\n"))

const specs = fc.record({
  script: scripts,
  tty: fc.boolean(),
  logOptions: fc.oneof(
    fc.constant({}),
    fc.record({
      "max-size": fc.constantFrom("5k", "20k", "50k"),
      "max-file": fc.constantFrom("2", "3", "5"),
      compress: fc.constantFrom("true", "false"),
    }),
  ),
  labels: fc.constantFrom({}, { "a.label": "x y" }),
})

const queriesAt = (moments: ReadonlyArray<LogTime>): fc.Arbitrary<LogQuery> => {
  const moment = fc.constantFrom(...moments)
  const required = ["follow", "stdout", "stderr", "timestamps", "details"] as const
  return fc
    .record(
      {
        follow: fc.constant(false),
        stdout: fc.boolean(),
        stderr: fc.boolean(),
        timestamps: fc.boolean(),
        details: fc.boolean(),
        tail: fc.oneof(fc.nat(20), fc.nat(3000)),
        since: moment,
        until: moment,
      },
      { requiredKeys: [...required] },
    )
    .filter(({ stderr, stdout }) => stdout || stderr)
}

const asked = ({ details, since, stderr, stdout, tail, timestamps, until }: LogQuery): string => {
  const flags = Object.entries({ stdout, stderr, timestamps, details })
  const values = Object.entries({ tail, since, until })
  return [
    ...flags.map(([name, value]) => `${name}=${Number(value)}`),
    ...values.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  ].join("&")
}

await describeEachEngine(
  "the engine, the reader of its API and the reader of its files",
  ({ apiVersion, socket, version }) => {
    const engine = new RealEngine(socket)
    // Before 23.0 the engine drops all rotated files where the oldest one is compressed and over before `since`.
    const isOld = Number(apiVersion.split(".")[1]) < 42
    let world: ManagedRuntime.ManagedRuntime<EngineClient.EngineClient, never>
    let api: LogOrigin
    let files: LogOrigin

    beforeAll(async () => {
      world = ManagedRuntime.make(EngineClient.layer({ engine: `unix://${socket}`, env: {} }))
      api = await world.runPromise(EngineOrigin.make())
      const client = await world.runPromise(EngineClient.EngineClient)
      const rootDir = Effect.map(client.info, (info) => info.rootDir)
      const ended = () => Effect.succeed("stopped" as const)
      files = FilesLogOrigin.make({ isLocal: Effect.succeed(true), rootDir, ended })
    })

    afterAll(async () => {
      await world.dispose()
      await engine.close()
    })

    const read = async (origin: LogOrigin, container: RealContainer, query: LogQuery, tty: boolean) => {
      const writer = new CollectingWriter()
      const rendering = { format: tty ? "raw" : "multiplexed", host: "none" } as const
      const request = { container: asContainer(container), query, rendering, source: SourceName.make("edge-1") }
      const reading = Effect.flatMap(LogReader.make([origin]), (reader) => reader.read(request, writer))
      expect([await world.runPromise(reading), writer.gaps]).toEqual([{ reason: "eof" }, []])
      return writer.bytes()
    }

    const agreeOn = async (container: RealContainer, tty: boolean, isPacked: boolean, cases: number, seed: number) => {
      const stamped = (await engine.logs(container.id, "stdout=1&stderr=1&timestamps=1")).toString("latin1")
      const moments = [...stamped.matchAll(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z /g)].map(([, seconds, nanos]) =>
        LogTime.make(`${Date.parse(`${seconds}Z`) / 1000}.${nanos}`),
      )
      await fc.assert(
        fc.asyncProperty(queriesAt([LogTime.make("1.5"), ...moments]), async (query) => {
          const truth = await engine.logs(container.id, asked(query))
          const byFiles = await read(files, container, query, tty)
          const byApi = await read(api, container, query, tty)
          expect(byApi.equals(byFiles)).toBe(true)
          const isLossy = isOld && isPacked && query.since !== undefined
          expect(byFiles.subarray(isLossy ? byFiles.length - truth.length : 0).equals(truth)).toBe(true)
        }),
        { numRuns: cases, seed },
      )
    }

    it.each(["json-file", "local"])(
      "agree on any log of the driver %s, whatever is asked",
      async (logDriver) => {
        const logs = fc.sample(specs, { numRuns: Math.ceil(CASES / CASES_PER_LOG), seed: SEED })
        let agreed = 0
        for (const [index, spec] of logs.entries()) {
          const container = await engine.runToEnd({ ...spec, logDriver })
          try {
            const { compress } = { compress: logDriver === "local" ? "true" : "false", ...spec.logOptions }
            const cases = Math.min(CASES_PER_LOG, CASES - agreed)
            await agreeOn(container, spec.tty, compress === "true", cases, SEED + index)
            agreed += cases
          } catch (error) {
            throw new Error(`RDL_SEED=${SEED}, log ${index}: ${JSON.stringify(spec)}`, { cause: error })
          } finally {
            await container.remove()
          }
        }
        expect(agreed).toBe(CASES)
        if (given !== undefined) process.stderr.write(`${agreed} of ${CASES} cases agreed: ${version}, ${logDriver}\n`)
      },
      30_000 + CASES * 2_000,
    )
  },
  ({ kind }) => kind === "docker",
)
