/** The types of frames, and how long the payload of each may be (docs/protocol.md#frames). */
import { MAX_CURSOR_BYTES, MAX_GAP_BYTES, MAX_JSON_BYTES, MAX_TALLY_BYTES, MAX_TEXT_BYTES } from "./LinkLimits.ts"

/** The first byte of each frame. protocol.md#frames */
export const FrameType = {
  hello: 0x01,
  welcome: 0x02,
  goAway: 0x03,
  ping: 0x04,
  pong: 0x05,
  tally: 0x06,
  open: 0x10,
  head: 0x11,
  data: 0x12,
  mark: 0x13,
  credit: 0x14,
  end: 0x15,
  reset: 0x16,
  gap: 0x17,
} as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

interface Shape {
  readonly name: string
  readonly least: number
  /** Of DATA, what the session agreed on instead. */
  readonly most: number
}

const shapes: { readonly [type: number]: Shape } = {
  [FrameType.hello]: { name: "HELLO", least: 2, most: MAX_JSON_BYTES },
  [FrameType.welcome]: { name: "WELCOME", least: 2, most: MAX_JSON_BYTES },
  [FrameType.goAway]: { name: "GOAWAY", least: 12, most: 12 + MAX_TEXT_BYTES },
  [FrameType.ping]: { name: "PING", least: 8, most: 8 },
  [FrameType.pong]: { name: "PONG", least: 8, most: 8 },
  [FrameType.tally]: { name: "TALLY", least: 2, most: MAX_TALLY_BYTES },
  [FrameType.open]: { name: "OPEN", least: 10, most: 8 + MAX_JSON_BYTES },
  [FrameType.head]: { name: "HEAD", least: 2, most: MAX_JSON_BYTES },
  [FrameType.data]: { name: "DATA", least: 1, most: Infinity },
  [FrameType.mark]: { name: "MARK", least: 8, most: 8 + MAX_CURSOR_BYTES },
  [FrameType.credit]: { name: "CREDIT", least: 8, most: 8 },
  [FrameType.end]: { name: "END", least: 2, most: MAX_JSON_BYTES },
  [FrameType.reset]: { name: "RESET", least: 4, most: 4 + MAX_TEXT_BYTES },
  [FrameType.gap]: { name: "GAP", least: 2, most: MAX_GAP_BYTES },
}

/** The shape of a type this version knows. */
export const shapeOf = (type: number): Shape | undefined => shapes[type]

/** What the specification calls it; the number where it is unknown. */
export const nameOf = (type: number): string => shapes[type]?.name ?? `type 0x${type.toString(16).padStart(2, "0")}`

/** Whether frames of this type belong to the session and stand on stream 0. */
export const isSessionFrame = (type: number): boolean => type < FrameType.open
