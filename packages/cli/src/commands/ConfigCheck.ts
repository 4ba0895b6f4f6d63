/** Looks a config file over before a server is given it. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import * as ConfigFile from "../ConfigFile.ts"
import type { Page } from "../Help.ts"
import * as Output from "../Output.ts"
import * as Setting from "../Setting.ts"
import { keysOf, problemsOf, type SettingKey } from "../SettingKey.ts"

export const page = (called: string): Page => ({
  usage: `${called} FILE [flags]`,
  summary: "Says OK, or all that is wrong with a config file, each with its line and column.",
  text: "Files that it names are not looked for: they may be on another machine. Exit code 0 if it is good, 2 if not.",
  examples: [["Before the server is restarted", `${called} rdl.yaml`]],
})

export const file = Args.text({ name: "FILE" })

/** The command of a program that is one server: settings that are not its own are refused. */
export const make = (settings: Parameters<typeof keysOf>[0]) =>
  Command.make("check", { file }, (parsed) => report(parsed.file, keysOf(settings), true)).pipe(
    Command.withDescription(page("").summary),
  )

/** Says OK, or fails with all that is wrong; `alone` refuses what is not among the keys. */
export const report = Effect.fn("ConfigCheck.report")(function* (
  path: string,
  keys: ReadonlyArray<SettingKey>,
  alone: boolean,
) {
  const read = yield* ConfigFile.load(path)
  yield* Setting.refuse([...problemsOf(read, keys), ...(alone ? strangers(read, keys) : [])])
  return yield* Output.line("OK")
})

const strangers = ({ entries }: ConfigFile.ConfigFile, keys: ReadonlyArray<SettingKey>): ReadonlyArray<string> =>
  [...entries]
    .filter(([name]) => !keys.some((key) => key.name === name))
    .map(
      ([, { origin }]) =>
        `${origin} is a setting of another command; here are ${keys.map((key) => key.name).join(", ")}`,
    )
