/** How a session's code travels in a WebSocket close frame: standard codes where one means the same, so that foreign tools read them right. */
import { SessionCode } from "@rdl/core/link/SessionCode"

/** Session codes (docs/protocol.md#session-codes) and the WebSocket codes that stand for them; all others travel as 4300 + code. */
const pairs: ReadonlyArray<readonly [session: number, ws: number]> = [
  [SessionCode.none, 1000],
  [SessionCode.protocol, 1002],
  [SessionCode.internal, 1011],
  [SessionCode.frameTooLarge, 1009],
  [SessionCode.unauthorized, 4401],
  [SessionCode.replaced, 4408],
  [SessionCode.shuttingDown, 1001],
  [SessionCode.conflict, 4409],
]

/** Codes that only foreign WebSocket ends send, and the nearest thing they mean. */
const foreign: ReadonlyArray<readonly [session: number, ws: number]> = [
  [SessionCode.none, 1005], // a close frame without a code
  [SessionCode.protocol, 1003], // unsupported data: what a text message is answered with
  [SessionCode.protocol, 1007], // text that is not UTF-8
  [SessionCode.protocol, 1008], // policy violation
  [SessionCode.shuttingDown, 1012], // service restart
  [SessionCode.shuttingDown, 1013], // try again later
]

const base = 4300
const internalError = 1011
const wsOf = new Map(pairs)
const sessionOf = new Map([...pairs, ...foreign].map(([session, ws]) => [ws, session]))

/** The WebSocket close code for a session code; a number that is none (not 0 to 99) becomes 1011, INTERNAL. */
export const toWs = (session: number): number => {
  const known = Number.isInteger(session) && session >= 0 && session < 100
  return known ? (wsOf.get(session) ?? base + session) : internalError
}

/** The session code a WebSocket close code stands for; INTERNAL where it stands for none. */
export const fromWs = (ws: number): number =>
  sessionOf.get(ws) ?? (ws >= base && ws < base + 100 ? ws - base : SessionCode.internal)
