/** The engines that tests run against, told apart: what each is decides what may be asked of it. */
import { describe } from "vitest"
import { engineSockets, podmanSocket, RealEngine } from "./RealEngine.ts"

export interface EngineFacts {
  readonly socket: string
  readonly kind: "docker" | "podman"
  /** As it says itself, such as `26.1.5+dfsg1`. */
  readonly version: string
  /** The newest API version it speaks, such as `1.45`. */
  readonly apiVersion: string
  /** Kind and the first two numbers of the version: `docker-26.1`, `podman-4.3`. */
  readonly name: string
}

interface Version {
  readonly Version: string
  readonly ApiVersion: string
  readonly Components?: ReadonlyArray<{ readonly Name: string }>
}

/** Asks each engine what it is: those of `engineSockets`, then that of `podmanSocket`. One of a version only, the first. */
export const engines = async (): Promise<ReadonlyArray<EngineFacts>> => {
  const podman = podmanSocket()
  const found = new Map<string, EngineFacts>()
  for (const socket of [...engineSockets(), ...(podman === undefined ? [] : [podman])]) {
    const facts = await factsOf(socket)
    if (!found.has(facts.name)) found.set(facts.name, facts)
  }
  return [...found.values()]
}

/** Runs a suite once for each engine, named after it; skipped, and so reported, where there is none. Await it at the top of a test file. */
export const describeEachEngine = async (
  name: string,
  suite: (engine: EngineFacts) => void,
  wanted: (engine: EngineFacts) => boolean = () => true,
): Promise<void> => {
  const found = (await engines()).filter(wanted)
  for (const engine of found.length === 0 ? [NO_ENGINE] : found)
    describe.skipIf(engine === NO_ENGINE)(`${name}, ${engine.name}`, () => {
      suite(engine)
    })
}

/** What the names of skipped tests are made with. */
const NO_ENGINE: EngineFacts = { socket: "", kind: "docker", version: "0.0", apiVersion: "1.41", name: "no engine" }

const factsOf = async (socket: string): Promise<EngineFacts> => {
  const engine = new RealEngine(socket)
  try {
    const { Version, ApiVersion, Components = [] } = await engine.json<Version>("/version")
    const kind = Components.some(({ Name }) => Name.startsWith("Podman")) ? "podman" : "docker"
    const name = `${kind}-${Version.split(".").slice(0, 2).join(".")}`
    return { socket, kind, version: Version, apiVersion: ApiVersion, name }
  } finally {
    await engine.close()
  }
}
