/** Reads logs from an engine's files as a source does, in one thread, and lets go of what it made of them. */
import { ContainerId } from "@rdl/core/model/Container"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import { SourceName } from "@rdl/core/model/SourceName"
import { Inventory } from "@rdl/source/inventory/Inventory"
import { LogReader } from "@rdl/source/log/LogReader"
import * as Source from "@rdl/source/Source"
import { Effect, Logger, LogLevel, ManagedRuntime, Option, Layer, Schedule } from "effect"
import { serve } from "../Parent.ts"

export interface FilesReaderConfig {
  readonly engine: string
}

export interface FilesRead {
  readonly seconds: number
  readonly bytes: number
}

const query = { follow: false, stdout: true, stderr: true, timestamps: false, details: false }

serve(({ engine }: FilesReaderConfig) => {
  const parts = Source.services({ engine, env: {} }).pipe(Layer.provide(Logger.minimumLogLevel(LogLevel.None)))
  const runtime = ManagedRuntime.make(parts)
  const read = Effect.fnUntraced(function* (id: string) {
    const inventory = yield* Inventory
    const container = yield* inventory
      .get(ContainerId.make(id))
      .pipe(
        Effect.filterOrFail(Option.isSome),
        Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.intersect(Schedule.recurs(500)))),
      )
    const reader = yield* LogReader
    let bytes = 0
    const writer: StreamWriter = {
      head: () => undefined,
      write: (piece) => ((bytes += piece.length), true),
      onWritable: () => undefined,
    }
    const request = { container: container.value, query, source: SourceName.make("bench") }
    const began = process.hrtime.bigint()
    yield* reader.read({ ...request, rendering: { format: "text", host: "none" } }, writer)
    return { seconds: Number(process.hrtime.bigint() - began) / 1e9, bytes } satisfies FilesRead
  })
  return { answer: ({ id }: { readonly id: string }) => runtime.runPromise(read(id)) }
})
