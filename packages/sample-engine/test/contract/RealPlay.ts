/** The contract's containers on a real engine. */
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { type Play, type PlayContainer, type PlaySpec, scriptOf } from "./Play.ts"

export const realPlay = (socket: string): Play => {
  const engine = new RealEngine(socket)
  const created = new Set<string>()
  return {
    url: `unix://${socket}`,
    image: "rdl-test:1",
    create: async (spec) => {
      const { name, tty, labels, env, logDriver, logOptions } = spec
      const script = scriptOf(spec)
      const container = await engine.create({ ...strip({ name, tty, labels, env, logDriver, logOptions }), script })
      created.add(container.id)
      return playContainer(engine, container, spec, script, () => created.delete(container.id))
    },
    close: async () => {
      for (const id of created) await engine.request("DELETE", `/containers/${id}?force=1&v=1`)
      await engine.close()
    },
  }
}

type Defined<A> = { readonly [K in keyof A]: Exclude<A[K], undefined> }

const strip = <A extends object>(options: A): Partial<Defined<A>> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<Defined<A>>

const playContainer = (
  engine: RealEngine,
  container: RealContainer,
  spec: PlaySpec,
  script: string,
  forget: () => void,
): PlayContainer => {
  const post = async (action: string) => void (await engine.request("POST", `/containers/${container.id}/${action}`))
  const settled = async () => {
    if (spec.later === undefined) {
      await container.wait()
      return
    }
    const bytes = spec.writes.reduce((sum, [, text]) => sum + Buffer.from(text).length, 0)
    while ((await logBytes(engine, container.id, spec.tty ?? false)) < bytes) await new Promise(setImmediate)
  }
  return {
    id: container.id,
    name: container.name,
    command: ["/bin/sh", "-c", script],
    start: async () => {
      await container.start()
      await settled()
    },
    say: () => post("kill?signal=USR1"),
    stop: () => post("stop?t=10"),
    kill: () => post("kill"),
    restart: () => post("restart?t=10"),
    pause: () => post("pause"),
    unpause: () => post("unpause"),
    rename: (name) => post(`rename?name=${name}`),
    remove: async () => {
      await container.remove()
      forget()
    },
  }
}

/** How much text is stored. */
const logBytes = async (engine: RealEngine, id: string, tty: boolean): Promise<number> => {
  const log = await engine.logs(id, "stdout=1&stderr=1")
  if (tty) return log.length
  let text = 0
  for (let at = 0; at < log.length; at += 8 + log.readUInt32BE(at + 4)) text += log.readUInt32BE(at + 4)
  return text
}
