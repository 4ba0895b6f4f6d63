/** What readers of a log are held to: the engine's own answer, or its end, where Podman's `tail` gives other bytes than the log has. */
import type { EngineFacts } from "./Engines.ts"
import type { RealContainer, RealEngine } from "./RealEngine.ts"

/** How an engine is asked for a log; times as `seconds` or `seconds.decimals`. */
export interface LogAsked {
  readonly stdout?: 1
  readonly stderr?: 1
  readonly timestamps?: 1
  readonly details?: 1
  readonly follow?: 1
  readonly tail?: number
  readonly since?: string
  readonly until?: string
}

/** The parameters as they stand in a URL. */
export const queryOf = (asked: object): string =>
  Object.entries(asked)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join("&")

/** The log of a container that has ended: frames, or bytes alone where it had a terminal. */
export const logTruth = async (
  engine: RealEngine,
  kind: EngineFacts["kind"],
  { id }: Pick<RealContainer, "id">,
  tty: boolean,
  asked: LogAsked,
): Promise<Buffer> => {
  const { tail, until, ...others } = asked
  if (kind === "docker" || tail === undefined) return engine.logs(id, queryOf(asked))
  // Podman's own API, as that one frames the log of a terminal too.
  const framesFor = async (query: LogAsked) =>
    framesOf(
      await engine.request(
        "GET",
        `/v4.0.0/libpod/containers/${id}/logs?${queryOf({ ...query, stdout: 1, stderr: 1 })}`,
      ),
    )
  const all = await framesFor(others)
  const wanted = (until === undefined ? all : await framesFor({ ...others, until })).slice(beforeLast(all, tail))
  const isAsked = (frame: Buffer) => (frame[0] === 1 ? asked.stdout : asked.stderr) !== undefined
  return Buffer.concat(wanted.filter(isAsked).map((frame) => (tty ? frame.subarray(8) : frame)))
}

/** What is in an engine's frames. */
export const payloads = (framed: Buffer): Buffer => Buffer.concat(framesOf(framed).map((frame) => frame.subarray(8)))

const framesOf = (framed: Buffer): ReadonlyArray<Buffer> => {
  const frames: Array<Buffer> = []
  for (let at = 0; at < framed.length; at += frames.at(-1)!.length)
    frames.push(framed.subarray(at, at + 8 + framed.readUInt32BE(at + 4)))
  return frames
}

/** How many frames come before the last so many lines: those of both streams, the unfinished ones at the end among them. */
const beforeLast = (frames: ReadonlyArray<Buffer>, lines: number): number => {
  const endsLine = (frame: Buffer | undefined) => frame === undefined || frame.at(-1) === 0x0a
  const unfinished = [1, 2].filter((stream) => !endsLine(frames.findLast((frame) => frame[0] === stream))).length
  const ends = frames.flatMap((frame, index) => (endsLine(frame) ? [index + 1] : []))
  const passed = ends.length + unfinished - lines
  return passed <= 0 ? 0 : (ends[passed - 1] ?? frames.length)
}
