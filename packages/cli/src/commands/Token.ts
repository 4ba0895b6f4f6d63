/** `rdl token`: issues and shows tokens. */
import * as Command from "@effect/cli/Command"
import type { Page } from "../Help.ts"
import { inspect } from "./TokenInspect.ts"
import { issue } from "./TokenIssue.ts"

/** The group. */
export const page: Page = { usage: "rdl token COMMAND", summary: "Issues tokens, and shows what is in them." }

export const command = Command.make("token").pipe(
  Command.withDescription(page.summary),
  Command.withSubcommands([issue, inspect]),
)
