/** `rdl ps`: the containers of all sources. */
import * as Command from "@effect/cli/Command"
import type { SourceContainer } from "@rdl/core/model/Container"
import * as DurationWords from "@rdl/core/model/DurationWords"
import { Clock, Effect } from "effect"
import type { Page } from "../Help.ts"
import * as Output from "../Output.ts"
import * as OutputFormat from "../OutputFormat.ts"
import * as ProxyAccess from "../ProxyAccess.ts"
import * as Setting from "../Setting.ts"
import * as Table from "../Table.ts"

export const page: Page = {
  usage: "rdl ps [flags]",
  summary: "Lists containers, of all sources.",
  text: "Running ones, unless -a is given. A container of a source that is offline is shown as it was.",
  examples: [
    ["The web servers of some hosts", "rdl ps --source 'edge-*' --name 'web*'"],
    ["Also what has ended, of one team", "rdl ps -a --label team=shop"],
    ["For a program", "rdl ps --output json | jq -r '.[] | .source + \"/\" + .name'"],
  ],
}

const settings = Setting.all({
  all: Setting.toggle("all", "Also those that do not run", "a"),
  sources: Setting.repeated("source", "GLOB", "Only of sources with such a name"),
  names: Setting.repeated("name", "GLOB", "Only containers with such a name"),
  labels: Setting.repeated("label", "KEY[=GLOB]", "Only containers with this label; each given must be there"),
  full: Setting.toggle("no-trunc", "Nothing is shortened"),
  quiet: Setting.toggle("quiet", "Only ids", "q"),
  output: OutputFormat.setting,
  ...ProxyAccess.settings,
})

export const command = Command.make("ps", { settings }, (parsed) =>
  Effect.gen(function* () {
    const { full, output, quiet, ...given } = yield* parsed.settings
    yield* ProxyAccess.withClient(given, (client) =>
      Effect.gen(function* () {
        const containers = yield* client.containers(given)
        const now = (yield* Clock.currentTimeMillis) / 1000
        if (output === "json") yield* Output.json(containers)
        else if (quiet) yield* Output.out(containers.map(({ id }) => `${shortId(id, full)}\n`).join(""))
        else
          yield* Output.out(
            Table.render(
              HEAD,
              containers.map((container) => row(container, now, full)),
            ),
          )
      }),
    )
  }),
).pipe(Command.withDescription(page.summary))

const HEAD = ["CONTAINER ID", "SOURCE", "NAME", "IMAGE", "CREATED", "STATUS", "PORTS"]

const row = (container: SourceContainer, now: number, full: boolean): ReadonlyArray<string> => [
  shortId(container.id, full),
  container.source,
  container.names.join(","),
  full ? container.image : Table.shorten(container.image, 40),
  `${DurationWords.speak(now - container.created)} ago`,
  container.stale ? `${container.status} (source offline)` : container.status,
  portsOf(container.ports),
]

const shortId = (id: string, full: boolean): string => (full ? id : id.slice(0, 12))

/** `0.0.0.0:80->8080/tcp, 9000/tcp`. */
const portsOf = (ports: SourceContainer["ports"]): string =>
  ports
    .map(({ ip, privatePort, publicPort, type }) => {
      const host = ip === undefined ? "" : `${ip.includes(":") ? `[${ip}]` : ip}:`
      return publicPort === undefined ? `${privatePort}/${type}` : `${host}${publicPort}->${privatePort}/${type}`
    })
    .join(", ")
