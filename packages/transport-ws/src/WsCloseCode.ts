/** How a session's error code travels in a WebSocket close frame: standard codes where one means the same, so that foreign tools read them right. */

/** Session codes of docs/protocol.md and the WebSocket codes that stand for them; all others travel as 4300 + code. */
const pairs: ReadonlyArray<readonly [session: number, ws: number]> = [
  [0, 1000], // NONE
  [1, 1002], // PROTOCOL
  [2, 1011], // INTERNAL
  [4, 1009], // FRAME_TOO_LARGE
  [6, 4401], // UNAUTHORIZED
  [7, 4408], // REPLACED
  [8, 1001], // SHUTTING_DOWN
  [11, 4409], // CONFLICT
]

/** Codes that only foreign WebSocket ends send, and the nearest thing they mean. */
const foreign: ReadonlyArray<readonly [session: number, ws: number]> = [
  [0, 1005], // a close frame without a code
  [1, 1003], // unsupported data: what a text message is answered with
  [1, 1007], // text that is not UTF-8
  [1, 1008], // policy violation
  [8, 1012], // service restart
  [8, 1013], // try again later
]

const internal = 2
const base = 4300
const wsOf = new Map(pairs)
const sessionOf = new Map([...pairs, ...foreign].map(([session, ws]) => [ws, session]))

/** The WebSocket close code for a session code; a number that is none (not 0 to 99) becomes 1011, INTERNAL. */
export const toWs = (session: number): number => {
  const known = Number.isInteger(session) && session >= 0 && session < 100
  return known ? (wsOf.get(session) ?? base + session) : 1011
}

/** The session code a WebSocket close code stands for; INTERNAL where it stands for none. */
export const fromWs = (ws: number): number =>
  sessionOf.get(ws) ?? (ws >= base && ws < base + 100 ? ws - base : internal)
