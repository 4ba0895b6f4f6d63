/** Where a user wants a log to go on: `resume` and `received`, or what an EventSource sends by itself. */
import { Either } from "effect"
import type { Resume } from "../link/LinkMessage.ts"
import * as LogCursor from "./LogCursor.ts"
import { bad, type BadParameter, type Parameters } from "./LogParameter.ts"
import type { LogFormat } from "./LogQuery.ts"

/** Reads the parameters, and `Last-Event-ID` where the answer is to be server-sent events; `resume` wins over the header. */
export const parse = (
  parameters: Parameters,
  format: LogFormat,
  lastEventId: string | undefined,
): Either.Either<Resume | undefined, BadParameter> =>
  Either.gen(function* () {
    const received = yield* parseReceived(parameters, format)
    const given = parameters.get("resume") ?? ""
    if (given !== "") return { cursor: yield* cursorOf("resume", given), received: received ?? 0 }
    if (received !== undefined)
      return yield* bad("received", String(received), "`resume` beside it: the cursor that these bytes came after")
    if (format !== "sse" || lastEventId === undefined || lastEventId === "") return undefined
    return { cursor: yield* cursorOf("Last-Event-ID", lastEventId), received: 0 }
  })

const cursorOf = (parameter: string, text: string): Either.Either<string, BadParameter> =>
  LogCursor.fromText(text) === undefined
    ? bad(parameter, text, "a cursor as an answer of this API gave it, to the letter")
    : Either.right(text)

/** Elsewhere what came after a cursor can be thrown away and asked for again. */
const parseReceived = (parameters: Parameters, format: LogFormat): Either.Either<number | undefined, BadParameter> => {
  const text = parameters.get("received") ?? ""
  if (text === "") return Either.right(undefined)
  if (format !== "frames") return bad("received", text, "the format frames: in any other, ask from the last cursor on")
  return /^\d{1,15}$/.test(text)
    ? Either.right(Number(text))
    : bad("received", text, "how many bytes of records came after the cursor, a whole number")
}
