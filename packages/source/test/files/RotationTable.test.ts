import { describeEachEngine } from "@rdl/test-kit/Engines"
import { RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, ManagedRuntime } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { SourceName } from "@rdl/core/model/SourceName"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as ContainerEnd from "../../src/files/ContainerEnd.ts"
import * as FilesLogOrigin from "../../src/files/FilesLogOrigin.ts"
import type { LogOrigin } from "../../src/log/LogOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { asContainer } from "../AsContainer.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"

/** Lines of a burst; with a number given, the rows of docs/guarantees.md are measured and printed. */
const given = process.env["RDL_LINES"]
const burst = (size: string, lines: number) => ({ name: `${size} / 3`, size, lines, script: `seq 1 ${lines}` })
const trickle = {
  name: "50k / 3 at 300 lines/s",
  size: "50k",
  lines: 2400,
  script: "i=0; while [ $i -lt 2400 ]; do i=$((i+1)); echo $i; usleep 3000; done",
}
const logs =
  given === undefined ? [burst("50k", 60_000)] : [burst("1m", Number(given)), burst("10m", Number(given)), trickle]
/** Before the first line every follow is there; behind the last, each has a moment to come to it. */
const PAUSE = given === undefined ? 0.5 : 2

interface Delivered {
  /** Lines that came at least once, and that came again. */
  readonly lines: number
  readonly doubled: number
  /** Gaps that were told; of who tells none, undefined. */
  readonly gaps?: number
  /** Places at which lines are missing without a gap. */
  readonly untold: number
  readonly last: number
}

/** What came of lines that were numbered from 1 on; `gapsAt` in bytes. */
const deliveredOf = (text: string, gapsAt?: ReadonlySet<number>): Delivered => {
  const seen = new Set<number>()
  let offset = 0
  let last = 0
  let doubled = 0
  let untold = 0
  for (const line of text.split("\n").slice(0, -1)) {
    const number = Number(line)
    if (seen.has(number)) doubled++
    if (number > last + 1 && gapsAt?.has(offset) !== true) untold++
    seen.add(number)
    last = number
    offset += line.length + 1
  }
  return { lines: seen.size, doubled, untold, last, ...(gapsAt === undefined ? {} : { gaps: gapsAt.size }) }
}

const cellOf = ({ doubled, gaps, lines }: Delivered): string =>
  `${lines.toLocaleString("en")}, ${doubled.toLocaleString("en")}${gaps === undefined ? "" : `, ${gaps}`}`

await describeEachEngine(
  "a log that is rotated while it is followed",
  ({ socket, version }) => {
    const engine = new RealEngine(socket)
    let world: ManagedRuntime.ManagedRuntime<EngineClient.EngineClient, never>
    let api: LogOrigin
    let files: LogOrigin

    beforeAll(async () => {
      world = ManagedRuntime.make(EngineClient.layer({ engine: `unix://${socket}`, env: {} }))
      api = await world.runPromise(EngineOrigin.make())
      const { inspect } = await world.runPromise(EngineClient.EngineClient)
      files = FilesLogOrigin.make({ isLocal: Effect.succeed(true), ended: ContainerEnd.make({ inspect }) })
    })

    afterAll(async () => {
      await world.dispose()
      await engine.close()
    })

    const follow = async (origin: LogOrigin, container: { readonly id: string; readonly name: string }) => {
      const writer = new CollectingWriter()
      const query: LogQuery = { follow: true, stdout: true, stderr: true, timestamps: false, details: false }
      const rendering = { format: "text", host: "none" } as const
      const request = { container: asContainer(container), query, rendering, source: SourceName.make("edge-1") }
      await world.runPromise(Effect.flatMap(LogReader.make([origin]), (reader) => reader.read(request, writer)))
      return deliveredOf(writer.text(), new Set(writer.gaps.map(({ offset }) => offset)))
    }
    /** As `docker logs -f` asks for it, frames taken off. */
    const plainFollow = async (id: string) => {
      const frames = await engine.logs(id, "follow=1&stdout=1&stderr=1")
      const lines: Array<Buffer> = []
      for (let at = 0; at < frames.length; at += 8 + frames.readUInt32BE(at + 4))
        lines.push(frames.subarray(at + 8, at + 8 + frames.readUInt32BE(at + 4)))
      return deliveredOf(Buffer.concat(lines).toString("latin1"))
    }

    it.each(logs)(
      "comes to its end, none of its lines twice, and is told of with each of its gaps: $name",
      async ({ lines, name, script, size }) => {
        const logOptions = { "max-size": size, "max-file": "3" }
        const container = await engine.run({ script: `sleep ${PAUSE}; ${script}; sleep ${PAUSE}`, logOptions })
        try {
          const [plain, byApi, byFiles] = await Promise.all([
            plainFollow(container.id),
            follow(api, container),
            follow(files, container),
          ])
          if (given !== undefined) {
            const cells = [version, name, lines.toLocaleString("en"), ...[plain, byApi, byFiles].map(cellOf)]
            process.stderr.write(`| ${cells.join(" | ")} |\n`)
          }
          for (const { doubled, last, untold } of [byApi, byFiles])
            expect({ doubled, last, untold }).toEqual({ doubled: 0, last: lines, untold: 0 })
        } finally {
          await container.remove()
        }
      },
      120_000,
    )
  },
  ({ kind }) => kind === "docker",
)
