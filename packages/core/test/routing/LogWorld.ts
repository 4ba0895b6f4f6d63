/** A source that keeps to the contract of marks and resumption, and the log of one container, as a registry sees them. */
import { Effect, type Scope } from "effect"
import type { Open, OpenLogs } from "../../src/link/LinkMessage.ts"
import { LinkLost, type StreamHandlers, type StreamReader } from "../../src/link/LinkSession.ts"
import { StreamError } from "../../src/link/StreamError.ts"
import * as LogCursor from "../../src/log/LogCursor.ts"
import type { Container } from "../../src/model/Container.ts"
import type { SourceInventory, SourceRegistry } from "../../src/routing/SourceRegistry.ts"
import { SourceUnavailable } from "../../src/routing/SourceRegistry.ts"
import * as FakeSession from "./FakeSession.ts"

export const WINDOW = 1_000

/** One stream as the source has it. */
interface Served {
  readonly request: OpenLogs
  handlers: StreamHandlers | undefined
  /** Where in the log the stream began, and how much of it was sent. */
  readonly from: number
  sent: number
  marked: number
  credit: number
  isOpen: boolean
}

export const web = FakeSession.container("aa1", "web")

const cursorAt = (id: string, offset: number): Uint8Array =>
  LogCursor.encode({
    container: id.slice(0, 16),
    count: offset,
    lines: 0,
    ...(offset === 0 ? {} : { last: { nanos: 1n, hash: 1 } }),
  })

const offsetOf = (text: string): number => LogCursor.fromText(text)?.count ?? -1

/** A log is bytes whose values tell their place; its oldest ones can go. */
export class LogWorld {
  isLinked = true
  /** What refuses the next streams, the first in line first. */
  refusals: Array<StreamError | SourceUnavailable> = []
  containers: Array<Container> = [web]
  oldest = 0
  length = 0
  readonly served: Array<Served> = []
  overrun = false
  #listeners = new Set<() => void>()

  byte(at: number): number {
    return (at * 7 + (at >> 8)) & 0xff
  }

  get current(): Served | undefined {
    return this.served.findLast(({ isOpen }) => isOpen)
  }

  get open(): number {
    return this.served.filter(({ isOpen }) => isOpen).length
  }

  /** Sends up to so many bytes of what there is, within credit. */
  send(bytes: number): void {
    const stream = this.current
    if (stream?.handlers === undefined) return
    const length = Math.min(bytes, this.length - stream.from - stream.sent, stream.credit - stream.sent)
    if (length <= 0) return
    const at = stream.from + stream.sent
    const piece = Uint8Array.from({ length }, (_, n) => this.byte(at + n))
    stream.sent += length
    stream.handlers.onData(piece)
  }

  /** Marks the place so many bytes before what was sent last, and never one before the last mark. */
  mark(back = 0): void {
    const stream = this.current
    if (stream?.handlers === undefined) return
    stream.marked = Math.max(stream.marked, stream.sent - back)
    stream.handlers.onMark?.(stream.marked, cursorAt(stream.request.containerId, stream.from + stream.marked))
  }

  end(reason: "eof" | "stopped" | "removed"): void {
    this.#finish({ reason })
  }

  cut(code = 0): void {
    this.isLinked = false
    this.#finish(new LinkLost({ clean: false, code, detail: "cut" }))
  }

  reset(reason: StreamError["reason"]): void {
    this.#finish(new StreamError({ reason, detail: reason }))
  }

  link(): void {
    this.isLinked = true
    this.tell()
  }

  tell(): void {
    for (const listener of Array.from(this.#listeners)) listener()
  }

  #finish(result: Parameters<StreamHandlers["onEnd"]>[0]): void {
    const stream = this.current
    if (stream === undefined) return
    stream.isOpen = false
    stream.handlers?.onEnd(result)
  }

  readonly registry: SourceRegistry["Type"] = {
    admit: () => Effect.void,
    serve: () => Effect.never,
    inventories: Effect.sync(() => [this.inventory]),
    statuses: Effect.succeed([]),
    drain: () => Effect.void,
    drained: Effect.never,
    open: (source, request) => this.#open(source, request),
    watch: (_, look) =>
      Effect.async((resume) => {
        const listener = () => {
          const found = look(this.inventory, this.isLinked)
          if (found === undefined) return
          this.#listeners.delete(listener)
          resume(Effect.succeed(found))
        }
        this.#listeners.add(listener)
        listener()
        return Effect.sync(() => this.#listeners.delete(listener))
      }),
  }

  get inventory(): SourceInventory {
    return {
      source: FakeSession.sourceName("edge-1"),
      stale: !this.isLinked,
      loading: false,
      containers: new Map(this.containers.map((one) => [one.id, one])),
      ageOf: () => 0,
    }
  }

  #open(
    source: SourceInventory["source"],
    request: Open,
  ): Effect.Effect<StreamReader, SourceUnavailable | StreamError | LinkLost, Scope.Scope> {
    return Effect.suspend(() => {
      const refusal = this.refusals.shift()
      if (refusal !== undefined) return Effect.fail(refusal)
      if (!this.isLinked) return new SourceUnavailable({ source, reason: "offline" })
      if (request.op !== "logs") return Effect.die("only logs")
      return this.#serve(request)
    })
  }

  #serve(request: OpenLogs) {
    const { resume } = request
    const wanted = resume === undefined ? this.oldest : offsetOf(resume.cursor) + resume.received
    const isGap = wanted < this.oldest
    const from = Math.max(wanted, this.oldest)
    const stream: Served = { request, handlers: undefined, from, sent: 0, marked: 0, credit: WINDOW, isOpen: true }
    this.served.push(stream)
    const reader: StreamReader = {
      head: { contentType: "text/plain", tty: false },
      consumed: (bytes) => {
        if (stream.credit + bytes > stream.sent + WINDOW) this.overrun = true
        stream.credit += bytes
      },
      start: (handlers) => {
        stream.handlers = handlers
        if (isGap) handlers.onGap?.({ reason: "rotated away" })
        if (isGap || (resume?.received ?? 0) === 0) handlers.onMark?.(0, cursorAt(request.containerId, from))
      },
    }
    return Effect.acquireRelease(Effect.succeed(reader), () =>
      Effect.sync(() => {
        stream.isOpen = false
      }),
    )
  }
}
