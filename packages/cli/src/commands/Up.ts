/** `rdl up`: everything on one machine, to try it or to use it. */
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import type { Page } from "../Help.ts"
import * as Server from "../Server.ts"
import * as ServerSettings from "../ServerSettings.ts"
import * as Setting from "../Setting.ts"
import * as StateDirectory from "../StateDirectory.ts"

export const page: Page = {
  usage: "rdl up [flags]",
  summary: "Runs a proxy and a source for this machine's containers, in one process.",
  text: "The first run makes a key and a token and keeps them in the state directory, so that rdl ps and rdl logs work here without flags. Where no container engine is found, sample containers are shown. Runs until SIGINT or SIGTERM.",
  examples: [
    ["On this machine", "rdl up"],
    ["For others on the network as well", "rdl up --listen 0.0.0.0:7070"],
  ],
}

const settings = Setting.all({
  listen: ServerSettings.listen("127.0.0.1:7070"),
  engine: ServerSettings.engine,
  logDir: ServerSettings.logDir,
  stateDir: StateDirectory.setting,
  samples: Setting.toggle("samples", "Sample containers even where there is an engine"),
})

export const command = Command.make("up", { settings }, (parsed) =>
  Effect.gen(function* () {
    const given = yield* parsed.settings
    yield* Server.untilStopped(
      Effect.gen(function* () {
        const { startUp } = yield* Effect.promise(() => import("../UpProgram.ts"))
        yield* startUp(given)
      }),
    )
  }),
).pipe(Command.withDescription(page.summary))
