/** A router that counts and paces every log that leaves, whichever route it leaves by. */
import type { RequestRouter, RoutedLog, User } from "@rdl/core/routing/RequestRouter"
import { Effect, type Scope } from "effect"
import * as Metrics from "./Metrics.ts"
import type { Throttle } from "./Throttle.ts"
import * as Visit from "./Visit.ts"

/** The same router; what is read of its logs is paid for by user and source, and put to the account of the visit. */
export const make = (router: RequestRouter["Type"], throttle: Throttle): RequestRouter["Type"] => ({
  ...router,
  logs: (user, ref, request) => Effect.flatMap(router.logs(user, ref, request), (log) => metered(log, user, throttle)),
})

const metered = (log: RoutedLog, user: User, throttle: Throttle): Effect.Effect<RoutedLog, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { container, reader } = log
    const visit = Visit.of(user)
    if (visit !== undefined && visit.containers.length < Visit.MAX_CONTAINERS) visit.containers.push(container)
    const meter = yield* Effect.acquireRelease(
      Effect.sync(() => {
        Metrics.streamsChanged(1)
        return throttle.meter(user.claims.sub, container.source, (bytes) => reader.consumed(bytes))
      }),
      ({ close }) =>
        Effect.sync(() => {
          Metrics.streamsChanged(-1)
          close()
        }),
    )
    const consumed = (bytes: number) => {
      Metrics.logBytes(bytes)
      if (visit !== undefined) visit.bytes += bytes
      meter.consumed(bytes)
    }
    const start: typeof reader.start = (handlers) =>
      reader.start({
        ...handlers,
        onEnd: (result) => {
          if ("_tag" in result) {
            Metrics.logBroke()
            if (visit !== undefined) visit.broken = true
          }
          handlers.onEnd(result)
        },
      })
    return { ...log, reader: { ...reader, consumed, start } }
  })
