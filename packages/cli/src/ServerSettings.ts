/** The settings that the commands which serve share. */
import * as EngineAddress from "@rdl/source/engine/EngineAddress"
import { Effect, Either } from "effect"
import { CommandFailed } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"
import * as Setting from "./Setting.ts"
import * as TimeSpan from "./TimeSpan.ts"

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

/** Where the engine's log files are mounted; undefined = wherever the engine keeps them, if they can be read. */
export const logDir = Setting.withDefault(
  "log-dir",
  {
    value: "DIR",
    description:
      "Where the engine's containers directory is mounted, or none: logs are read through the engine alone; default: where the engine keeps it, if it can be read",
    parse: Setting.text,
  },
  () => undefined,
)

/** The longest window there may be, in seconds. */
const MAX_WINDOW = 600

const window = (name: "resume-window" | "restart-window", what: string, otherwise: number) =>
  Setting.withDefault(
    name,
    {
      value: "TIME",
      description: `${what}; 0 = not at all, at most 10m, default ${TimeSpan.show(otherwise)}`,
      parse: (text): Either.Either<number, string> =>
        Either.filterOrLeft(
          text === "0" ? Either.right(0) : TimeSpan.parse(text),
          (seconds) => seconds <= MAX_WINDOW,
          () => "is out of range: at most 10m",
        ),
    },
    () => otherwise,
  )

/** In seconds. */
export const resumeWindow = window("resume-window", "How long a log waits for its source to link again", 120)
export const restartWindow = window(
  "restart-window",
  "How long a follow by name waits, once its container has stopped, for the next of that name",
  10,
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
