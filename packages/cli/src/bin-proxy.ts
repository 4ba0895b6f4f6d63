/** `rdl-proxy`: what `rdl proxy` is, as a program of its own, with what its operator needs beside it. */
import * as Command from "@effect/cli/Command"
import * as ConfigCheck from "./commands/ConfigCheck.ts"
import * as Health from "./commands/Health.ts"
import * as Proxy from "./commands/Proxy.ts"
import * as Help from "./Help.ts"
import * as Process from "./Process.ts"
import * as Program from "./Program.ts"

const name = "rdl-proxy"
const serve = Proxy.make("serve")
const health = Health.makeProxy("health")
const check = ConfigCheck.make(Proxy.settings)

const program = {
  name,
  entries: () => [
    Help.leaf("", Proxy.page(name), serve),
    Help.leaf("health", Health.proxyPage(`${name} health`), health),
    Help.leaf("check", ConfigCheck.page(`${name} check`), check),
  ],
  command: Command.make(name).pipe(Command.withSubcommands([serve, health, check])),
  otherwise: "serve",
}

Process.run(name, Program.main(program, process.argv.slice(2)))
