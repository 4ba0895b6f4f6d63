/** `rdl logs`: the log of one container, as `docker logs` gives it, from wherever it runs. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import type { ReadOptions } from "@rdl/core/api/RdlClient"
import { Effect, Either } from "effect"
import type { Page } from "../Help.ts"
import * as LogWriter from "../LogWriter.ts"
import * as HostPlace from "../HostPlace.ts"
import * as ListSetting from "../ListSetting.ts"
import * as OutputFormat from "../OutputFormat.ts"
import * as ProxyAccess from "../ProxyAccess.ts"
import * as Setting from "../Setting.ts"

export const page: Page = {
  usage: "rdl logs CONTAINER [flags]",
  summary: "Shows the log of a container.",
  text: "CONTAINER is source/name, source/id, or a name or id alone where only one matches. What the container wrote to standard error goes to standard error. Times are unix seconds, RFC 3339, or how long ago, such as 10m. A log goes on by itself where a connection was lost; what is gone for good is told on standard error.",
  examples: [
    ["The last lines, and what comes", "rdl logs edge-1/web -f --tail 20"],
    ["Ten minutes up to a moment, with times", "rdl logs edge-1/web -t --since 10m --until 2026-11-22T12:00:00Z"],
    ["Only what matters, searched where the log is", "rdl logs edge-1/web --since 1h --grep ERROR --exclude health"],
    ["Byte for byte what docker logs writes there", "rdl logs edge-1/web --host none > web.log 2> web.err"],
    ["For a program: one JSON object a line", "rdl logs edge-1/web --output json | jq -r 'select(.line).line'"],
  ],
}

const container = Args.text({ name: "CONTAINER" })

const time = (name: "since" | "until", what: string) =>
  Setting.flag(name, { value: "TIME", description: what, parse: Setting.text }, () => undefined)

const tail = Setting.flag(
  "tail",
  {
    value: "N",
    alias: "n",
    description: "Only the last N records (both streams counted), or all; default all",
    parse: (text): Either.Either<number | "all", string> =>
      text === "all"
        ? Either.right(text)
        : /^\d{1,9}$/.test(text)
          ? Either.right(Number(text))
          : Either.left("is neither a number nor all"),
  },
  () => "all" as const,
)

/** Searched at the source; its syntax is RE2's, and a bad one is the proxy's to name. */
const pattern = (name: "grep" | "exclude", description: string) =>
  ListSetting.flags(name, { value: "PATTERN", description, parse: Setting.text })

const settings = Setting.all({
  follow: Setting.toggle("follow", "Stay, and show what is logged from now on", "f"),
  tail,
  timestamps: Setting.toggle("timestamps", "The time before each line", "t"),
  since: time("since", "Only from this moment on"),
  until: time("until", "Only up to this moment"),
  details: Setting.toggle("details", "The attributes of the log driver before each line"),
  grep: pattern("grep", "Only lines that match PATTERN, and all others that are given"),
  exclude: pattern("exclude", "No lines that match PATTERN"),
  host: HostPlace.setting,
  output: OutputFormat.setting,
  cursors: Setting.toggle("cursors", "With --output json: where to go on after each line"),
  ...ProxyAccess.settings,
})

export const command = Command.make("logs", { container, settings }, (parsed) =>
  Effect.gen(function* () {
    const { cursors, details, exclude, follow, grep, host, output, since, tail, timestamps, until, ...given } =
      yield* parsed.settings
    const query: ReadOptions = {
      follow,
      tail,
      timestamps,
      details,
      grep,
      exclude,
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
    }
    yield* ProxyAccess.withClient(given, (client) =>
      output === "json"
        ? LogWriter.writeJson(client, parsed.container, query, cursors)
        : LogWriter.writeText(client, parsed.container, query, host),
    )
  }),
).pipe(Command.withDescription(page.summary))
