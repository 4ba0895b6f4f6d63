/** Standard output and standard error, at the pace of whoever reads them. */
import { Effect } from "effect"
import { OutputClosed } from "./Failure.ts"

/** Waits until the bytes are taken; nothing is buffered beyond the one write. */
const writeTo = (stream: NodeJS.WriteStream, data: string | Uint8Array): Effect.Effect<void, OutputClosed> =>
  Effect.async((resume) => {
    stream.write(data, (error) => resume(error ? new OutputClosed() : Effect.void))
  })

export const out = (data: string | Uint8Array): Effect.Effect<void, OutputClosed> => writeTo(process.stdout, data)
export const err = (data: string | Uint8Array): Effect.Effect<void, OutputClosed> => writeTo(process.stderr, data)

/** One line on standard output. */
export const line = (text: string): Effect.Effect<void, OutputClosed> => out(`${text}\n`)

/** One JSON document on standard output, as a line of its own; its text is the same, written so that a terminal takes no harm. */
export const json = (value: unknown): Effect.Effect<void, OutputClosed> =>
  line(JSON.stringify(value).replace(HARMFUL, (character) => character.split("").map(unit).join("")))

/** A sentence for the person in front, on standard error, on one line whatever is quoted in it; never fails, since there may be nobody. */
export const say = (text: string): Effect.Effect<void> => Effect.ignore(err(`${printable(text)}\n`))

/** Text from elsewhere, made safe for a terminal: what could move the cursor or turn the reading direction shows as an escape. */
export const printable = (text: string): string =>
  text.replace(HARMFUL, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)

const HARMFUL = /[\p{C}\u2028\u2029]/gu

/** One unit of UTF-16 as JSON escapes it. */
const unit = (half: string): string => `\\u${half.charCodeAt(0).toString(16).padStart(4, "0")}`
