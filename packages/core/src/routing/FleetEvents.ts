/** What happens to the containers of all sources, as one stream: sources that come later join, those that come back go on. */
import { Clock, Duration, Effect, Mailbox, Option, Schema, type Scope, Stream } from "effect"
import type { ApiError } from "../api/ApiError.ts"
import type { LinkLost } from "../link/LinkLost.ts"
import * as LinkStream from "../link/LinkStream.ts"
import * as LineSplitter from "../log/LineSplitter.ts"
import { fromNanos, type LogTime, toMillis } from "../log/LogTime.ts"
import { ContainerEvent, MAX_EVENT_BYTES } from "../model/ContainerEvent.ts"
import type { SourceName } from "../model/SourceName.ts"
import * as Authorization from "../token/Authorization.ts"
import type { StreamError } from "../link/StreamError.ts"
import type { TokenRejected } from "../token/TokenVerifier.ts"
import type { User } from "./RequestRouter.ts"
import type { SourceRegistry, SourceUnavailable } from "./SourceRegistry.ts"

/** An event, and whose container it is about. */
export interface SourceEvent {
  readonly source: SourceName
  readonly event: ContainerEvent
}

/** From when and until when, both inclusive and by the engines' clocks; absent = from now on, without end. */
export interface EventSpan {
  readonly since?: LogTime
  readonly until?: LogTime
}

export interface Parts {
  readonly registry: SourceRegistry["Type"]
  readonly takeSlot: (user: string) => Effect.Effect<void, ApiError, Scope.Scope>
}

/** How often sources are looked for that have come since. */
const LOOK_EVERY = Duration.seconds(1)
/** How long a source whose events ended is left alone before it is asked again. */
const ASK_AGAIN = Duration.seconds(2)
/** How often it is looked whether the last of them has ended, once there can be no more events. */
const SOON_MS = 20
/** How much longer than `until` a source is waited for that has not said its last event. */
const UNTIL_GRACE_MS = 2_000
/** Events read and not taken yet; a reader that is further behind holds the sources up. */
const MAX_AHEAD = 256

/** Opens the events; the stream ends well only when `until` has passed, and badly when the token lapses. */
export const make = ({ registry, takeSlot }: Parts) =>
  Effect.fn("RequestRouter.events")(function* (
    user: User,
    span: EventSpan,
  ): Effect.fn.Return<Stream.Stream<SourceEvent, TokenRejected>, ApiError, Scope.Scope> {
    yield* takeSlot(user.claims.sub)
    const mailbox = yield* Mailbox.make<SourceEvent, TokenRejected>(MAX_AHEAD)
    yield* Effect.forkScoped(Effect.flatMap(user.lapsed, (rejected) => mailbox.fail(rejected)))
    yield* Effect.forkScoped(keepAsking(registry, user, span, mailbox))
    return Mailbox.toStream(mailbox)
  })

type Inbox = Mailbox.Mailbox<SourceEvent, TokenRejected>

/** Asks every source the user may know of, until `until` has passed and all have said what they have. */
const keepAsking = Effect.fnUntraced(function* (
  registry: SourceRegistry["Type"],
  user: User,
  span: EventSpan,
  mailbox: Inbox,
) {
  const asked = new Map<SourceName, Asked>()
  const openedAt = yield* Clock.currentTimeMillis
  let isFirst = true
  const last = span.until === undefined ? Infinity : toMillis(span.until)
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    for (const { loading, source, stale } of yield* registry.inventories) {
      const isThere = loading || !stale
      if (!isThere || !Authorization.permitsSource(user.claims.allow, source)) continue
      const before = asked.get(source)
      if (before?.isAsking === true || (before?.notBefore ?? 0) > now || (before !== undefined && now > last)) continue
      const one = before ?? { isAsking: false, notBefore: 0, from: span.since, isLate: !isFirst, openedAt }
      asked.set(source, one)
      one.isAsking = true
      yield* Effect.forkScoped(askOnce(registry, user, source, span, one, mailbox))
    }
    isFirst = false
    const isBusy = Array.from(asked.values()).some(({ isAsking }) => isAsking)
    if (now > last && (!isBusy || now > Math.max(last, openedAt) + UNTIL_GRACE_MS)) break
    yield* Effect.sleep(now > last ? SOON_MS : Math.min(Duration.toMillis(LOOK_EVERY), last - now + 1))
  }
  yield* mailbox.end
})

/** How it stands with one source. */
interface Asked {
  isAsking: boolean
  /** Unix milliseconds. */
  notBefore: number
  /** Where it goes on: behind the last event it told. */
  from: LogTime | undefined
  /** Events may have happened since the user began to listen: it came later, or it comes back. */
  isLate: boolean
  /** Since when nothing of it must be missed. */
  readonly openedAt: number
}

/** However it ends, it is for the next look to ask again: a source that is gone is no event. */
const askOnce = Effect.fnUntraced(function* (
  registry: SourceRegistry["Type"],
  user: User,
  source: SourceName,
  span: EventSpan,
  asked: Asked,
  mailbox: Inbox,
) {
  const since =
    asked.from ?? (asked.isLate && span.until === undefined ? yield* beginning(registry, source, asked) : undefined)
  yield* registry
    .open(source, {
      op: "events",
      scope: user.claims.allow ?? {},
      ...(since === undefined ? {} : { since }),
      ...(span.until === undefined ? {} : { until: span.until }),
    })
    .pipe(
      Effect.flatMap((reader) =>
        Stream.runForEach(eventsOf(reader), (event) => tell(user, source, event, asked, mailbox)),
      ),
      Effect.scoped,
      Effect.catchAll((error: SourceUnavailable | StreamError | LinkLost) =>
        Effect.logDebug(`the events of ${source} broke off: ${error.message}`),
      ),
    )
  asked.notBefore = (yield* Clock.currentTimeMillis) + Duration.toMillis(ASK_AGAIN)
  asked.isLate = true
  asked.isAsking = false
})

/** When the user began to listen, by the source's clock. */
const beginning = Effect.fnUntraced(function* (registry: SourceRegistry["Type"], source: SourceName, asked: Asked) {
  const status = (yield* registry.statuses).find(({ name }) => name === source)
  return fromNanos(BigInt(Math.round(asked.openedAt + (status?.clockSkewMs ?? 0))) * 1_000_000n)
})

/** Checked here as well: a source may be anyone's. */
const tell = (user: User, source: SourceName, event: ContainerEvent, asked: Asked, mailbox: Inbox) => {
  asked.from = fromNanos(BigInt(event.timeNano) + 1n)
  const subject = { source, container: { names: [event.name] as const, labels: event.labels } }
  return Authorization.permits(user.claims.allow, subject)
    ? Effect.asVoid(mailbox.offer({ source, event }))
    : Effect.void
}

const utf8 = new TextDecoder()
const decode = Schema.decodeUnknownOption(Schema.parseJson(ContainerEvent))

/** The events of one stream; what is none is passed over, and behind a line that is too long nothing is read. */
const eventsOf = (reader: LinkStream.StreamReader): Stream.Stream<ContainerEvent, StreamError | LinkLost> =>
  Stream.suspend(() => {
    let found: Array<ContainerEvent> = []
    const splitter = LineSplitter.make(MAX_EVENT_BYTES, (line) => {
      found.push(...Option.toArray(decode(utf8.decode(line))))
    })
    return LinkStream.bytes(reader).pipe(
      Stream.takeWhile((bytes) => splitter.push(bytes)),
      Stream.mapConcat(() => {
        const events = found
        found = []
        return events
      }),
    )
  })
