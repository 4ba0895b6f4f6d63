/** A small tool on the typed client: how many lines each container of the fleet wrote to stderr in the last hour. */
import { RdlClient } from "@rdl/core/api/RdlClient"
import { Effect, Stream } from "effect"

export const errorCounts = Effect.gen(function* () {
  const client = yield* RdlClient
  const containers = yield* client.containers({ names: ["*"] })
  return yield* Effect.forEach(
    containers,
    ({ name, source }) =>
      client.entries(`${source}/${name}`, { since: "1h", stdout: false }).pipe(
        Stream.filter((entry) => "line" in entry),
        Stream.runCount,
        Effect.map((lines) => ({ container: `${source}/${name}`, lines })),
      ),
    { concurrency: 8 },
  )
})
