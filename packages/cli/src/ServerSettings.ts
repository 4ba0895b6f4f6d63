/** The settings that the commands which serve share. */
import * as EngineAddress from "@rdl/source/EngineAddress"
import { Effect, Either } from "effect"
import { CommandFailed } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"
import * as Setting from "./Setting.ts"

/** Where to listen. */
export const listen = (otherwise: string) =>
  Setting.withDefault(
    "listen",
    { value: "HOST:PORT", description: `Where to listen; default ${otherwise}`, parse: ListenAddress.parse },
    () => Either.getOrThrow(ListenAddress.parse(otherwise)),
  )

/** Which engine; undefined = whichever of the usual sockets is there. */
export const engine = Setting.withDefault(
  "engine",
  {
    value: "URL",
    env: "DOCKER_HOST",
    description:
      "The container engine: unix:///path, a path or tcp://host:port; default: the usual sockets of Docker and Podman",
    parse: (text) =>
      Either.mapBoth(EngineAddress.parse(text, process.env), {
        onLeft: ({ detail }) => `is no engine: ${detail}`,
        onRight: () => text,
      }),
  },
  () => undefined,
)

/** Fails where an engine is there and cannot be used, now or later: waiting would not help. */
export const checkEngine = (named: string | undefined): Effect.Effect<void, CommandFailed> =>
  Either.match(EngineAddress.find({ engine: named, env: process.env }), {
    onLeft: (problem) =>
      problem.reason === "not-found" || problem.reason === "silent"
        ? Effect.void
        : new CommandFailed({ detail: problem.message }),
    onRight: () => Effect.void,
  })
