/** The source's end of a link over HTTP: POSTs what it sends, polls for what it gets, and repeats either until it is certain. */
import type { Link, LinkClosed, LinkHandlers } from "@rdl/core/link/Link"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Option, Schema } from "effect"
import * as Backoff from "./Backoff.ts"
import { DrainMark } from "./DrainMark.ts"
import type { Ask, Outcome } from "./Exchange.ts"
import * as FrameBatch from "./FrameBatch.ts"
import { Acknowledged, type Created, framesType, type Goodbye, GOODBYE_MS, REASON_LENGTH } from "./HttpWire.ts"
import { Inbox } from "./Inbox.ts"
import { type Batch, bytesOf, UpSender } from "./UpSender.ts"

/** `send` holds no more than this, in bytes; a sender that goes on regardless loses the link. */
const MAX_QUEUED = 8 * 1024 * 1024
/** A POST that has no answer by then is tried again. */
const POST_MS = 15_000
/** How much longer than the proxy means to hold it a poll may take. */
const POLL_SLACK_MS = 7_500
/** An empty answer sooner than the hold is not answered with the next poll before this. */
const EARLY_MS = 1_000

export interface Options {
  readonly ask: Ask
  readonly terms: Created
  readonly backoff: Backoff.Options
  /** Called once, when nothing of the link is under way any more. */
  readonly release: () => void
}

export interface SourceLink extends Link {
  /** Destroys the link unless it has said goodbye: then that may finish, within its second. */
  readonly abandon: (reason: string) => void
}

export const make = (options: Options): SourceLink => new OpenSourceLink(options)

class OpenSourceLink implements SourceLink {
  readonly transport = "http"
  readonly #options: Options
  readonly #inbox = new Inbox()
  readonly #mark = new DrainMark()
  readonly #up: UpSender
  #posting = 0
  #received = 0
  /** When a POST last succeeded. */
  #upSuccess = 0
  #pumping: NodeJS.Immediate | undefined
  #retry: NodeJS.Timeout | undefined
  /** Ends the pause of the poll, if there is one. */
  #wake: (() => void) | undefined
  #closing: Goodbye | undefined
  #deadline: NodeJS.Timeout | undefined
  #saidGoodbye = false

  constructor(options: Options) {
    this.#options = options
    this.#up = new UpSender(options.terms.batchBytes, options.terms.window)
    void this.#pollOn()
  }

  readonly start = (handlers: LinkHandlers): void => {
    this.#inbox.start(handlers)
    this.#wake?.()
  }

  readonly send = (frame: Uint8Array): void => {
    if (this.#closing !== undefined || this.#inbox.closed !== undefined) return
    this.#up.push(frame)
    this.#mark.rose(this.#up.queued)
    if (this.#up.queued > MAX_QUEUED) return this.destroy(`more than ${MAX_QUEUED} bytes were sent at once`)
    // Not before the end of this tick: frames sent together travel together.
    if (this.#pumping === undefined) this.#pumping = setImmediate(this.#pump)
  }

  readonly buffered = (): number => (this.#inbox.closed === undefined ? this.#up.queued : 0)

  readonly close = (code: number, reason: string): void => {
    if (this.#closing !== undefined || this.#inbox.closed !== undefined) return
    this.#closing = { clean: true, code, reason: reason.slice(0, REASON_LENGTH) }
    this.#deadline = setTimeout(() => this.#lose(code, reason), GOODBYE_MS)
    this.#pump()
  }

  readonly destroy = (reason: string): void => this.#lose(SessionCode.none, reason)

  readonly abandon = (reason: string): void => {
    if (this.#closing === undefined) this.destroy(reason)
  }

  readonly #pump = (): void => {
    this.#pumping = undefined
    clearTimeout(this.#retry)
    if (this.#inbox.closed !== undefined) return
    const now = performance.now()
    this.#up.fill(now, this.#drain)
    this.#drain()
    while (this.#posting < this.#options.terms.window) {
      const batch = this.#up.ready(now)
      if (batch === undefined) break
      void this.#post(batch)
    }
    if (this.#up.isIdle && this.#closing !== undefined) void this.#sayGoodbye(this.#closing)
    const next = this.#posting < this.#options.terms.window ? this.#up.nextReady() : undefined
    if (next !== undefined) this.#retry = setTimeout(this.#pump, Math.max(1, next - now))
  }

  readonly #drain = (): void => {
    if (this.#mark.fell(this.#up.queued)) this.#inbox.drained()
  }

  async #post(batch: Batch): Promise<void> {
    const { ask, terms } = this.#options
    const started = performance.now()
    const bytes = bytesOf(batch.frames)
    batch.since ??= started
    batch.isPosting = true
    this.#posting += 1
    const outcome = await ask({
      method: "POST",
      tail: `/${terms.session}/up?seq=${batch.seq}`,
      body: FrameBatch.join(batch.frames),
      type: framesType,
      timeoutMs: POST_MS,
    })
    batch.isPosting = false
    this.#posting -= 1
    if (this.#inbox.closed !== undefined) return
    const ack = readAck(outcome)
    if (ack !== undefined && ack >= batch.seq + batch.frames.length) {
      this.#upSuccess = performance.now()
      this.#up.learn(bytes, this.#upSuccess - started)
      this.#acknowledge(ack)
    } else this.#postFailed(batch, outcome)
    this.#pump()
  }

  #acknowledge(ack: number): void {
    if (!this.#up.acknowledge(ack)) this.#lose(SessionCode.protocol, `the proxy has ${ack} frames, more than were sent`)
  }

  #postFailed(batch: Batch, outcome: Outcome): void {
    if (this.#ended(outcome)) return
    if (outcome.is === "refusal" && outcome.error.expected !== undefined) this.#acknowledge(outcome.error.expected)
    if ("status" in outcome && outcome.status === 413) {
      if (this.#up.halve(batch)) return
      return this.#lose(0, `something on the way refuses a body of ${bytesOf(batch.frames)} bytes (413); allow 1 MiB`)
    }
    const now = performance.now()
    const since = Math.max(batch.since ?? now, this.#upSuccess)
    const ms = Backoff.wait(this.#options.backoff, batch.failures, now - since, retryAfterOf(outcome))
    if (ms === undefined) return this.#lose(0, `frames cannot be sent: ${detailOf(outcome)}`)
    batch.failures += 1
    batch.notBefore = now + ms
    // Where time was the trouble a shorter body may get through.
    if (now - since > POST_MS) this.#up.halve(batch)
  }

  async #pollOn(): Promise<void> {
    let failures = 0
    let since: number | undefined
    while (this.#inbox.closed === undefined) {
      if (this.#inbox.isFull) await this.#pause()
      const started = performance.now()
      const outcome = await this.#poll()
      if (this.#inbox.closed !== undefined) return
      if (outcome.is === "frames" || outcome.is === "nothing") {
        failures = 0
        since = undefined
        if (outcome.is === "frames") this.#take(outcome.body)
        else await this.#pace(performance.now() - started)
        continue
      }
      if (this.#ended(outcome)) return
      since ??= performance.now()
      const ms = Backoff.wait(this.#options.backoff, failures, performance.now() - since, retryAfterOf(outcome))
      if (ms === undefined) return this.#lose(0, `the proxy cannot be polled: ${detailOf(outcome)}`)
      failures += 1
      await this.#pause(ms)
    }
  }

  #poll(): Promise<Outcome> {
    const { session, pollMs } = this.#options.terms
    const timeoutMs = pollMs * 1.1 + POLL_SLACK_MS
    return this.#options.ask({ method: "GET", tail: `/${session}/down?ack=${this.#received}`, timeoutMs })
  }

  /** Something on the way that answers polls with 204 by itself must not make this spin. */
  #pace(tookMs: number): Promise<void> {
    const { pollMs } = this.#options.terms
    return tookMs < pollMs / 2 ? this.#pause(Math.min(EARLY_MS, pollMs / 2)) : Promise.resolve()
  }

  /** Until the time is over, or `start` has come, or the link has ended. */
  #pause(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #take(body: Uint8Array): void {
    try {
      const { first, frames } = FrameBatch.splitNumbered(body)
      if (first > this.#received)
        return this.#lose(SessionCode.protocol, `frame ${first} came where ${this.#received} was due`)
      const fresh = frames.slice(this.#received - first)
      this.#received += fresh.length
      for (const frame of fresh) if (this.#closing === undefined) this.#inbox.deliver(frame)
    } catch (error) {
      this.#lose(...FrameBatch.readError(error))
    }
  }

  /** Whether the answer says that the session is over; then the link is. */
  #ended(outcome: Outcome): boolean {
    if (outcome.is !== "refusal") return false
    const { error, status } = outcome
    if (error.closed !== undefined) {
      const { clean, code, reason } = error.closed
      this.#finish({ clean, code, reason })
      return true
    }
    const isOver = [400, 401, 403, 404, 410].includes(status) || (status === 409 && error.expected === undefined)
    if (isOver) this.#lose(0, `the proxy ended the session: ${error.message} (${status})`)
    return isOver
  }

  async #sayGoodbye(goodbye: Goodbye): Promise<void> {
    if (this.#saidGoodbye) return
    this.#saidGoodbye = true
    const outcome = await this.#tell(goodbye)
    const { code, reason } = goodbye
    const isHeard = outcome.is === "json" || (outcome.is === "refusal" && outcome.error.closed?.clean === true)
    this.#finish({ clean: isHeard, code, reason })
  }

  /** Within a second, as often as it takes: a kept-alive socket may have died unnoticed. */
  async #tell(goodbye: Goodbye): Promise<Outcome> {
    const { ask, backoff, terms } = this.#options
    const body = JSON.stringify({ ...goodbye, frames: this.#up.total })
    const started = performance.now()
    for (let failures = 0; ; failures++) {
      const elapsed = performance.now() - started
      const timeoutMs = Math.max(1, GOODBYE_MS - elapsed)
      const outcome = await ask({
        method: "DELETE",
        tail: `/${terms.session}`,
        body,
        type: "application/json",
        timeoutMs,
      })
      const ms = Backoff.wait({ ...backoff, giveUpMs: GOODBYE_MS }, failures, performance.now() - started, undefined)
      if (outcome.is !== "failure" || ms === undefined) return outcome
      await new Promise((resolve) => setTimeout(resolve, ms))
    }
  }

  /** Ends the link without a goodbye; the proxy is told of the loss where that is still possible. */
  #lose(code: number, reason: string): void {
    if (this.#inbox.closed !== undefined) return
    this.#inbox.close({ clean: false, code, reason })
    void this.#tell({ clean: false, code, reason: reason.slice(0, REASON_LENGTH) }).then(() => this.#end())
  }

  #finish(closed: LinkClosed): void {
    if (this.#inbox.closed !== undefined) return
    this.#inbox.close(closed)
    this.#end()
  }

  #end(): void {
    clearTimeout(this.#deadline)
    clearTimeout(this.#retry)
    this.#wake?.()
    this.#options.release()
  }
}

const decodeAck = Schema.decodeUnknownOption(Acknowledged)

const readAck = (outcome: Outcome): number | undefined =>
  outcome.is === "json" && outcome.status === 200 ? Option.getOrUndefined(decodeAck(outcome.value))?.ack : undefined

const retryAfterOf = (outcome: Outcome): number | undefined =>
  "retryAfterMs" in outcome ? outcome.retryAfterMs : undefined

const detailOf = (outcome: Outcome): string => {
  if (outcome.is === "failure") return outcome.detail
  if (outcome.is === "refusal") return `${outcome.error.message} (${outcome.status})`
  return "what answered is not the proxy: the answer is of the wrong kind"
}
