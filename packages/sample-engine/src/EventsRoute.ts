/** `/events`: what is remembered, then what happens, one JSON object a line, each in a chunk of its own. */
import type { Answer } from "./Answer.ts"
import { ApiError } from "./ApiError.ts"
import { type EngineEvent, eventLine, eventMatcher, EventSubscription } from "./EngineEvents.ts"
import type { EngineState } from "./EngineState.ts"
import { parseFilters } from "./Filters.ts"
import { engineHeaders } from "./Flavour.ts"
import { chunk } from "./LogEncoding.ts"
import type { Outlet } from "./Outlet.ts"
import type { EngineRequest } from "./RequestLog.ts"
import { parsePodmanTime, parseUnixTime } from "./Timestamp.ts"

interface EventsQuery {
  readonly since: bigint | undefined
  readonly until: bigint | undefined
  readonly matches: (event: EngineEvent) => boolean
}

export const eventsAnswer = (state: EngineState, request: EngineRequest): Answer => {
  const query = parseQuery(state, request)
  return {
    status: 200,
    headers: { ...engineHeaders(state.flavour), "Content-Type": "application/json" },
    stream: true,
    body: (outlet) => {
      // Subscribed before the past is read: nothing falls between.
      const subscription = new EventSubscription(query.matches)
      state.events.subscribe(subscription)
      outlet.onClose(() => {
        state.events.unsubscribe(subscription)
        subscription.wake()
      })
      return streamEvents(state, query, subscription, outlet)
    },
  }
}

const parseQuery = (state: EngineState, { params }: EngineRequest): EventsQuery => {
  const time = (name: string): bigint | undefined => {
    const text = params.get(name) ?? ""
    if (text === "") return undefined
    return state.flavour.kind === "podman" ? parsePodmanTime(name, text, state.clock.now()) : parseUnixTime(text)
  }
  const since = time("since")
  const until = time("until")
  if (since !== undefined && until !== undefined && since > until)
    throw new ApiError(
      400,
      `\`since\` time (${params.get("since")}) cannot be after \`until\` time (${params.get("until")})`,
    )
  return { since, until, matches: eventMatcher(parseFilters(params.get("filters"), state.flavour)) }
}

const streamEvents = async (
  state: EngineState,
  { since, until, matches }: EventsQuery,
  subscription: EventSubscription,
  outlet: Outlet,
): Promise<void> => {
  const past = since === undefined && until === undefined ? [] : state.events.between(since, until).filter(matches)
  const write = (events: ReadonlyArray<EngineEvent>) =>
    events.length === 0 || outlet.write(Buffer.concat(events.map((event) => chunk(Buffer.from(eventLine(event))))))
  const over = () => outlet.closed || (until !== undefined && state.clock.now() > until)
  await write(past)
  while (!over()) {
    const timer = until === undefined ? undefined : setTimeout(subscription.wake, millisUntil(state, until))
    await subscription.wait()
    clearTimeout(timer)
    await write(subscription.take())
  }
  outlet.end()
}

/** Node's timers take no more than 2^31 ms; a longer wait is taken up again. */
const millisUntil = (state: EngineState, until: bigint): number =>
  Math.min(Number((until - state.clock.now()) / 1_000_000n) + 1, 2 ** 31 - 1)
