/** `rdl token`: issues, shows and revokes tokens. */
import * as Command from "@effect/cli/Command"
import type { Page } from "../Help.ts"
import { inspect } from "./TokenInspect.ts"
import { issue } from "./TokenIssue.ts"
import { revoke } from "./TokenRevoke.ts"

/** The group. */
export const page: Page = { usage: "rdl token COMMAND", summary: "Issues, shows and revokes tokens." }

export const command = Command.make("token").pipe(
  Command.withDescription(page.summary),
  Command.withSubcommands([issue, inspect, revoke]),
)
