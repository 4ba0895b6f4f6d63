/** What a log should be at its user, in every format, made from the engine's own answer or by a read that nothing disturbs. */
import { LogFrameType } from "@rdl/core/log/LogFrames"

/** How a log is asked for. */
export const formats = {
  text: "host=none",
  prefix: "host=prefix",
  ndjson: "format=ndjson",
  sse: "format=sse",
  multiplexed: "format=multiplexed",
  frames: "format=frames",
} as const
export type Format = keyof typeof formats
export const formatNames = Object.keys(formats) as ReadonlyArray<Format>

/** What is in frames of Docker's. */
export const payloads = (framed: Buffer): Buffer =>
  Buffer.concat(framesOf(framed).map(({ frame }) => frame.subarray(8)))

/** The bytes of the log alone: without signs of life, and without frames that are no records. */
export const logBytes = (format: Format, body: Buffer): Buffer => {
  if (format === "frames") return records(body)
  const text = body.toString("latin1")
  if (format === "ndjson") return Buffer.from(text.replaceAll(/^\n/gm, ""), "latin1")
  return format === "sse" ? Buffer.from(text.replaceAll(": keep-alive\n\n", ""), "latin1") : body
}

/** The words of the proxy that stand in a body: its frames that are no records, or its objects that are no lines. */
export const words = (format: Format, body: Buffer): ReadonlyArray<unknown> => {
  const { alive, cursor } = LogFrameType
  if (format === "frames")
    return framesOf(body)
      .filter(({ type }) => type > 3 && type !== cursor && type !== alive)
      .map(({ frame, type }) => [type, JSON.parse(frame.toString("utf8", 8)) as unknown])
  if (format !== "ndjson" && format !== "sse") return []
  return body
    .toString("utf8")
    .split("\n")
    .map((line) => line.replace(/^data: /, ""))
    .filter((line) => /^\{"(gap|next|end)"/.test(line))
    .map((line) => JSON.parse(line) as unknown)
}

const records = (body: Buffer): Buffer =>
  Buffer.concat(
    framesOf(body)
      .filter(({ type }) => type <= 3)
      .map(({ frame }) => frame),
  )

const framesOf = (body: Buffer): ReadonlyArray<{ readonly type: number; readonly frame: Buffer }> => {
  const frames: Array<{ readonly type: number; readonly frame: Buffer }> = []
  for (let at = 0; at < body.length;) {
    const end = at + 8 + body.readUInt32BE(at + 4)
    frames.push({ type: body[at]!, frame: body.subarray(at, end) })
    at = end
  }
  return frames
}
