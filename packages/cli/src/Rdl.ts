/** The `rdl` program: all its commands, and how it reads what it was called with. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { Effect, Layer } from "effect"
import { stripVTControlCharacters } from "node:util"
import * as Argv from "./Argv.ts"
import * as Calling from "./Calling.ts"
import * as Key from "./commands/Key.ts"
import * as Login from "./commands/Login.ts"
import * as Logout from "./commands/Logout.ts"
import * as Logs from "./commands/Logs.ts"
import * as Proxy from "./commands/Proxy.ts"
import * as Ps from "./commands/Ps.ts"
import * as Source from "./commands/Source.ts"
import * as Sources from "./commands/Sources.ts"
import * as Token from "./commands/Token.ts"
import { inspect, inspectPage } from "./commands/TokenInspect.ts"
import { issue, issuePage } from "./commands/TokenIssue.ts"
import { revoke, revokePage } from "./commands/TokenRevoke.ts"
import * as Up from "./commands/Up.ts"
import * as Help from "./Help.ts"
import * as Output from "./Output.ts"
import type { StopSignal } from "./Process.ts"
import { version } from "./Version.ts"

const page: Help.Page = {
  usage: "rdl COMMAND [flags]",
  summary: "Remote docker logs: the logs of Docker hosts that nobody can reach from outside.",
  text: "A value comes from its flag, else its environment variable, else the config file (--config), else the default. Exit codes: 0 done, 1 failed, 2 called wrongly.",
  examples: [
    ["Try it on this machine", "rdl up"],
    ["All containers of all hosts", "rdl ps"],
    ["Follow one", "rdl logs edge-1/web -f --tail 20"],
    ["Completions for this shell (bash, zsh or fish)", "source <(rdl --completions bash)"],
  ],
}

const entries = (): ReadonlyArray<Help.Entry> => [
  { words: "", page },
  Help.leaf("up", Up.page, Up.command),
  Help.leaf("ps", Ps.page, Ps.command),
  Help.leaf("logs", Logs.page, Logs.command),
  Help.leaf("sources", Sources.page, Sources.command),
  Help.leaf("proxy", Proxy.page, Proxy.command),
  Help.leaf("source", Source.page, Source.command),
  Help.leaf("login", Login.page, Login.command),
  Help.leaf("logout", Logout.page, Logout.command),
  { words: "key", page: Key.page },
  Help.leaf("key generate", Key.generatePage, Key.generate),
  Help.leaf("key public", Key.publicPage, Key.publicHalf),
  { words: "token", page: Token.page },
  Help.leaf("token issue", issuePage, issue),
  Help.leaf("token inspect", inspectPage, inspect),
  Help.leaf("token revoke", revokePage, revoke),
]

const rdl = Command.make("rdl").pipe(
  Command.withDescription(page.summary),
  Command.withSubcommands([
    Up.command,
    Ps.command,
    Logs.command,
    Sources.command,
    Proxy.command,
    Source.command,
    Login.command,
    Logout.command,
    Key.command,
    Token.command,
  ]),
)

/** Runs the words after the program's name. */
export const main = (words: ReadonlyArray<string>): Effect.Effect<void, unknown, StopSignal> => {
  const all = entries()
  const entry = Calling.find(all, words)
  if (words[0] === "--version") return Output.line(version)
  if (Calling.asksForHelp(entry, words)) return Output.out(Help.render(entry, all))
  return Calling.check(entry, all, words).pipe(
    Effect.zipRight(
      Command.run(rdl, { name: "rdl", version, executable: "rdl" })(["node", "rdl", ...Argv.flagsFirst(words)]),
    ),
    Effect.mapError((error) =>
      ValidationError.isValidationError(error) ? Calling.explain(entry, Help.plain(error.error)) : error,
    ),
    withPlainConsole,
    Effect.provide(
      Layer.mergeAll(
        NodeFileSystem.layer,
        NodePath.layer,
        NodeTerminal.layer,
        CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }),
      ),
    ),
  )
}

/** Colours only where a terminal is; errors are told once, by the process, and in one sentence. */
const withPlainConsole = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.consoleWith((console) =>
    Effect.withConsole(program, {
      ...console,
      log: (...texts: ReadonlyArray<unknown>) => {
        const text = texts.join(" ")
        return Effect.ignore(Output.line(process.stdout.isTTY ? text : stripVTControlCharacters(text)))
      },
      error: () => Effect.void,
    }),
  )
