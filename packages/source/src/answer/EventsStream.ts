/** Writes what happens to this machine's containers to the link: one JSON object a line, of those the asker may see. */
import { Effect, Option, Runtime, Schema } from "effect"
import type { End, OpenEvents } from "@rdl/core/link/LinkMessage"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import { toNanos } from "@rdl/core/log/LogTime"
import type { StreamError } from "@rdl/core/link/StreamError"
import { type Container, ContainerId, ContainerName } from "@rdl/core/model/Container"
import { ContainerEvent, MAX_EVENT_BYTES } from "@rdl/core/model/ContainerEvent"
import type { SourceName } from "@rdl/core/model/SourceName"
import { permits } from "@rdl/core/token/Authorization"
import { asStreamError, broken } from "./ContainerAnswer.ts"
import type { EngineClient } from "../engine/EngineClient.ts"
import type { Inventory } from "../inventory/Inventory.ts"
import * as LineRelay from "./LineRelay.ts"

/** Ends when the engine ends its events: at `until`, or because it stops. */
export const writeEvents = Effect.fn("EventsStream.write")(function* (
  client: typeof EngineClient.Service,
  inventory: typeof Inventory.Service,
  source: SourceName,
  { scope, since, until }: OpenEvents,
  writer: StreamWriter,
): Effect.fn.Return<End, StreamError> {
  const span = { since, until }
  const now = Runtime.runSync(yield* Effect.runtime())
  const relay = LineRelay.make(writer, (line) => {
    const told = read(line)
    if (told === undefined || !isWithin(told.event, span)) return undefined
    if (!client.shares({ names: [told.event.name], labels: told.attributes })) return undefined
    const event = withLabels(told, Option.getOrUndefined(now(inventory.get(told.event.id))))
    if (!permits(scope, { source, container: { names: [event.name], labels: event.labels } })) return undefined
    const written = JSON.stringify(encode(event))
    return Buffer.byteLength(written) > MAX_EVENT_BYTES ? JSON.stringify(encode({ ...event, labels: {} })) : written
  })
  yield* client.events(relay, span).pipe(Effect.mapError(asStreamError), Effect.catchAllDefect(broken))
  relay.end()
  return { reason: "eof" }
})

/** Podman gives some before and behind the span, too. */
const isWithin = ({ timeNano }: ContainerEvent, { since, until }: Pick<OpenEvents, "since" | "until">): boolean => {
  const nanos = BigInt(timeNano)
  return (since === undefined || nanos >= toNanos(since)) && (until === undefined || nanos <= toNanos(until))
}

const encode = Schema.encodeSync(ContainerEvent)

const EngineEvent = Schema.parseJson(
  Schema.Struct({
    Action: Schema.String,
    Actor: Schema.Struct({
      ID: ContainerId,
      Attributes: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
        default: () => ({}),
        nullable: true,
      }),
    }),
  }),
)
const decodeEngineEvent = Schema.decodeUnknownOption(EngineEvent)
const decodeEvent = Schema.validateOption(ContainerEvent)
const isName = Schema.is(ContainerName)

interface Told {
  readonly event: ContainerEvent
  /** The container's labels, and what the engine adds of its own. */
  readonly attributes: Readonly<Record<string, string>>
}

/** Podman's words for what Docker calls otherwise. */
const DOCKERS: Readonly<Record<string, string>> = { died: "die", remove: "destroy" }

const read = (line: string): Told | undefined => {
  const found = Option.getOrUndefined(decodeEngineEvent(line))
  if (found === undefined) return undefined
  const { Attributes: attributes, ID: id } = found.Actor
  const { exitCode, image = "", name = "" } = attributes
  const event = decodeEvent({
    id,
    action: DOCKERS[found.Action] ?? found.Action,
    name: isName(name) ? name : id.slice(0, 12),
    image,
    labels: {},
    ...(exitCode === undefined ? {} : { exitCode }),
    // A number would round it. No attribute looks like this: their values are texts.
    timeNano: /"timeNano":(\d{1,19})[,}]/.exec(line)?.[1] ?? "",
  })
  return Option.isSome(event) ? { event: event.value, attributes } : undefined
}

/** What the engine adds to a container's labels. */
const NO_LABELS = new Set([
  "name",
  "image",
  "exitCode",
  "signal",
  "oldName",
  "execID",
  "execDuration",
  "containerExitCode",
  "podId",
])

/** A container that is not listed yet, or not any more, has those labels that the event tells. */
const withLabels = ({ attributes, event }: Told, known: Container | undefined): ContainerEvent => ({
  ...event,
  labels:
    known?.labels ?? Object.fromEntries(Object.entries(attributes).filter(([attribute]) => !NO_LABELS.has(attribute))),
})
