import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Effect, FastCheck as fc } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { ContainerId } from "@rdl/core/model/Container"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { LogTime } from "@rdl/core/log/LogTime"
import * as FilesLogOrigin from "../../src/files/FilesLogOrigin.ts"
import { asContainer } from "../AsContainer.ts"
import { localRecord } from "./LocalFile.ts"
import { RecordingTaker, type RecordingOptions } from "./RecordingTaker.ts"

const id = "cd".repeat(32)
const second = Date.parse("2026-11-22T10:00:00Z") / 1000
const RECORDS = 9000

/** A needle in every 700th line, and one in a line of two pieces; what a driver stores of it. */
const textOf = (n: number): string => {
  if (n === 4000) return `${"x".repeat(16_382)}ne`
  if (n === 4001) return "edle\n"
  return n % 700 === 3 ? `line ${n} needle\n` : `line ${n}\n`
}
const nanosOf = (n: number): bigint => BigInt(second) * 1_000_000_000n + BigInt(n === 4001 ? 4000 : n) * 1_000_000n

const streamOf = (n: number): 1 | 2 => (n % 5 === 0 || n === 4001 ? 2 : 1)

const drivers = {
  "json-file": (n: number) => {
    const time = new Date(Number(nanosOf(n) / 1_000_000n)).toISOString()
    return Buffer.from(
      `{"log":${JSON.stringify(textOf(n))},"stream":"${streamOf(n) === 2 ? "stderr" : "stdout"}","time":"${time}"}\n`,
    )
  },
  local: (n: number) => {
    const text = textOf(n)
    const piece = n === 4000 || n === 4001 ? { last: n === 4001, ordinal: n - 3999 } : undefined
    return localRecord({
      stream: streamOf(n),
      nanos: nanosOf(n),
      line: Buffer.from(text.replace("\n", "")),
      piece,
    })
  },
} as const
type Driver = keyof typeof drivers

describe.each(["json-file", "local"] as const)("FilesLogOrigin of a %s log of which few lines are wanted", (driver) => {
  let root: string

  const write = (kind: Driver): void => {
    const folder = join(root, id, ...(kind === "local" ? ["local-logs"] : []))
    mkdirSync(folder, { recursive: true })
    const path = join(folder, kind === "local" ? "container.log" : `${id}-json.log`)
    const part = (from: number, to: number) =>
      Buffer.concat(Array.from({ length: to - from }, (_, at) => drivers[kind](from + at)))
    writeFileSync(`${path}.2.gz`, gzipSync(part(0, 3000)))
    writeFileSync(`${path}.1`, part(3000, 7000))
    writeFileSync(path, part(7000, RECORDS))
  }

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rdl-grep-"))
    write(driver)
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const ask = (query: Partial<LogQuery>, taker: RecordingTaker, from: RecordingOptions["from"]) =>
    FilesLogOrigin.make({ logDir: root, isLocal: Effect.succeed(false), ended: () => Effect.never }).read(
      {
        container: asContainer({ id, name: "web" }),
        details: {
          id: ContainerId.make(id),
          tty: false,
          status: "exited",
          logDriver: driver,
          logPath: "",
          logOptions: { "max-file": "3" },
          startedAt: "",
        },
        engine: { kind: "docker", version: "26.1.5", apiVersion: "1.45", os: "linux", arch: "amd64" },
        query: { follow: false, stdout: true, stderr: true, timestamps: true, details: false, ...query },
        from,
      },
      taker,
    )
  const read = async (query: Partial<LogQuery>, options: RecordingOptions) => {
    const taker = new RecordingTaker(options)
    const done = Effect.mapError(ask(query, taker, options.from), (error) => error.message)
    await Effect.runPromise(
      Effect.race(
        done,
        Effect.promise(() => taker.stopped),
      ),
    )
    return taker
  }
  const literals = ["needle"]
  const needles = (payloads: string) => payloads.split("\n").filter((line) => line.includes("needle"))

  it("gives every line that may be wanted, and passes over nearly all others", async () => {
    const all = await read({}, {})
    const some = await read({}, { literals })
    expect(all.records).toBe(RECORDS)
    expect(needles(some.payloads())).toEqual(needles(all.payloads()))
    expect(needles(some.payloads()).length).toBe(14)
    expect(some.records + some.passes).toBe(RECORDS)
    expect(some.records).toBeLessThan(30)
  })

  it("passes over nothing while a moment is to be found, or after it has an end", async () => {
    const since = LogTime.make(`${second + 5}.500000000`)
    const until = LogTime.make(`${second + 8}.000000000`)
    const behind = await read({ since }, { literals })
    expect([behind.records + behind.passes, behind.records < 20]).toEqual([RECORDS - 5500, true])
    const between = await read({ since, until }, { literals })
    expect([between.records, between.passes]).toEqual([2501, 0])
  })

  it("goes on from any place between what it passed over, with or without a word on the file", async () => {
    const whole = await read({}, { literals })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: whole.records }),
        fc.boolean(),
        fc.boolean(),
        async (count, hasFile, passes) => {
          const first = await read({}, { literals, stopAfter: count })
          const { file, ...bare } = first.cursor()
          const from = hasFile && file !== undefined ? { ...bare, file } : bare
          const rest = await read({}, { from, ...(passes ? { literals } : {}) })
          expect(rest.gaps).toEqual([])
          expect(first.records + first.passes + rest.records + rest.passes).toBe(RECORDS)
          expect(needles(first.payloads() + rest.payloads())).toEqual(needles(whole.payloads()))
        },
      ),
      { numRuns: Number(process.env["RDL_TEST_RUNS"] ?? 25) },
    )
  })
})
