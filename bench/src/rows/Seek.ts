/** The end of a very large log: how long until a user has all of its last lines, or all of its last minute. */
import { Effect } from "effect"
import { closeSync, constants, openSync, statfsSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import { NotHere } from "../BenchError.ts"
import type { Observation } from "../Finding.ts"
import { program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import * as Reading from "../Reading.ts"
import * as RealLogs from "../RealLogs.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

/** Left free on the disk. */
const SPARE_BYTES = 5e9
/** One measurement is the mean of so many readings, one after the other. */
const READINGS = 10
const PAYLOAD = 1_000
/** From one line of the log to the next. */
const GAP_MS = 500

const QUESTIONS = { "tail=100": "tail=100", "since=1m": "since=1m" } as const

export const row: Row = {
  name: "seek",
  title: "the end of a log of 10 GB",
  run: (effort) =>
    Effect.gen(function* () {
      const here = yield* RealLogs.open
      const { id } = yield* RealLogs.written(here, "true")
      const path = yield* RealLogs.pathOf(here, id, constants.R_OK | constants.W_OK)
      const { bavail, bsize } = statfsSync(dirname(path))
      const size = [effort.pick(10e9, 2e8), 2e9].find((size) => size + SPARE_BYTES < bavail * bsize)
      if (size === undefined) return yield* new NotHere({ what: "room on the disk of the engine" })
      yield* effort.say(`writing ${size / 1e9} GB`)
      const reader = yield* program<void>("Reader", {})
      const rdl = yield* Rdl.start({ engine: here.url })
      const subjects = Object.entries(QUESTIONS).map(([name, query]) => ({
        name,
        measure: Effect.map(
          Effect.replicateEffect(Reading.read(reader, { ...rdl, heads: [rdl.logHead(id, query)] }), READINGS),
          (samples) => ({ ms: samples.reduce((sum, { seconds = 0 }) => sum + seconds * 1_000, 0) / READINGS }),
        ),
      }))
      yield* Effect.sync(() => writeLog(path, size))
      const rounds = yield* interleaved(
        effort.rounds,
        subjects,
        Effect.forEach(subjects, ({ measure }) => measure),
      )
      return subjects.map(({ name }): Observation => ({
        what: `until all of ${name} is there, log of ${size / 1e9} GB`,
        unit: "ms",
        ours: { ...rounds.series(name, "ms"), name: "rdl" },
        target: { of: "value", atMost: 50 },
      }))
    }),
}

/** Lines as the json-file driver writes them, up to now. */
const writeLog = (path: string, size: number): void => {
  const head = Buffer.from(`{"log":"${"x".repeat(PAYLOAD - 1)}\\n","stream":"stdout","time":"`)
  const stamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}000001Z`
  const line = Buffer.concat([head, Buffer.from(`${stamp(0)}"}\n`)])
  const count = Math.floor(size / line.length)
  const perBlock = 4_096
  const block = Buffer.concat(Array.from({ length: perBlock }, () => line))
  const first = Date.now() - count * GAP_MS
  const file = openSync(path, "w")
  for (let written = 0; written < count; written += perBlock) {
    const lines = Math.min(perBlock, count - written)
    for (let at = 0; at < lines; at++)
      block.write(stamp(first + (written + at) * GAP_MS), at * line.length + head.length, "latin1")
    writeSync(file, block, 0, lines * line.length)
  }
  closeSync(file)
}
