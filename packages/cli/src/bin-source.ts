/** `rdl-source`: what `rdl source` is, as a program of its own, with what its operator needs beside it. */
import * as Command from "@effect/cli/Command"
import * as ConfigCheck from "./commands/ConfigCheck.ts"
import * as Health from "./commands/Health.ts"
import * as Source from "./commands/Source.ts"
import * as Help from "./Help.ts"
import * as Process from "./Process.ts"
import * as Program from "./Program.ts"

const name = "rdl-source"
const serve = Source.make("serve")
const health = Health.makeSource("health")
const check = ConfigCheck.make(Source.settings)

const program = {
  name,
  entries: () => [
    Help.leaf("", Source.page(name), serve),
    Help.leaf("health", Health.sourcePage(`${name} health`), health),
    Help.leaf("check", ConfigCheck.page(`${name} check`), check),
  ],
  command: Command.make(name).pipe(Command.withSubcommands([serve, health, check])),
  otherwise: "serve",
}

Process.run(name, Program.main(program, process.argv.slice(2)))
