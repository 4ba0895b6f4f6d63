/** Standard output and standard error, at the pace of whoever reads them. */
import { Effect } from "effect"
import { reasonOf } from "./ConfigFile.ts"
import { CommandFailed, OutputClosed } from "./Failure.ts"

/** Nobody reads it any more, or it cannot be written, as on a full disk: then what is there is not whole. */
export type OutputError = OutputClosed | CommandFailed

/** Waits until the bytes are taken; nothing is buffered beyond the one write. */
const writeTo = (
  stream: NodeJS.WriteStream,
  name: string,
  data: string | Uint8Array,
): Effect.Effect<void, OutputError> =>
  Effect.async((resume) => {
    stream.write(data, (error) => resume(error ? failureOf(name, error) : Effect.void))
  })

/** What a reader that went away leaves behind; later writes fail since the stream was closed by the first. */
const CLOSED = ["EPIPE", "ECONNRESET", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END"]

const failureOf = (name: string, error: NodeJS.ErrnoException): OutputError =>
  CLOSED.includes(error.code ?? "")
    ? new OutputClosed()
    : new CommandFailed({ detail: `cannot write to ${name}: ${reasonOf(error)}; what is there is not whole` })

export const out = (data: string | Uint8Array): Effect.Effect<void, OutputError> =>
  writeTo(process.stdout, "standard output", data)
export const err = (data: string | Uint8Array): Effect.Effect<void, OutputError> =>
  writeTo(process.stderr, "standard error", data)

/** One line on standard output. */
export const line = (text: string): Effect.Effect<void, OutputError> => out(`${text}\n`)

/** One JSON document on standard output, as a line of its own; its text is the same, written so that a terminal takes no harm. */
export const json = (value: unknown): Effect.Effect<void, OutputError> =>
  line(JSON.stringify(value).replace(HARMFUL, (character) => character.split("").map(unit).join("")))

/** A sentence for the person in front, on standard error, on one line whatever is quoted in it; never fails, since there may be nobody. */
export const say = (text: string): Effect.Effect<void> => Effect.ignore(err(`${printable(text)}\n`))

/** Text from elsewhere, made safe for a terminal: what could move the cursor or turn the reading direction shows as an escape. */
export const printable = (text: string): string =>
  text.replace(HARMFUL, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)

const HARMFUL = /[\p{C}\u2028\u2029]/gu

/** One unit of UTF-16 as JSON escapes it. */
const unit = (half: string): string => `\\u${half.charCodeAt(0).toString(16).padStart(4, "0")}`
