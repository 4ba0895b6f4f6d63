/** `rdl sources`: the sources of a proxy, and how their links are. */
import * as Command from "@effect/cli/Command"
import * as DurationWords from "@rdl/core/model/DurationWords"
import type { SourceStatus } from "@rdl/core/model/SourceStatus"
import { Clock, Effect } from "effect"
import type { Page } from "../Help.ts"
import * as Output from "../Output.ts"
import * as OutputFormat from "../OutputFormat.ts"
import * as ProxyAccess from "../ProxyAccess.ts"
import * as Setting from "../Setting.ts"
import * as Table from "../Table.ts"

export const page: Page = {
  usage: "rdl sources [flags]",
  summary: "Lists the sources, and how their links are.",
  examples: [
    ["All that you may see", "rdl sources"],
    [
      "Those that are offline, for a program",
      "rdl sources --output json | jq -r '.[] | select(.connected | not) | .name'",
    ],
  ],
}

const settings = Setting.all({ output: OutputFormat.setting, ...ProxyAccess.settings })

export const command = Command.make("sources", { settings }, (parsed) =>
  Effect.gen(function* () {
    const given = yield* parsed.settings
    yield* ProxyAccess.withClient(given, (client) =>
      Effect.gen(function* () {
        const sources = yield* client.sources
        const now = yield* Clock.currentTimeMillis
        yield* given.output === "json"
          ? Output.json(sources)
          : Output.out(
              Table.render(
                HEAD,
                sources.map((source) => row(source, now)),
              ),
            )
      }),
    )
  }),
).pipe(Command.withDescription(page.summary))

const HEAD = ["SOURCE", "STATUS", "LINK", "RTT", "CLOCK", "ENGINE", "READERS", "CONTAINERS", "VERSION"]

const row = (source: SourceStatus, now: number): ReadonlyArray<string> => [
  source.name,
  `${source.connected ? "Connected" : "Offline"} ${DurationWords.speak((now - Date.parse(source.since)) / 1000).toLowerCase()}`,
  way(source),
  source.rttMs === null ? "-" : `${source.rttMs < 10 ? source.rttMs.toFixed(1) : Math.round(source.rttMs)} ms`,
  source.clockSkewMs === null ? "-" : skew(source.clockSkewMs),
  source.engine === null ? "unreachable" : `${source.engine.kind} ${source.engine.version}`,
  source.readers?.join(", ") ?? "-",
  String(source.containers),
  source.version,
]

const way = ({ transport, transportWhy }: SourceStatus): string => {
  if (transport === null) return "-"
  return transportWhy === null ? transport : `${transport} (${Table.shorten(transportWhy, 80)})`
}

/** Half a second is what a handshake over a slow path may look like. */
const skew = (ms: number): string => {
  if (Math.abs(ms) < 500) return "ok"
  return `${DurationWords.speak(Math.abs(ms) / 1000).toLowerCase()} ${ms > 0 ? "ahead" : "behind"}`
}
