/** Which of two transports to dial by, without I/O: told how dials and links fare, and what time it is. */
import type { LinkClosed } from "./Link.ts"
import { FrameType } from "./FrameType.ts"
import { HANDSHAKE_MS } from "./LinkLimits.ts"
import type { Tap } from "./LinkTap.ts"
import { SessionCode } from "./SessionCode.ts"

export interface Terms {
  /** What people call the preferred transport, such as `WebSocket`. */
  readonly name: string
  /** A link of the preferred that is lost sooner after its opening may not be fit for use. Milliseconds. */
  readonly trialMs: number
  /** From a fall back to the next probe of the preferred, give or take a tenth. Milliseconds. */
  readonly probeMs: number
  /** The same where the preferred failed in a way that may pass soon; doubles to `probeMs`. Milliseconds. */
  readonly soonMs: number
  /** What that doubles to at most, while probes open links that come to nothing. Milliseconds. */
  readonly mostProbeMs: number
}

/** Losses in a row, each within the trial time, that the preferred is given up for. */
const MAX_EARLY_LOSSES = 2
/** Characters of a reason. */
export const MAX_WHY = 200

export class AutoLinkChoice {
  readonly #terms: Terms
  readonly #now: () => number
  readonly #random: () => number
  #why: string | undefined
  #waitMs: number
  #soonMs: number
  #probeAt = 0
  #earlyLosses = 0

  /** `now` gives milliseconds that never go back; `random` 0 to 1. */
  constructor(terms: Terms, now: () => number, random: () => number) {
    this.#terms = terms
    this.#now = now
    this.#random = random
    this.#waitMs = terms.probeMs
    this.#soonMs = terms.soonMs
  }

  /** Why the fallback is in use; undefined while the preferred is. */
  get why(): string | undefined {
    return this.#why
  }

  /** When the preferred is to be tried beside the fallback. */
  get probeAt(): number {
    return this.#probeAt
  }

  /**
   * The preferred did not come about, be it a probe or not: the fallback is in use. What `mayPass` says nothing of the
   * preferred, such as a proxy that came up between the two dials.
   */
  fallBack(reason: string, mayPass: boolean): void {
    this.#why = fit(`${this.#terms.name}: ${reason}`)
    this.#earlyLosses = 0
    this.#probeIn(mayPass ? Math.min(this.#soonMs, this.#waitMs) : this.#waitMs)
    if (mayPass) this.#soonMs = Math.min(2 * this.#soonMs, this.#terms.probeMs)
  }

  /** The next dial begins with the preferred: neither works, so nothing is known of either. */
  forget(): void {
    this.#why = undefined
    this.#soonMs = this.#terms.soonMs
  }

  /** To listen with to a link of the preferred that has just opened. A WELCOME shows that it works; how it ends, and when, whether it works well. */
  trial(): Tap {
    const openedAt = this.#now()
    const isProbe = this.#why !== undefined
    let frames = 0
    let isOver = false
    if (isProbe) this.#probeIn(this.#waitMs)
    const over = (verdict: () => void) => {
      if (!isOver) verdict()
      isOver = true
    }
    return {
      onFrame: (frame) => {
        frames += 1
        if (frames === 1 && frame[0] === FrameType.welcome) this.forget()
      },
      onGoodbye: (code) =>
        over(() => {
          if (frames === 0 && code === SessionCode.handshakeTimeout)
            this.#giveUp(`it opened, but nothing came through within ${HANDSHAKE_MS / 1000} s`, isProbe)
        }),
      onDestroy: () => over(() => {}),
      onClose: (closed) =>
        over(() => {
          if (frames === 0) this.#endedMute(closed, isProbe)
          else this.#ended(closed, this.#now() - openedAt, isProbe)
        }),
    }
  }

  #endedMute({ code, reason }: LinkClosed, isProbe: boolean): void {
    // A goodbye that only a proxy can have said: the path is not to blame.
    if (PROXY_SAID.has(code)) return
    this.#giveUp(`it was cut before anything came (${reason})`, isProbe)
  }

  #ended({ clean }: LinkClosed, livedMs: number, isProbe: boolean): void {
    const { trialMs } = this.#terms
    if (livedMs >= trialMs) {
      this.#earlyLosses = 0
      this.#waitMs = this.#terms.probeMs
    } else if (!clean) {
      this.#earlyLosses += 1
      if (isProbe) this.#giveUp(`it was cut within ${trialMs / 1000} s of opening`, isProbe)
      else if (this.#earlyLosses >= MAX_EARLY_LOSSES)
        this.#giveUp(`it was cut ${MAX_EARLY_LOSSES} times within ${trialMs / 1000} s of opening`, isProbe)
    }
  }

  /** A probe that had opened costs an interruption, so the next comes later. */
  #giveUp(reason: string, isProbe: boolean): void {
    if (isProbe) this.#waitMs = Math.min(2 * this.#waitMs, this.#terms.mostProbeMs)
    this.fallBack(reason, false)
  }

  #probeIn(milliseconds: number): void {
    this.#probeAt = this.#now() + milliseconds * (0.9 + 0.2 * this.#random())
  }
}

const PROXY_SAID: ReadonlySet<number> = new Set([
  SessionCode.unauthorized,
  SessionCode.replaced,
  SessionCode.shuttingDown,
  SessionCode.conflict,
])

/** One line: what is on the way may have had its say in it. */
const fit = (text: string): string => text.replaceAll(/\p{C}/gu, " ").slice(0, MAX_WHY)
