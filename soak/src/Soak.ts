/** Lets logs flow while faults strike, then settles the accounts: every line came once, or a gap said that it is gone. */
import type { Container } from "@rdl/sample-engine/Container"
import { Duration, Effect, Fiber, FiberSet, RuntimeFlags, RuntimeFlagsPatch } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Account, lineOf } from "./Account.ts"
import { Dice } from "./Dice.ts"
import * as Faults from "./Faults.ts"
import { Follow } from "./Follow.ts"
import * as Reading from "./Reading.ts"
import * as World from "./World.ts"

export interface Plan {
  readonly sources: number
  readonly containersPerSource: number
  readonly followsPerContainer: number
  /** How long faults strike, and how often. In milliseconds. */
  readonly lasting: number
  readonly betweenFaults: number
  readonly betweenProxyRestarts: number
  readonly betweenReadings: number
  readonly seed: number
  readonly say: (text: string) => void
}

/** 20 sources with two containers each, of which each is followed by five users. */
export const full: Omit<Plan, "lasting" | "seed" | "say"> = {
  sources: 20,
  containersPerSource: 2,
  followsPerContainer: 5,
  betweenFaults: 400,
  betweenProxyRestarts: 45_000,
  betweenReadings: 10_000,
}

export interface Outcome {
  readonly accounts: ReadonlyArray<Account>
  readonly written: number
  /** How often each fault struck. */
  readonly struck: ReadonlyMap<string, number>
  readonly readings: ReadonlyArray<Reading.Reading>
  /** What was held when all was over. */
  readonly last: Reading.Reading
  /** What went wrong that is no line: a log without its end, a stream that stayed. */
  readonly problems: ReadonlyArray<string>
}

/** Lines a second of each container, their length, and what its engine keeps of them. */
const LINES_A_SECOND = 10
const PADDING = "x".repeat(400)
const KEPT_BYTES = 512 * 1024
/** As its engine is told: a source that knows of no rotation takes a follow at its word. */
const ROTATES = { "max-size": "256k", "max-file": "2" }
/** So many are there at the beginning, half of what an engine keeps. */
const PREFILL = 400
/** One tick in so many brings a burst of so many lines at once. */
const BURST = { oneIn: 400, lines: 300 }
const TICK_MS = 100
/** Users, so that none reads more logs than one may. */
const USERS = 4
/** How long what was written last may take to come, once nothing is wrong any more. */
const PATIENCE = "90 seconds"
/** New faults in accounts that are told with a reading. */
const SAID_AT_ONCE = 5

interface Log {
  readonly container: Container
  readonly follows: ReadonlyArray<Follow>
  written: number
}

/** Runs it; fails never, the outcome says what came of it. */
export const run = (plan: Plan): Effect.Effect<Outcome> =>
  Effect.scoped(soak(plan)).pipe(Effect.withRuntimeFlagsPatch(RuntimeFlagsPatch.enable(RuntimeFlags.RuntimeMetrics)))

const soak = Effect.fnUntraced(function* (plan: Plan) {
  const dice = new Dice(plan.seed)
  const world = yield* World.start(plan.sources)
  yield* world.settled
  const logs = yield* openLogs(plan, world)
  const follows = logs.flatMap((log) => log.follows)
  const reading = yield* Effect.fork(Effect.promise(() => Promise.all(follows.map((follow) => follow.run()))))
  yield* Effect.addFinalizer(() => Effect.sync(() => follows.forEach((follow) => follow.stop())))
  const isFlowing = () => follows.every(({ account }) => account.upTo >= PREFILL)
  yield* until(isFlowing).pipe(Effect.timeoutOption(PATIENCE))
  plan.say(`${follows.length} follows of ${logs.length} containers of ${plan.sources} sources; faults begin`)

  const writing = yield* Effect.fork(write(logs, dice))
  const containers = new Map(
    world.edges.map(({ engine, name }) => [name, engine.containers.filter(({ running }) => running)] as const),
  )
  const readings: Array<Reading.Reading> = []
  const watching = yield* Effect.fork(watch(plan, world, logs, readings))
  const struck = yield* strikeAll(plan, { world, dice, follows, containers })
  yield* Fiber.interrupt(watching)
  yield* Fiber.interrupt(writing)
  plan.say("faults are over; the rest has to come")

  const problems = yield* settle(logs, world, reading)
  const last = yield* Reading.take
  if (last.streams > 0) problems.push(`${last.streams} streams are left although nobody reads`)
  if (last.credit > world.edges.length * INVENTORY_CREDIT) problems.push(`${last.credit} bytes of credit stay lent`)
  const accounts = follows.map(({ account }) => account)
  return { accounts, written: logs.reduce((sum, log) => sum + log.written, 0), struck, readings, last, problems }
})

/** What the stream of a source's inventory holds for as long as it is linked: the least window, grown by lists at most once. */
const INVENTORY_CREDIT = 512 * 1024

const openLogs = Effect.fnUntraced(function* (plan: Plan, world: World.World) {
  const tokens = yield* Effect.forEach(Array.from({ length: USERS }), (_, at) => world.user(`user-${at + 1}`))
  const logs: Array<Log> = []
  for (const { engine, name } of world.edges)
    for (let at = 1; at <= plan.containersPerSource; at++) {
      const container = engine.createContainer({ name: `app-${at}`, maxLogBytes: KEPT_BYTES, logOptions: ROTATES })
      const ref = `${name}/app-${at}`
      const follows = Array.from({ length: plan.followsPerContainer }, (_, reader) => {
        const place = { port: world.port, token: tokens[(logs.length + reader) % USERS]!, container: ref }
        return new Follow(new Account(`${ref}, reader ${reader + 1}`), place)
      })
      logs.push({ container, follows, written: 0 })
    }
  for (const log of logs) append(log, PREFILL)
  return logs
})

const append = (log: Log, lines: number): void => {
  for (let left = lines; left > 0; left--) {
    log.container.log("stdout", lineOf(log.written, PADDING))
    log.written += 1
  }
}

/** Never ends. */
const write = Effect.fnUntraced(function* (logs: ReadonlyArray<Log>, dice: Dice) {
  for (;;) {
    for (const log of logs) {
      append(log, (LINES_A_SECOND * TICK_MS) / 1000)
      if (dice.between(1, BURST.oneIn) === 1) append(log, BURST.lines)
    }
    yield* Effect.sleep(TICK_MS)
  }
})

const watch = (plan: Plan, world: World.World, logs: ReadonlyArray<Log>, readings: Array<Reading.Reading>) => {
  const told = new Set<string>()
  const lag = monitorEventLoopDelay()
  lag.enable()
  return Effect.gen(function* () {
    yield* Effect.sleep(plan.betweenReadings)
    const taken = yield* Reading.take
    readings.push(taken)
    const accounts = logs.flatMap(({ follows }) => follows.map(({ account }) => account))
    const sum = (of: (account: Account) => number) => accounts.reduce((total, account) => total + of(account), 0)
    const sentences = accounts.flatMap((account) => account.sentences)
    for (const sentence of sentences.filter((one) => !told.has(one)).slice(0, SAID_AT_ONCE)) plan.say(`! ${sentence}`)
    for (const sentence of sentences) told.add(sentence)
    plan.say(
      `${readings.length}: ${sum((a) => a.delivered)} lines, ${sum((a) => a.gone)} told gone, ${sum((a) => a.wrong)} wrong; ` +
        `${(taken.rss / 2 ** 20).toFixed(0)} MiB, heap ${(taken.heap / 2 ** 20).toFixed(1)} MiB, ${taken.files} files, ${taken.fibers} fibers, ${taken.streams} streams, ${yield* world.linked} links, at most ${(lag.max / 1e6).toFixed(0)} ms late`,
    )
    lag.reset()
  }).pipe(Effect.forever)
}

const strikeAll = Effect.fnUntraced(function* (plan: Plan, stage: Faults.Stage) {
  const struck = new Map(Faults.NAMES.map((name) => [name, 0]))
  const count = (name: string) => struck.set(name, (struck.get(name) ?? 0) + 1)
  const running = yield* FiberSet.make()
  const edgeFaults = Faults.NAMES.filter((name) => name !== Faults.PROXY_RESTART)
  const one = Effect.suspend(() => {
    const name = stage.dice.pick(edgeFaults) ?? ""
    return FiberSet.run(
      running,
      Effect.map(Faults.strike(stage, name), (did) => did && count(name)),
    )
  })
  const often = Effect.forever(Effect.delay(one, Duration.millis(plan.betweenFaults)))
  // In a fiber of its own, so that the end of the faults does not leave a proxy that is down.
  const restart = FiberSet.run(
    running,
    Effect.tap(Faults.restartProxy(stage), () => count(Faults.PROXY_RESTART)),
  )
  const restarts = Effect.forever(Effect.delay(restart, Duration.millis(plan.betweenProxyRestarts)))
  yield* Effect.timeoutOption(Effect.all([often, restarts], { concurrency: 2 }), Duration.millis(plan.lasting))
  yield* FiberSet.awaitEmpty(running)
  return struck
}, Effect.scoped)

/** Waits for what was written last, ends the containers, and waits for the ends. */
const settle = Effect.fnUntraced(function* (
  logs: ReadonlyArray<Log>,
  world: World.World,
  reading: Fiber.Fiber<unknown>,
) {
  const problems: Array<string> = []
  const inTime = (what: string, done: Effect.Effect<unknown>) =>
    Effect.map(Effect.timeoutOption(done, PATIENCE), (came) => came._tag === "Some" || problems.push(what))
  yield* inTime("not every source linked again", world.settled)
  const isThere = (log: Log) => log.follows.every(({ account }) => account.upTo >= log.written)
  yield* until(() => logs.every(isThere)).pipe(Effect.timeoutOption(PATIENCE))
  for (const log of logs) {
    for (const { account } of log.follows) account.close(log.written)
    log.container.exit()
  }
  yield* inTime("not every follow ended with its container", Fiber.join(reading))
  const open = () => world.edges.reduce((sum, { engine }) => sum + logsOf(engine), 0)
  yield* until(() => open() === 0).pipe(Effect.timeoutOption("20 seconds"))
  if (open() > 0) problems.push(`${open()} logs are still read at the engines`)
  for (const { account } of logs.flatMap(({ follows }) => follows))
    if (!account.isEnded) problems.push(`${account.name}: the end was not told`)
  return problems
})

const logsOf = ({ openStreams }: World.Edge["engine"]): number =>
  [...openStreams].filter(({ path }) => path.endsWith("/logs")).length

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.sync(condition).pipe(
    Effect.flatMap((so) => (so ? Effect.succeed(true) : Effect.as(Effect.sleep("20 millis"), false))),
    Effect.repeat({ until: (so) => so }),
    Effect.asVoid,
  )
