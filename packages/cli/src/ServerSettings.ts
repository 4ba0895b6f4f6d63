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

const path = (name: "health-file" | "tls-cert" | "tls-key", description: string) =>
  Setting.withDefault(name, { value: "FILE", description, parse: Setting.text }, () => undefined)

export const tlsCert = path("tls-cert", "The certificate, and those between it and its authority; PEM")
export const tlsKey = path("tls-key", "The certificate's private key; PEM")

/** Undefined = none is kept. */
export const healthFile = path("health-file", "The file that the source keeps for rdl health; default none")

/** Fails where an engine is there and cannot be used, now or later: waiting would not help. */
export const checkEngine = (named: string | undefined): Effect.Effect<void, CommandFailed> =>
  Either.match(EngineAddress.find({ engine: named, env: process.env }), {
    onLeft: (problem) =>
      problem.reason === "not-found" || problem.reason === "silent"
        ? Effect.void
        : new CommandFailed({ detail: problem.message }),
    onRight: () => Effect.void,
  })
