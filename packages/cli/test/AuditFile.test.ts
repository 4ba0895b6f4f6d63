import { describe, expect, it } from "@effect/vitest"
import type * as Audit from "@rdl/proxy/Audit"
import { Effect, Exit, Logger, Scope } from "effect"
import { execFileSync } from "node:child_process"
import { constants, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as AuditFile from "../src/AuditFile.ts"

const entry = (path: string): Audit.Entry => ({
  time: "2026-01-02T03:04:05.678Z",
  address: "192.0.2.7",
  method: "GET",
  path,
  status: 200,
  milliseconds: 1,
  outcome: "whole",
})

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdl-audit-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

describe("The audit", () => {
  it.scopedLive("is added to what its file has, and the file is its owner's alone", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "audit")
      for (const name of ["/a", "/b"]) yield* Effect.scoped(Effect.map(AuditFile.make(path), (put) => put(entry(name))))
      const paths = readFileSync(path, "utf8").trim().split("\n")
      expect(paths.map((line) => (JSON.parse(line) as Audit.Entry).path)).toEqual(["/a", "/b"])
      expect(statSync(path).mode & 0o777).toBe(0o600)
    }),
  )

  it.scopedLive("holds 8 MiB of entries for a disk that stands still, and counts the others in the log", () =>
    Effect.gen(function* () {
      const logged: Array<string> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => void logged.push([message].flat().join(" "))),
      )
      const path = join(yield* directory, "audit")
      // A pipe that nobody reads stands for the disk.
      execFileSync("sh", ["-c", 'mkfifo "$1"', "sh", path])
      const reader = yield* Effect.promise(() => open(path, constants.O_RDWR | constants.O_NONBLOCK))
      const scope = yield* Scope.make()
      const put = yield* AuditFile.make(path).pipe(Scope.extend(scope), Effect.provide(logger))
      const long = entry(`/${"x".repeat(8_000)}`)
      for (let n = 0; n < 2_000; n++) put(long)
      expect(logged).toEqual([])
      let written = 0
      const piece = Buffer.alloc(1_048_576)
      const read = async () => {
        const { bytesRead } = await reader.read(piece).catch(() => ({ bytesRead: 0 }))
        for (const byte of piece.subarray(0, bytesRead)) if (byte === 0x0a) written++
        return bytesRead
      }
      // What is told once all is written is told before all is read.
      yield* Effect.promise(async () => {
        while ((await read()) > 0 || logged.length === 0);
      })
      const [, lost = ""] = /^the audit's disk was too slow: (\d+) entries are lost$/.exec(logged[0] ?? "") ?? []
      expect(written + Number(lost)).toBe(2_000)
      expect(written * 8_000).toBeGreaterThan(8_000_000)
      expect(written * 8_000).toBeLessThan(8.5 * 1_048_576)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.promise(() => reader.close())
    }),
  )
})
