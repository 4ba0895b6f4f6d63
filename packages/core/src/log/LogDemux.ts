/** Docker's framing taken apart for a client: each stream's bytes to its own place, with or without a label on the lines. */
import { LineJoiner, type Partials } from "./LogLine.ts"
import { LogOutput, type Emit } from "./LogOutput.ts"
import { isLogFrameType, LogFrameType, type OnLogFrame } from "./LogFrames.ts"
import { FramedRecords } from "./LogRecordFramed.ts"
import { LabelledText } from "./LogTextLabel.ts"
import { PlainText } from "./LogTextPlain.ts"
import type { StreamError } from "../link/StreamError.ts"

/** How the stream was asked for, and what is written before or after its lines. */
export interface DemuxOptions {
  /** The stream was asked for with `timestamps`. */
  readonly timestamps: boolean
  /** The stream was asked for with `details`. */
  readonly details: boolean
  /** Absent = byte for byte what `docker logs` writes. */
  readonly label?: { readonly text: string; readonly position: "prefix" | "suffix" }
  readonly partials: Partials
  /** The records are a terminal's, whose lines end in CR LF; only in the format `frames`. Default no. */
  readonly tty?: boolean
  /** Told of the frames that are no records, in their place between the bytes emitted; absent = such a frame is an error. */
  readonly onFrame?: OnLogFrame
}

/** Takes a stream of frames apart as it comes; once it has failed it takes nothing more. */
export interface LogDemux {
  /** Emits buffers of at most 64 KiB, each of one stream, in the order of the log. */
  readonly push: (chunk: Uint8Array, emit: Emit) => StreamError | undefined
  readonly end: (emit: Emit) => StreamError | undefined
}

/** For the body of a `multiplexed` answer of a container without terminal, or, with `onFrame`, one in the format `frames`. */
export const make = (options: DemuxOptions): LogDemux => {
  const output = new LogOutput(true)
  const { timestamps, details, label, partials, onFrame } = options
  const sink =
    label === undefined
      ? new PlainText(output, timestamps)
      : new LineJoiner(
          partials,
          new LabelledText(output, {
            label: label.text,
            position: label.position,
            timestamps,
            tty: options.tty ?? false,
          }),
        )
  const reader = new FramedRecords(
    { stamped: timestamps, details: details && partials === "docker" },
    sink,
    onFrame === undefined
      ? undefined
      : {
          has: isLogFrameType,
          onFrame: (type, bytes, start, end) => {
            // What was begun has no rest: another one's must not be taken for it. Unlabelled runs follow as they do at Docker.
            if (type === LogFrameType.gap || (type === LogFrameType.next && label !== undefined)) sink.cut()
            output.send()
            onFrame(type, bytes, start, end)
          },
        },
  )
  const during = (emit: Emit, work: () => StreamError | undefined): StreamError | undefined => {
    output.begin(emit)
    const failure = work()
    output.flush()
    return failure
  }
  return {
    push: (chunk, emit) => during(emit, () => reader.push(chunk)),
    end: (emit) => during(emit, () => reader.end()),
  }
}
