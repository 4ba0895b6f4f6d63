/** Reads the body of a request within its bounds: length said beforehand, so long at most, and there in time. */
import type { IncomingMessage } from "node:http"
import * as Answer from "./Answer.ts"

/** A body must be there so many milliseconds after its head. */
const BODY_MS = 60_000

/** The body, or why it is refused; undefined = the connection has gone. */
export const read = async (req: IncomingMessage, limit: number): Promise<Buffer | Answer.Answer | undefined> => {
  const length = Number(req.headers["content-length"] ?? Number.NaN)
  if (!Number.isSafeInteger(length)) return Answer.refusal(411, "length-required", "a body needs a Content-Length")
  if (length > limit)
    return Answer.refusal(413, "too-large", `a body of ${length} bytes is over ${limit}; send fewer frames at once`)
  const body = Buffer.allocUnsafeSlow(length)
  const timer = setTimeout(() => req.destroy(), BODY_MS)
  try {
    let filled = 0
    for await (const chunk of req) filled += (chunk as Buffer).copy(body, filled)
    return filled === length ? body : undefined
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
