/** Reads the log of one container of this machine, rendered as the asker wants it. */
import { Context, type Effect } from "effect"
import type { Container } from "@rdl/core/model/Container"
import type { End } from "@rdl/core/link/LinkMessage"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import type { SourceName } from "@rdl/core/model/SourceName"
import type { StreamError } from "@rdl/core/link/StreamError"

export interface LogRequest {
  /** As the inventory has it. */
  readonly container: Container
  readonly query: LogQuery
  readonly rendering: LogRendering
  /** What the lines are labelled with. */
  readonly source: SourceName
}

export class LogReader extends Context.Tag("@rdl/source/LogReader")<
  LogReader,
  {
    /**
     * Writes the head as soon as the log is open, then the bytes, and tells how it ended: every reader gives the same bytes.
     * Waits while the writer has no room; holds at most one socket read and one piece meanwhile (about 192 KiB).
     * A log that broke off is an error, never an End. Interruption lets go of the log at once.
     */
    readonly read: (request: LogRequest, writer: StreamWriter) => Effect.Effect<End, StreamError>
  }
>() {}
