/** Logs of a sample engine as a source reads them: whole, followed, and gone on with from a cursor. */
import { Context, Effect, Layer } from "effect"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import { SourceName } from "@rdl/core/model/SourceName"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { asContainer } from "../AsContainer.ts"
import type { CollectingWriter } from "../log/CollectingWriter.ts"

export type SampleContainer = SampleEngine.SampleEngine["containers"][number]
export type Flavour = NonNullable<SampleEngine.Options["flavour"]>

const QUICK = { parkMs: 30, watchMs: 80, lateMs: 10, retryMs: 5_000 }

/** An engine of that flavour, and what reads its logs. */
export const start = Effect.fnUntraced(function* (flavour: Flavour) {
  const engine = yield* SampleEngine.make({ flavour })
  const origins = Effect.map(EngineOrigin.make(QUICK), (origin) => [origin])
  const layer = Layer.provide(LogReader.layer(origins), EngineClient.layer({ engine: engine.url, env: {} }))
  const reader = Context.get(yield* Layer.build(layer), LogReader.LogReader)
  const read = (
    from: SampleContainer,
    query: Partial<LogQuery>,
    writer: CollectingWriter,
    rendering: LogRendering = PLAIN,
    resume?: LogReader.LogRequest["resume"],
  ) =>
    reader.read(
      {
        container: asContainer(from),
        query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false, ...query },
        rendering,
        source: SourceName.make("edge-1"),
        resume,
      },
      writer,
    )
  return { engine, read }
})

export const PLAIN: LogRendering = { format: "text", host: "none" }
export const FRAMES: LogRendering = { format: "multiplexed", host: "none" }
export const BASE = 1_795_341_075_000_000_000n
export const flavours: ReadonlyArray<Flavour> = ["docker-20.10", "docker-26.1", "podman"]

/** A line for each number. */
export const numbers = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `${from + index}\n`).join("")

/** Waits until that is all that was written. */
export const wrote = (writer: CollectingWriter, text: string) =>
  Effect.promise(() => writer.until(() => writer.text() === text))
