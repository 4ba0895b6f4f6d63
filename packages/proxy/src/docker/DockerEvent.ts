/** Events in the shape of Docker's API, and which of them a client wants. */
import type { SourceEvent } from "@rdl/core/routing/FleetEvents"
import * as Authorization from "@rdl/core/token/Authorization"
import type { DockerFilter } from "./DockerFilter.ts"

/** One line. The attributes are the name, the image, how it ended, and the labels that lists show. */
export const write = ({ event, source }: SourceEvent): string => {
  const { action, exitCode, id, image, labels, name, timeNano } = event
  const attributes = { ...labels, ...(exitCode === undefined ? {} : { exitCode }), image, name: `${source}/${name}` }
  const fields = JSON.stringify({
    status: action,
    id,
    from: image,
    Type: "container",
    Action: action,
    Actor: { ID: id, Attributes: Object.fromEntries(Object.entries(attributes).sort(byKey)) },
    scope: "local",
    time: Number(BigInt(timeNano) / 1_000_000_000n),
  })
  // Nanoseconds do not fit into a number, which is what they have to be.
  return `${fields.slice(0, -1)},"timeNano":${BigInt(timeNano)}}\n`
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

/** What other things than containers have happened to: nothing here. */
const OTHERS = ["config", "daemon", "network", "node", "plugin", "secret", "service", "volume"]

/** Whether an event is wanted, by the daemon's own rules; filters it does not know say nothing there either. */
export const matches = (filter: DockerFilter): ((of: SourceEvent) => boolean) => {
  const of = (name: string) => (filter.get(name)?.length === 0 ? undefined : filter.get(name))
  const isAbsent = OTHERS.some((other) => of(other) !== undefined)
  const types = of("type")
  if (isAbsent || (types !== undefined && !types.includes("container"))) return () => false
  return ({ event, source }) =>
    isAction(of("event"), event.action) &&
    (of("container")?.some((wanted) => isContainer(wanted, source, event)) ?? true) &&
    (of("label")?.every((wanted) => Authorization.hasLabel(event.labels, wanted)) ?? true) &&
    (of("image")?.some((wanted) => [event.id, event.image, untagged(event.image)].includes(wanted)) ?? true)
}

/** What the daemon takes for the beginning of an action, where one of the wanted is. */
const OPEN_ENDED = new Set(["health_status", "exec_create", "exec_start"])

const isAction = (wanted: ReadonlyArray<string> | undefined, action: string): boolean => {
  if (wanted === undefined || wanted.includes(action)) return true
  return wanted.some((one) => OPEN_ENDED.has(one)) && wanted.some((one) => action.startsWith(one))
}

/** The beginning of an id or a name is enough; a text with a slash is about `source/name`. */
const isContainer = (wanted: string, source: string, { id, name }: SourceEvent["event"]): boolean =>
  wanted.includes("/") ? `${source}/${name}`.startsWith(wanted) : id.startsWith(wanted) || name.startsWith(wanted)

const untagged = (image: string): string => image.replace(/:[^/:]*$/, "")
