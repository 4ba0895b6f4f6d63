/** The contract's containers on the sample engine. */
import { Effect, Exit, Scope } from "effect"
import type { Container } from "@rdl/sample-engine/Container"
import type { FlavourName } from "@rdl/sample-engine/Flavour"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { type Play, type PlayContainer, type PlaySpec, scriptOf } from "./Play.ts"

const IMAGE = "rdl-test:1"

export const samplePlay = async (flavour: FlavourName): Promise<Play> => {
  const scope = Effect.runSync(Scope.make())
  const engine = await Effect.runPromise(SampleEngine.make({ flavour }).pipe(Scope.extend(scope)))
  return {
    url: engine.url,
    image: IMAGE,
    create: async (spec) => {
      const { writes: _writes, later: _later, ...rest } = spec
      const command = ["/bin/sh", "-c", scriptOf(spec)]
      const labels = { "rdl.test": "1", ...spec.labels }
      return playContainer(engine.createContainer({ ...rest, labels, command, image: IMAGE, state: "created" }), spec)
    },
    close: () => Effect.runPromise(Scope.close(scope, Exit.void)),
  }
}

const playContainer = (container: Container, spec: PlaySpec): PlayContainer => {
  let part = 0
  const begin = () => {
    part = 0
    for (const [stream, text] of spec.writes) container.log(stream, text)
    if (spec.later === undefined) container.exit()
  }
  return {
    id: container.id,
    get name() {
      return container.name
    },
    command: container.command,
    start: async () => {
      container.start()
      begin()
    },
    say: async () => {
      for (const [stream, text] of spec.later?.[part] ?? []) container.log(stream, text)
      part += 1
    },
    stop: async () => container.stop({ exitCode: 3 }),
    kill: async () => container.kill(),
    restart: async () => {
      container.restart({ exitCode: 3 })
      begin()
    },
    pause: async () => container.pause(),
    unpause: async () => container.unpause(),
    rename: async (name) => container.rename(name),
    remove: async () => container.remove(),
  }
}
