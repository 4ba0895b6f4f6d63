/** `rdl docker`: makes Docker's own command, or any other client of Docker, a client of the proxy. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import * as DockerConfig from "../DockerConfig.ts"
import * as DockerProgram from "../DockerProgram.ts"
import type { Page } from "../Help.ts"
import * as Output from "../Output.ts"
import * as ProxyAccess from "../ProxyAccess.ts"
import * as ProxyTls from "../ProxyTls.ts"
import * as Setting from "../Setting.ts"

export const page: Page = {
  usage: "rdl docker [flags] [-- DOCKER-ARGUMENTS]",
  summary: "Runs docker against all sources, or says how any client of Docker is pointed at them.",
  text: "What follows -- is given to the docker command of this machine. Without it, prints the line for your shell after which docker, and whatever else reads its settings, asks the proxy. The token, and the key of a certificate that is shown to the proxy, are kept in the state directory, for you alone, until rdl logout. Containers are named source/name; everything but reading is refused.",
  examples: [
    ["What runs, everywhere", "rdl docker -- ps"],
    ["Follow one log", "rdl docker -- logs -f --tail 20 edge-1/web"],
    ["For the rest of this shell", 'eval "$(rdl docker)"'],
  ],
}

const words = Args.text({ name: "DOCKER-ARGUMENTS" }).pipe(Args.repeated)

export const command = Command.make(
  "docker",
  { words, settings: Setting.all(ProxyAccess.settings) },
  ({ settings, words }) =>
    Effect.gen(function* () {
      const given = yield* settings
      const access = yield* ProxyAccess.find(given)
      const { ca, certificate } = yield* ProxyTls.read(given)
      const own = yield* DockerConfig.write(given.stateDir, access, {
        ca,
        certificate: certificate?.(),
        moreAuthorities: process.env["NODE_EXTRA_CA_CERTS"],
      })
      yield* words.length === 0
        ? Output.line(DockerConfig.exportLine(own))
        : DockerProgram.run(words, DockerConfig.environmentFor(own, process.env))
    }),
).pipe(Command.withDescription(page.summary))
