/** Writes an inventory to the link: one JSON object a line. */
import { Chunk, Effect, Stream } from "effect"
import type { InventoryChange } from "@rdl/core/model/InventoryChange"
import type { StreamWriter } from "@rdl/core/link/LinkSession"

/** Lines are gathered to about this many bytes, and never longer than one line more. */
const PIECE = 64 * 1024

/** Never ends by itself. Waits while the writer has no room, and takes no more changes meanwhile. */
export const writeInventory = (changes: Stream.Stream<InventoryChange>, writer: StreamWriter): Effect.Effect<never> =>
  Effect.sync(() => writer.head({ contentType: "application/x-ndjson" })).pipe(
    Effect.zipRight(Stream.runForEachChunk(changes, (chunk) => writeAll(Chunk.toReadonlyArray(chunk), writer))),
    Effect.zipRight(Effect.never),
  )

const writeAll = Effect.fnUntraced(function* (changes: ReadonlyArray<InventoryChange>, writer: StreamWriter) {
  let lines = ""
  for (const [index, change] of changes.entries()) {
    lines += `${JSON.stringify(change)}\n`
    if (lines.length < PIECE && index < changes.length - 1) continue
    const room = writer.write(Buffer.from(lines))
    lines = ""
    if (!room) yield* Effect.async<void>((resume) => writer.onWritable(() => resume(Effect.void)))
  }
})
