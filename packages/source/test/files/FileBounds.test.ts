import { appendFileSync, truncateSync } from "node:fs"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { Effect, Exit, Fiber, ManagedRuntime, Scope } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { SourceName } from "@rdl/core/model/SourceName"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import { MAX_REMOVED_BYTES, MAX_WAITING } from "../../src/files/FileChain.ts"
import { ROTATED } from "../../src/files/FileFollow.ts"
import * as FilesLogOrigin from "../../src/files/FilesLogOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { asContainer } from "../AsContainer.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"
import { lineOf, LogFolder, stampOf } from "./LogFolder.ts"

const query: LogQuery = { follow: true, stdout: true, stderr: true, timestamps: false, details: false }

/** Lines of the first file, a megabyte in all: more than a stalled reader's source reads ahead. */
const FIRST = 500
const textOf = (n: number): string => (n < FIRST ? `line ${n} ${"x".repeat(2000)}` : `line ${n}`)
const linesOf = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `${textOf(from + index)}\n`).join("")
const nanosOf = (line: number): string => stampOf(line).replace("Z", ".000000000Z")

describe("a reader that stalls while the log is rotated", () => {
  let scope: Scope.CloseableScope
  let world: ManagedRuntime.ManagedRuntime<EngineClient.EngineClient, never>
  let folder: LogFolder
  let writer: CollectingWriter
  let reading: Fiber.RuntimeFiber<unknown, unknown>

  /** It is in the first file, and has no room for more. */
  beforeEach(async () => {
    scope = await Effect.runPromise(Scope.make())
    const engine = await Effect.runPromise(Scope.extend(SampleEngine.make({ flavour: "docker-26.1" }), scope))
    const container = engine.createContainer({ logOptions: { "max-file": "2" }, state: "running" })
    folder = new LogFolder(1, container.id)
    for (let n = 0; n < FIRST; n++) appendFileSync(folder.path, lineOf(n, textOf(n)))
    world = ManagedRuntime.make(EngineClient.layer({ engine: engine.url, env: {} }))
    writer = new CollectingWriter(1)
    const isLocal = Effect.succeed(true)
    const files = FilesLogOrigin.make({ logDir: folder.root, isLocal, ended: () => Effect.never })
    const rendering = { format: "text", host: "none" } as const
    const request = { container: asContainer(container), query, rendering, source: SourceName.make("edge-1") }
    reading = world.runFork(Effect.flatMap(LogReader.make([files]), (reader) => reader.read(request, writer)))
    await writer.until(() => writer.room <= 0)
  })
  afterEach(async () => {
    await Effect.runPromise(Fiber.interrupt(reading))
    await expect.poll(() => folder.held(), { timeout: 10_000 }).toEqual({ files: 0, watches: 0 })
    await world.dispose()
    await Effect.runPromise(Scope.close(scope, Exit.void))
    folder.remove()
  })

  /** Waits until the newest file is open, and so many in all. */
  const holds = async (files: number) => {
    const poll = { timeout: 10_000, interval: 5 }
    await expect.poll(() => [folder.isNewestHeld(), folder.held().files], poll).toEqual([true, files])
  }
  /** It takes all from here on: lines up to `from` are gone, up to `to` there. */
  const goesOnAt = async (from: number, to: number) => {
    writer.give(Number.POSITIVE_INFINITY)
    await writer.until(() => writer.text().endsWith(linesOf(to - 1, to)))
    expect(writer.text()).toBe(linesOf(0, FIRST) + linesOf(from, to))
    const told = { since: nanosOf(FIRST - 1), until: nanosOf(from), reason: ROTATED }
    expect(writer.gaps).toMatchObject(from === FIRST ? [] : [{ offset: linesOf(0, FIRST).length, gap: told }])
  }

  it("loses nothing of 32 files", async () => {
    for (let waiting = 1; waiting <= MAX_WAITING; waiting++) {
      folder.rotate(FIRST + waiting - 1)
      await holds(waiting + 1)
    }
    await goesOnAt(FIRST, FIRST + MAX_WAITING)
  })

  it("is told the times between which the files are that were let go of, where there are more", async () => {
    for (let waiting = 1; waiting <= MAX_WAITING + 7; waiting++) {
      folder.rotate(FIRST + waiting - 1)
      await holds(Math.min(waiting, MAX_WAITING) + 1)
    }
    await goesOnAt(FIRST + 7, FIRST + 7 + MAX_WAITING)
  })

  it("is told the same of a file that was removed and took more than 256 MiB of the disk", async () => {
    folder.rotate(FIRST)
    await holds(2)
    folder.rotate(FIRST + 1)
    truncateSync(folder.path, MAX_REMOVED_BYTES + 1)
    await holds(3)
    folder.rotate(FIRST + 2)
    await holds(4)
    // The engine has removed it now.
    folder.rotate(FIRST + 3)
    await holds(3)
    await goesOnAt(FIRST + 2, FIRST + 4)
  })
})
