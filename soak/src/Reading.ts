/** What the process holds at one moment, when its garbage is gone. */
import { processBudget } from "@rdl/core/mux/CreditBudget"
import { Effect, Metric, MetricState } from "effect"
import { readdirSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

export interface Reading {
  /** Memory, in bytes: all of the process, the part that is Node's heap, and buffers outside of it. */
  readonly rss: number
  readonly heap: number
  readonly buffers: number
  /** Open files and sockets; 0 where the system does not tell. */
  readonly files: number
  readonly fibers: number
  /** Timers, sockets and what else keeps Node alive. */
  readonly handles: number
  /** Logs that users read, as the proxy counts them. */
  readonly streams: number
  /** Bytes of credit that are lent. */
  readonly credit: number
}

const collect = ((): (() => void) => {
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc") as () => void
})()

/** Buffers are freed a moment after they were collected, and what held them is in the way until then. */
export const take: Effect.Effect<Reading> = Effect.sync(collect).pipe(
  Effect.zipRight(Effect.sleep("20 millis")),
  Effect.repeatN(2),
  Effect.map(() => {
    const { arrayBuffers, heapUsed, rss } = process.memoryUsage()
    return {
      rss,
      heap: heapUsed,
      buffers: arrayBuffers,
      files: openFiles(),
      fibers: counted("effect_fiber_active"),
      handles: process.getActiveResourcesInfo().length,
      streams: counted("rdl_streams"),
      credit: processBudget.taken,
    }
  }),
)

const openFiles = (): number => {
  try {
    return readdirSync("/proc/self/fd").length
  } catch {
    return 0
  }
}

const counted = (name: string): number => {
  const state = Metric.unsafeSnapshot().find(({ metricKey }) => metricKey.name === name)?.metricState
  if (state === undefined) return 0
  if (MetricState.isGaugeState(state)) return Number(state.value)
  return MetricState.isCounterState(state) ? Number(state.count) : 0
}
