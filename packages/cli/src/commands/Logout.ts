/** `rdl logout`: forgets what `rdl login` saved. */
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import * as DockerConfig from "../DockerConfig.ts"
import type { Page } from "../Help.ts"
import * as Login from "../Login.ts"
import * as Setting from "../Setting.ts"
import * as StateDirectory from "../StateDirectory.ts"

export const page: Page = {
  usage: "rdl logout [flags]",
  summary: "Forgets the proxy and the token of rdl login, and what rdl docker wrote down of them.",
}

export const command = Command.make(
  "logout",
  { settings: Setting.all({ stateDir: StateDirectory.setting }) },
  ({ settings }) =>
    Effect.flatMap(settings, ({ stateDir }) =>
      Effect.zipRight(DockerConfig.remove(stateDir), StateDirectory.remove(stateDir, Login.CHOSEN)),
    ),
).pipe(Command.withDescription(page.summary))
