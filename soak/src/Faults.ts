/** What goes wrong: each fault strikes one place, lasts for seconds at most, and leaves everything in order behind it. */
import type { Container } from "@rdl/sample-engine/Container"
import { Effect } from "effect"
import type { Dice } from "./Dice.ts"
import type { Follow } from "./Follow.ts"
import type { Edge, World } from "./World.ts"

export interface Stage {
  readonly world: World
  readonly dice: Dice
  readonly follows: ReadonlyArray<Follow>
  /** Containers of a source, by its name. */
  readonly containers: ReadonlyMap<string, ReadonlyArray<Container>>
}

type AtEdge = (edge: Edge, stage: Stage) => Effect.Effect<void>
type AtFollow = (follow: Follow, dice: Dice) => void

const seconds = (dice: Dice, least: number, most: number) =>
  Effect.sleep(least * 1000 + dice.next() * (most - least) * 1000)

const cut =
  (how: "fin" | "rst"): AtEdge =>
  ({ relay }) =>
    Effect.sync(() => relay.dropAll(how))

/** Somewhere in the middle of a frame. */
const cutAfter: AtEdge = ({ relay }, { dice }) =>
  Effect.promise(() => relay.up.cutAfter(dice.between(1, 20_000), "rst")).pipe(Effect.timeoutOption("3 seconds"))

/** What the hole swallowed is gone, so that the connections cannot go on behind it. */
const blackhole: AtEdge = ({ relay }, { dice }) =>
  Effect.gen(function* () {
    relay.up.set({ blackhole: true })
    relay.down.set({ blackhole: true })
    yield* seconds(dice, 0.5, 4)
    relay.heal()
    relay.dropAll("rst")
  })

const slowLink: AtEdge = ({ relay }, { dice }) =>
  Effect.gen(function* () {
    relay.up.set({ latencyMs: dice.between(5, 80), jitterMs: 20, bytesPerSecond: 100_000 })
    yield* seconds(dice, 0.5, 3)
    relay.heal()
  })

const restartSource: AtEdge = ({ source }, { dice }) =>
  source.stop.pipe(Effect.zipRight(seconds(dice, 0, 1)), Effect.zipRight(source.start))

/** As a kill looks from outside: its connections break, its goodbye reaches nobody. */
const killSource: AtEdge = ({ relay, source }, { dice }) =>
  Effect.gen(function* () {
    yield* Effect.promise(() => relay.refuse())
    relay.dropAll("rst")
    yield* source.stop
    yield* seconds(dice, 0, 2)
    yield* Effect.promise(() => relay.admit())
    yield* source.start
  })

const engineAway: AtEdge = ({ engine }, { dice }) =>
  engine.down.pipe(Effect.zipRight(seconds(dice, 0.2, 3)), Effect.zipRight(Effect.orDie(engine.up)))

const cutEngine: AtEdge = ({ engine }) => Effect.sync(() => engine.cutStreams("rst"))

/** As Docker 20.10 rotates: what is old goes, and followers are given some of it again. */
const rotate: AtEdge = ({ name }, { containers, dice }) =>
  Effect.sync(() => {
    const container = dice.pick(containers.get(name) ?? [])
    container?.rotate({ drop: dice.between(0, 600), duplicate: dice.between(0, 40) })
  })

const pauseReader: AtFollow = (follow, dice) => follow.pause(dice.between(200, 5_000))
const leave: AtFollow = (follow) => follow.leave()

const atEdges: Readonly<Record<string, AtEdge>> = {
  "link closed": cut("fin"),
  "link reset": cut("rst"),
  "link cut within a frame": cutAfter,
  "link into a black hole": blackhole,
  "link slow": slowLink,
  "source restarted": restartSource,
  "source killed": killSource,
  "engine away": engineAway,
  "engine cut its answers": cutEngine,
  "log rotated": rotate,
}

const atFollows: Readonly<Record<string, AtFollow>> = { "reader slow": pauseReader, "reader hung up": leave }

export const PROXY_RESTART = "proxy restarted"

/** All there are. */
export const NAMES = [...Object.keys(atEdges), ...Object.keys(atFollows), PROXY_RESTART]

/** Lets one happen, and waits until it is over; nothing happens where the place has one already. */
export const strike = (stage: Stage, fault: string): Effect.Effect<boolean> => {
  const { dice, follows, world } = stage
  const atFollow = atFollows[fault]
  const follow = dice.pick(follows)
  if (atFollow !== undefined && follow !== undefined)
    return Effect.as(
      Effect.sync(() => atFollow(follow, dice)),
      true,
    )
  const edge = dice.pick(world.edges)
  const atEdge = atEdges[fault]
  if (edge === undefined || atEdge === undefined || edge.isBusy) return Effect.succeed(false)
  edge.isBusy = true
  return Effect.ensuring(
    Effect.as(atEdge(edge, stage), true),
    Effect.sync(() => (edge.isBusy = false)),
  )
}

/** As SIGTERM and its supervisor do it. */
export const restartProxy = ({ dice, world }: Stage): Effect.Effect<void> =>
  world.proxy.stop.pipe(Effect.zipRight(seconds(dice, 0, 1)), Effect.zipRight(world.proxy.start))
