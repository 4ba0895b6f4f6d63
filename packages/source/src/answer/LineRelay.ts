/** Lines of the engine on their way to the link, each looked at and rewritten. */
import * as LineSplitter from "@rdl/core/log/LineSplitter"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import type { BodySink, Flow } from "../engine/EngineStream.ts"

/** The longest line of the engine, in bytes. */
export const MAX_LINE = 1024 * 1024

export interface LineRelay extends BodySink {
  /** Writes what came last; to be called when the engine has ended its answer. */
  readonly end: () => void
}

/**
 * Writes what `rewrite` makes of each line (without newline; undefined = nothing), and the head once the engine has
 * answered. While the writer has no room the engine is not read: at most one read and one line are held.
 * A line that is too long is thrown.
 */
export const make = (writer: StreamWriter, rewrite: (line: string) => string | undefined): LineRelay => {
  let flow: Flow | undefined
  let ready = ""
  const splitter = LineSplitter.make(MAX_LINE, (line) => {
    const written = rewrite(Buffer.from(line).toString("utf8"))
    if (written !== undefined) ready += `${written}\n`
  })
  const flush = () => {
    if (ready === "") return
    const hasRoom = writer.write(Buffer.from(ready))
    ready = ""
    if (hasRoom) return
    flow?.pause()
    writer.onWritable(() => flow?.resume())
  }
  return {
    onOpen: (opened) => {
      flow = opened
      writer.head({ contentType: "application/x-ndjson" })
    },
    onData: (slice) => {
      if (!splitter.push(slice)) throw new Error(`the container engine sent a line of more than ${MAX_LINE} bytes`)
    },
    onSettled: flush,
    end: flush,
  }
}
