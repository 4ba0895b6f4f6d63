/** The contract's containers on a real engine. */
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { type Play, type PlayContainer, type PlaySpec, scriptOf, stepsOf, type Write } from "./Play.ts"

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
  const steps = stepsOf(spec)
  let said = 0
  /** Waits until the whole lines of all parts so far are stored, on top of what was there before it started. */
  const stored = async (parts: ReadonlyArray<ReadonlyArray<Write>>, before: number) => {
    if (spec.logDriver === "none") return
    const bytes = before + lineBytes(parts.flat())
    while ((await logBytes(engine, container.id, spec.tty ?? false)) < bytes) await new Promise(setImmediate)
  }
  const nextPart = () => post("kill?signal=USR1")
  let before = 0
  const begin = async (action: () => Promise<void>) => {
    before = spec.logDriver === "none" ? 0 : await logBytes(engine, container.id, spec.tty ?? false)
    said = 0
    await action()
    for (let step = 1; step < steps.length; step++) {
      await stored(steps.slice(0, step), before)
      await nextPart()
    }
    if (spec.later === undefined) await container.wait()
    else await stored(steps, before)
  }
  return {
    id: container.id,
    name: container.name,
    command: ["/bin/sh", "-c", script],
    start: () => begin(container.start),
    say: async () => {
      await nextPart()
      said += 1
      await stored([...steps, ...(spec.later ?? []).slice(0, said)], before)
    },
    stop: () => post("stop?t=10"),
    kill: () => post("kill"),
    restart: () => begin(() => post("restart?t=10")),
    pause: () => post("pause"),
    unpause: () => post("unpause"),
    rename: (name) => post(`rename?name=${name}`),
    remove: async () => {
      await container.remove()
      forget()
    },
  }
}

/** How much of these writes is whole lines, and so stored for certain. */
const lineBytes = (writes: ReadonlyArray<Write>): number =>
  (["stdout", "stderr"] as const)
    .map((wanted) => Buffer.concat(writes.filter(([stream]) => stream === wanted).map(([, text]) => Buffer.from(text))))
    .reduce((sum, bytes) => sum + bytes.lastIndexOf("\n") + 1, 0)

/** How much text is stored. */
const logBytes = async (engine: RealEngine, id: string, tty: boolean): Promise<number> => {
  const log = await engine.logs(id, "stdout=1&stderr=1")
  if (tty) return log.length
  let text = 0
  for (let at = 0; at < log.length; at += 8 + log.readUInt32BE(at + 4)) text += log.readUInt32BE(at + 4)
  return text
}
