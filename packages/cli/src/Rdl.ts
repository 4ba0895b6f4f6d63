/** The `rdl` program: all its commands. */
import * as Command from "@effect/cli/Command"
import * as Config from "./commands/Config.ts"
import * as ConfigCheck from "./commands/ConfigCheck.ts"
import * as Docker from "./commands/Docker.ts"
import * as Health from "./commands/Health.ts"
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
  Help.leaf("docker", Docker.page, Docker.command),
  Help.leaf("sources", Sources.page, Sources.command),
  Help.leaf("proxy", Proxy.page("rdl proxy"), Proxy.command),
  Help.leaf("source", Source.page("rdl source"), Source.command),
  Help.leaf("login", Login.page, Login.command),
  Help.leaf("logout", Logout.page, Logout.command),
  { words: "config", page: Config.page },
  Help.leaf("config check", ConfigCheck.page("rdl config check"), Config.check),
  { words: "health", page: Health.page },
  Help.leaf("health proxy", Health.proxyPage("rdl health proxy"), Health.proxy),
  Help.leaf("health source", Health.sourcePage("rdl health source"), Health.source),
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
    Docker.command,
    Sources.command,
    Proxy.command,
    Source.command,
    Login.command,
    Logout.command,
    Config.command,
    Health.command,
    Key.command,
    Token.command,
  ]),
)

/** The program. */
export const program = { name: "rdl", entries, command: rdl }
