/** The proxy's end of a link over HTTP: a session that requests come to, in whatever order and however often. */
import type { Link, LinkClosed, LinkHandlers } from "@rdl/core/link/Link"
import { SessionCode } from "@rdl/core/link/SessionCode"
import * as Answer from "./Answer.ts"
import { DownQueue } from "./DownQueue.ts"
import { DrainMark } from "./DrainMark.ts"
import { type Goodbye, GOODBYE_MS, REASON_LENGTH } from "./HttpWire.ts"
import { Inbox } from "./Inbox.ts"
import { UpReceiver } from "./UpReceiver.ts"

/** What `send` holds until the source has it, in bytes; more loses the link. */
const MAX_UNACKNOWLEDGED = 1024 * 1024

export interface Options {
  /** How long a poll is held, give or take a tenth. */
  readonly pollMs: number
  /** The link is lost when no request came for so long. */
  readonly idleMs: number
  /** Called once, when the link has ended; `goodbye` is what later requests are told. */
  readonly onEnd: (goodbye: Goodbye) => void
}

interface Poll {
  readonly reply: Answer.Reply
  readonly timer: NodeJS.Timeout
}

export class ProxyLink implements Link {
  readonly transport = "http"
  readonly #options: Options
  readonly #inbox = new Inbox()
  readonly #mark = new DrainMark()
  readonly #down = new DownQueue()
  readonly #up = new UpReceiver(
    (frame) => {
      if (this.#closing === undefined) this.#inbox.deliver(frame)
    },
    () => this.#inbox.isFull,
  )
  readonly #idle: NodeJS.Timeout
  readonly #waiting = new Set<Answer.Reply>()
  #poll: Poll | undefined
  #flushing: NodeJS.Immediate | undefined
  #closing: LinkClosed | undefined
  #deadline: NodeJS.Timeout | undefined
  #tellEnded: () => void = () => undefined
  /** Resolves when the link has ended. */
  readonly ended = new Promise<void>((resolve) => {
    this.#tellEnded = resolve
  })
  /** Bodies that are being read now; their reader counts. */
  reading = 0

  constructor(options: Options) {
    this.#options = options
    this.#idle = setTimeout(() => this.destroy(`no request came for ${options.idleMs / 1000} s`), options.idleMs)
  }

  readonly start = (handlers: LinkHandlers): void => {
    this.#inbox.start(handlers)
    this.#up.advance()
  }

  readonly send = (frame: Uint8Array): void => {
    if (this.#closing !== undefined || this.#inbox.closed !== undefined) return
    this.#down.push(frame)
    this.#mark.rose(this.#down.bytes)
    if (this.#down.bytes > MAX_UNACKNOWLEDGED)
      return this.destroy(`the source left more than ${MAX_UNACKNOWLEDGED} bytes unfetched`)
    // Not before the end of this tick: frames sent together travel together.
    if (this.#flushing === undefined) this.#flushing = setImmediate(this.#flush)
  }

  readonly buffered = (): number => this.#down.bytes

  readonly close = (code: number, reason: string): void => {
    if (this.#closing !== undefined || this.#inbox.closed !== undefined) return
    this.#closing = { clean: true, code, reason: reason.slice(0, REASON_LENGTH) }
    // A goodbye that the source is late to fetch is one still, if it has all frames before it.
    this.#deadline = setTimeout(() => this.#end({ clean: false, code, reason }, this.#down.isEmpty), GOODBYE_MS)
    this.#flush()
  }

  readonly destroy = (reason: string): void => this.lose(SessionCode.none, reason)

  /** `destroy`, with a session code. */
  lose(code: number, reason: string): void {
    this.#down.clear()
    this.#end({ clean: false, code, reason })
  }

  /** `GET …/down?ack=n`: answered when there are frames, when another poll comes, or when it has been held long enough. */
  poll(ack: number, reply: Answer.Reply): void {
    this.#touch()
    if (!this.#down.acknowledge(ack)) return reply(Answer.outOfOrder(this.#down.first))
    this.#answerPoll(Answer.nothing)
    const holdMs = this.#options.pollMs * (0.9 + Math.random() * 0.2)
    this.#poll = { reply, timer: setTimeout(() => this.#answerPoll(Answer.nothing), holdMs) }
    this.#flush()
    if (this.#mark.fell(this.#down.bytes)) this.#inbox.drained()
  }

  /** The connection of a poll has gone. */
  abandon(reply: Answer.Reply): void {
    if (this.#poll?.reply !== reply) return
    clearTimeout(this.#poll.timer)
    this.#poll = undefined
  }

  /** `POST …/up?seq=n`: answered when its frames have been passed on. */
  take(seq: number, frames: ReadonlyArray<Uint8Array>, reply: Answer.Reply): void {
    this.#touch()
    this.#waiting.add(reply)
    this.#up.offer(seq, frames, (verdict) => {
      this.#waiting.delete(reply)
      reply("ack" in verdict ? Answer.json(200, verdict) : Answer.outOfOrder(verdict.expected))
    })
  }

  /** `DELETE …`: a goodbye is one only when every frame before it has come. */
  goodbye({ clean, code, frames, reason }: Goodbye): void {
    const missing = (frames ?? this.#up.next) - this.#up.next
    if (clean && missing !== 0) return this.lose(code, `${missing} frames before the goodbye did not come: ${reason}`)
    this.#end({ clean, code, reason })
  }

  readonly #flush = (): void => {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    if (this.#poll === undefined) return
    if (!this.#down.isEmpty) return this.#answerPoll(Answer.frames(this.#down.batch()))
    // Every frame has arrived, so this is the moment of the goodbye.
    if (this.#closing !== undefined) this.#end(this.#closing)
  }

  #answerPoll(answer: Answer.Answer): void {
    if (this.#poll === undefined) return
    const { reply, timer } = this.#poll
    clearTimeout(timer)
    this.#poll = undefined
    reply(answer)
  }

  #touch(): void {
    this.#idle.refresh()
  }

  /** `isGoodbye` is what the source will be told. */
  #end(closed: LinkClosed, isGoodbye = closed.clean): void {
    if (this.#inbox.closed !== undefined) return
    clearTimeout(this.#idle)
    clearTimeout(this.#deadline)
    clearImmediate(this.#flushing)
    const goodbye = { ...closed, clean: isGoodbye, reason: closed.reason.slice(0, REASON_LENGTH) }
    this.#inbox.close(closed)
    this.#answerPoll(Answer.sessionClosed(goodbye))
    for (const reply of this.#waiting) reply(Answer.sessionClosed(goodbye))
    this.#waiting.clear()
    this.#up.clear()
    this.#down.clear()
    this.#options.onEnd(goodbye)
    this.#tellEnded()
  }
}
