/** What this process holds, without what it merely has not thrown away yet. */
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

const collect = ((): (() => void) => {
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc") as () => void
})()

/** Buffers are freed a moment after they were collected, and what held them is in the way until then. */
export const memoryUsage: Effect.Effect<NodeJS.MemoryUsage> = Effect.sync(collect).pipe(
  Effect.zipRight(Effect.sleep("20 millis")),
  Effect.repeatN(2),
  Effect.map(() => process.memoryUsage()),
)
