import { engineSockets, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, Either, FastCheck as fc, Fiber, ManagedRuntime } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ContainerId } from "@rdl/core/model/Container"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { LogTime } from "@rdl/core/log/LogTime"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as ContainerEnd from "../../src/files/ContainerEnd.ts"
import * as FilesLogOrigin from "../../src/files/FilesLogOrigin.ts"
import { asContainer } from "../AsContainer.ts"
import { RecordingTaker, type RecordingOptions } from "./RecordingTaker.ts"

/** Everything that is stored in another form than it was written, or cut. */
const AWKWARD = `
  line() { head -c "$1" /dev/zero | tr '\\0' "$2"; echo; }
  echo plain; echo; echo to-stderr >&2; printf 'cr\\r\\n'; printf 'nul\\000esc\\033[31mred\\n'
  printf '\\377\\376 not utf-8\\n'; echo 'grüße 日本 😀 <&> " \\\\ /'; printf '\\342\\200\\250\\342\\200\\251 \\t\\b\\f\\n'
  line 16383 a; line 16384 b; line 16385 c; line 32768 '"' >&2; line 100000 e; echo >&2; line 20000 '\\\\'
  for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done
  printf 'no newline at the end'`

const rotating = (lines: number) => `
  i=0; while [ $i -lt ${lines} ]; do echo "line $i of a log that is rotated"; [ $((i % 7)) = 0 ] && echo "err $i" >&2; i=$((i+1)); done`

const all: LogQuery = { follow: false, stdout: true, stderr: true, timestamps: true, details: false }

const asked = (query: LogQuery): string => {
  const flags = (["stdout", "stderr", "timestamps", "details"] as const).filter((flag) => query[flag])
  const values = (["tail", "since", "until"] as const).flatMap((name) =>
    query[name] === undefined ? [] : [`${name}=${query[name]}`],
  )
  return [...flags.map((flag) => `${flag}=1`), ...values].join("&")
}

const sockets = engineSockets()
const runs = Number(process.env["RDL_TEST_RUNS"] ?? 15)

describe.skipIf(sockets.length === 0).each(sockets.length === 0 ? ["no engine"] : sockets)(
  "FilesLogOrigin on %s",
  (socket) => {
    const engine = new RealEngine(socket)
    const made: Array<RealContainer> = []
    const runtime = ManagedRuntime.make(EngineClient.layer({ engine: `unix://${socket}`, env: {} }))

    const keep = async (container: Promise<RealContainer>) => {
      made.push(await container)
      return container
    }
    const read = (
      container: RealContainer,
      query: Partial<LogQuery>,
      taker: RecordingTaker,
      from?: RecordingOptions["from"],
    ) =>
      Effect.gen(function* () {
        const client = yield* EngineClient.EngineClient
        const origin = FilesLogOrigin.make({
          isLocal: Effect.succeed(true),
          ended: ContainerEnd.make({ inspect: client.inspect, askMs: 50 }),
        })
        const details = yield* client.inspect(ContainerId.make(container.id))
        const ask = {
          container: asContainer(container),
          details,
          engine: yield* client.engine,
          query: { ...all, ...query },
          from,
        }
        return yield* origin.read(ask, taker)
      })
    const run = async (container: RealContainer, query: Partial<LogQuery>, options: RecordingOptions = {}) => {
      const taker = new RecordingTaker(options)
      const ended = await runtime.runPromise(
        Effect.either(Effect.mapError(read(container, query, taker, options.from), (error) => error.message)),
      )
      return { taker, ended }
    }

    const labels = { "a.label": "x y", other: "1", "weiß/": "(ä)*'!" }
    const logOptions = { labels: "a.label,other,weiß/", tag: "t" }
    let containers: Record<"plain" | "terminal" | "rotated" | "single" | "packed", RealContainer>
    const moments: Record<string, ReadonlyArray<LogTime>> = {}

    let isOld: boolean

    beforeAll(async () => {
      const { ApiVersion } = await engine.json<{ readonly ApiVersion: string }>("/version")
      isOld = Number(ApiVersion.split(".")[1]) < 42
      containers = {
        plain: await keep(engine.runToEnd({ script: AWKWARD, labels, logOptions })),
        terminal: await keep(engine.runToEnd({ script: AWKWARD, labels, logOptions, tty: true })),
        rotated: await keep(
          engine.runToEnd({ script: rotating(3000), logOptions: { "max-size": "50k", "max-file": "5" } }),
        ),
        single: await keep(
          engine.runToEnd({ script: rotating(2000), logOptions: { "max-size": "50k", "max-file": "1" } }),
        ),
        packed: await keep(
          engine.runToEnd({
            script: rotating(3000),
            logOptions: { "max-size": "50k", "max-file": "4", compress: "true" },
          }),
        ),
      }
      for (const [name, { id }] of Object.entries(containers)) {
        const stamped = (await engine.logs(id, "stdout=1&stderr=1&timestamps=1")).toString("latin1")
        moments[name] = [...stamped.matchAll(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z /g)].map(
          ([, seconds, nanos]) => LogTime.make(`${Date.parse(`${seconds}Z`) / 1000}.${nanos}`),
        )
      }
    }, 60_000)

    afterAll(async () => {
      // One test removes its container itself.
      await Promise.allSettled(made.map((container) => container.remove()))
      await runtime.dispose()
      await engine.close()
    })

    const queries = (name: string): fc.Arbitrary<Partial<LogQuery>> => {
      const moment = fc.constantFrom(...moments[name]!)
      const tail = fc.oneof(fc.nat(30), fc.nat(6000))
      const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
      return fc
        .record({ details: fc.boolean(), tail: optional(tail), since: optional(moment), until: optional(moment) })
        .map(({ details, ...rest }) => ({
          details,
          ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
        }))
    }

    it.each(["plain", "terminal", "rotated", "single", "packed"] as const)(
      "gives of a %s log what the engine gives, whatever is asked and however little room there is",
      async (name) => {
        const container = containers[name]
        await fc.assert(
          fc.asyncProperty(queries(name), fc.option(fc.integer({ min: 1, max: 50 })), async (query, room) => {
            // Before 23.0 the engine drops all rotated files where the oldest one is compressed and over before `since`.
            const isLossy = name === "packed" && query.since !== undefined && isOld
            const truth = await engine.logs(container.id, asked({ ...all, ...query }))
            const { taker, ended } = await run(container, query, {
              tty: name === "terminal",
              ...(room === null ? {} : { room }),
            })
            expect(ended).toEqual(Either.right("eof"))
            expect(taker.gaps).toEqual([])
            const given = taker.bytes()
            expect(given.subarray(isLossy ? given.length - truth.length : 0).equals(truth)).toBe(true)
          }),
          { numRuns: runs },
        )
      },
      120_000,
    )

    it.each(["rotated", "packed", "plain"] as const)(
      "goes on from any place in a %s log, with or without a word on the file",
      async (name) => {
        const container = containers[name]
        const whole = await run(container, {})
        const cut = fc.record({ read: fc.integer({ min: 1, max: whole.taker.records }), hasFile: fc.boolean() })
        await fc.assert(
          fc.asyncProperty(cut, async ({ read: count, hasFile }) => {
            const first = new RecordingTaker({ stopAfter: count })
            await runtime.runPromise(
              Effect.race(
                read(container, {}, first),
                Effect.promise(() => first.stopped),
              ),
            )
            const { file, ...bare } = first.cursor()
            const rest = await run(container, {}, { from: hasFile && file !== undefined ? { ...bare, file } : bare })
            expect(rest.ended).toEqual(Either.right("eof"))
            expect(rest.taker.gaps).toEqual([])
            expect(first.records + rest.taker.records).toBe(whole.taker.records)
            expect(Buffer.concat([first.bytes(), rest.taker.bytes()]).equals(whole.taker.bytes())).toBe(true)
          }),
          { numRuns: runs },
        )
      },
      120_000,
    )

    it("follows until the container stops, and tells of one that is removed", async () => {
      const script = "for i in 1 2 3 4 5; do echo $i; usleep 30000; done; usleep 100000; echo -n end"
      const stopped = await run(await keep(engine.run({ script })), { follow: true })
      expect(stopped.ended).toEqual(Either.right("stopped"))
      expect(stopped.taker.payloads()).toBe("1\n2\n3\n4\n5\nend")
      const container = await keep(engine.run({ script: "echo one; sleep 100" }))
      const taker = new RecordingTaker()
      const reading = runtime.runPromise(read(container, { follow: true }, taker))
      await taker.until(({ records }) => records === 1)
      await container.remove()
      expect(await reading).toBe("removed")
    }, 30_000)

    it("says of a follow without history where it begins", async () => {
      const container = await keep(engine.run({ script: "echo one; echo two; sleep 3; echo three; sleep 100" }))
      const waiting = new RecordingTaker()
      const first = runtime.runFork(read(container, { follow: true }, waiting))
      await waiting.until(({ records }) => records === 2)
      const taker = new RecordingTaker()
      const fiber = runtime.runFork(read(container, { follow: true, tail: 0 }, taker))
      await taker.until(({ records }) => records === 1)
      expect(taker.startedAfter).toEqual([waiting.stamps[1]])
      expect(taker.payloads()).toBe("three\n")
      await Effect.runPromise(Fiber.interruptAll([first, fiber]))
    }, 30_000)

    it("ends a follow by the clock", async () => {
      const container = await keep(engine.run({ script: "echo one; sleep 100" }))
      const now = Math.floor(Date.now() / 1000)
      const past = await run(container, { follow: true, until: LogTime.make(`${now - 100}`) })
      expect(past.ended).toEqual(Either.right("eof"))
      const future = await run(container, { follow: true, until: LogTime.make(`${now + 1}`) })
      expect(future.ended).toEqual(Either.right("eof"))
      expect(future.taker.payloads()).toBe("one\n")
    }, 30_000)

    it.each([
      { "max-size": "1m", "max-file": "3" },
      { "max-size": "1m", "max-file": "3", compress: "true" },
      { "max-size": "1m", "max-file": "1" },
      { "max-size": "50k", "max-file": "2" },
    ])(
      "loses no line of a burst without saying so, doubles none and keeps their order, with %o",
      async (logOptions) => {
        const lines = 60_000
        const script = `seq 1 ${lines}; usleep 200000; echo done`
        const container = await keep(engine.run({ script, logOptions }))
        const { taker, ended } = await run(container, { follow: true })
        expect(ended).toEqual(Either.right("stopped"))
        const numbers = taker.payloads().split("\n").slice(0, -2).map(Number)
        expect(taker.payloads().endsWith("done\n")).toBe(true)
        const missing = missed(numbers, lines)
        // What was rotated away before the follow began is nobody's loss.
        expect(missing.disorder).toBe(0)
        expect(missing.places.filter((at) => !taker.gaps.some((gap) => gap.at === at))).toEqual([])
      },
      60_000,
    )
  },
)

/** Where in a row of given numbers, behind the first of them, some up to `last` are missing, how many, and how often one is not greater than the one before. */
const missed = (numbers: ReadonlyArray<number>, last: number) => {
  const places: Array<number> = []
  let lines = 0
  let disorder = 0
  let expected = numbers[0] ?? last + 1
  for (const [index, number] of [...numbers, last + 1].entries()) {
    if (number < expected) disorder++
    if (number > expected) {
      places.push(index)
      lines += number - expected
    }
    expected = number + 1
  }
  return { places, lines, disorder }
}
