/** Why a session ends: the codes of GOAWAY and of a closing link (docs/protocol.md#session-codes). All are under 32; what breaks one stream only has codes of its own, in StreamError.ts. */

/** Why a session ended, as GOAWAY and transports say it. protocol.md#session-codes */
export const SessionCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  frameTooLarge: 4,
  unsupportedVersion: 5,
  unauthorized: 6,
  replaced: 7,
  shuttingDown: 8,
  tooManyStreams: 9,
  heartbeatTimeout: 10,
  conflict: 11,
  handshakeTimeout: 12,
} as const
export type SessionCode = (typeof SessionCode)[keyof typeof SessionCode]

/** Whether a GOAWAY with this code lets the open streams go on; after any other the session is over at once. */
export const isGraceful = (code: number): boolean => code === SessionCode.none || code === SessionCode.shuttingDown
