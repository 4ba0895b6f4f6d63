/** The user of a log that is resumed: how it is asked for, and what of it came. */
import { Duration, Effect } from "effect"
import type { LogNext } from "../../src/log/LogEntry.ts"
import type { LogFormat } from "../../src/log/LogQuery.ts"
import { ContainerName } from "../../src/model/Container.ts"
import type { LogFeed, LogResult } from "../../src/routing/LogFeed.ts"
import * as ResumingLog from "../../src/routing/ResumingLog.ts"
import type { TokenRejected } from "../../src/token/TokenVerifier.ts"
import * as FakeSession from "./FakeSession.ts"
import { type LogWorld, web } from "./LogWorld.ts"

/** Lets every fiber do what it can do without time going on. */
export const settle = Effect.yieldNow().pipe(Effect.repeatN(30))

export interface Given {
  readonly format?: LogFormat
  readonly byName?: boolean
  readonly resume?: { readonly cursor: string; readonly received: number }
  readonly lapsed?: Effect.Effect<TokenRejected>
  readonly scope?: { readonly containers?: ReadonlyArray<string> }
}

/** What a user got, and what of it left. */
export class User {
  bytes = 0
  taken = 0
  isWrong = false
  /** Where in the log the next byte should be from. */
  at = 0
  readonly gaps: Array<string> = []
  readonly nexts: Array<LogNext> = []
  result: LogResult | undefined
  readonly #world: LogWorld
  readonly #feed: LogFeed

  constructor(world: LogWorld, feed: LogFeed) {
    this.#world = world
    this.#feed = feed
    feed.start({
      onData: (piece) => {
        for (const byte of piece) if (byte !== world.byte(this.at++)) this.isWrong = true
        this.bytes += piece.length
      },
      onGap: (gap) => {
        this.gaps.push(gap.reason)
        this.at = world.oldest
      },
      onNext: (next) => {
        this.nexts.push(next)
        if (next.why === "recreated") this.at = world.oldest
      },
      onEnd: (result) => (this.result = result),
    })
  }

  take(bytes: number): void {
    const taken = Math.min(bytes, this.bytes - this.taken)
    this.taken += taken
    if (taken > 0) this.#feed.consumed(taken)
  }

  get held(): number {
    return this.bytes - this.taken
  }

  get isClean(): boolean {
    return this.#feed.isClean()
  }

  get hasAll(): boolean {
    return this.at === this.#world.length
  }
}

/** Opens a log as a user of `web` would, and lets it begin. */
export const reading = (world: LogWorld, given: Given = {}) =>
  Effect.gen(function* () {
    const feed = yield* ResumingLog.open({
      registry: world.registry,
      source: FakeSession.sourceName("edge-1"),
      container: web,
      request: {
        op: "logs",
        containerId: web.id,
        query: { follow: true, stdout: true, stderr: true, timestamps: false, details: false, tail: 7 },
        rendering: { format: given.format ?? "text", host: "none" },
        scope: given.scope ?? {},
        ...(given.resume === undefined ? {} : { resume: given.resume }),
      },
      name: given.byName === true ? ContainerName.make("web") : undefined,
      resumeWindow: Duration.seconds(120),
      restartWindow: Duration.seconds(10),
      lapsed: given.lapsed ?? Effect.never,
    })
    const user = new User(world, feed)
    yield* settle
    return user
  })
