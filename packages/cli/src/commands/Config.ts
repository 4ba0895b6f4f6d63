/** `rdl config`: what can be done with config files. */
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import { UsageError } from "../Failure.ts"
import type { Page } from "../Help.ts"
import * as HostPlace from "../HostPlace.ts"
import * as OutputFormat from "../OutputFormat.ts"
import * as Setting from "../Setting.ts"
import { keysOf, type SettingKey } from "../SettingKey.ts"
import * as StateDirectory from "../StateDirectory.ts"
import * as ConfigCheck from "./ConfigCheck.ts"
import * as Proxy from "./Proxy.ts"
import * as Source from "./Source.ts"

export const page: Page = {
  usage: "rdl config COMMAND",
  summary: "Looks config files over.",
}

export const check = Command.make(
  "check",
  {
    file: ConfigCheck.file,
    settings: Setting.all({
      proxy: Setting.toggle("proxy", "The file is for a proxy alone: other settings are refused"),
      source: Setting.toggle("source", "The file is for a source alone: other settings are refused"),
    }),
  },
  (parsed) =>
    Effect.gen(function* () {
      const { proxy, source } = yield* parsed.settings
      if (proxy && source)
        return yield* new UsageError({ detail: "give --proxy or --source; neither, for a file that serves both" })
      const keys = proxy ? keysOf(Proxy.settings) : source ? keysOf(Source.settings) : all()
      return yield* ConfigCheck.report(parsed.file, keys, proxy || source)
    }),
).pipe(Command.withDescription(ConfigCheck.page("").summary))

export const command = Command.make("config").pipe(
  Command.withDescription(page.summary),
  Command.withSubcommands([check]),
)

/** Each name once: what two commands have in common they read alike. */
const all = (): ReadonlyArray<SettingKey> => {
  const others = { host: HostPlace.setting, output: OutputFormat.setting, stateDir: StateDirectory.setting }
  const keys = [Proxy.settings, Source.settings, others].flatMap(keysOf)
  return [...new Map(keys.map((key) => [key.name, key])).values()]
}
