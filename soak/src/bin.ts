/** `npm run soak -- --minutes 60`: runs, prints what came of it, and exits with 1 where something is wrong. */
import { Effect } from "effect"
import { parseArgs } from "node:util"
import * as Soak from "./Soak.ts"
import * as Summary from "./Summary.ts"

const usage = (why: string): never => {
  process.stderr.write(`soak: ${why}\nusage: npm run soak -- [--minutes 60] [--seed NUMBER]\n`)
  process.exit(2)
}

const given = (() => {
  try {
    return parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } }).values
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error))
  }
})()

const minutes = Number(given.minutes ?? 60)
const seed = Number(given.seed ?? Date.now() % 1_000_000)
if (!(minutes >= 0.2 && minutes <= 10_080)) usage(`--minutes: "${given.minutes}" is not from 0.2 to 10080 (a week)`)
if (!Number.isSafeInteger(seed) || seed < 0) usage(`--seed: "${given.seed}" is no whole number`)

const lasting = minutes * 60_000
const began = performance.now()
const say = (text: string) =>
  void process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}\n`)

say(`${minutes} min, seed ${seed}`)
const outcome = await Effect.runPromise(
  // At least 30 readings, so that halves have medians.
  Soak.run({ ...Soak.full, lasting, seed, say, betweenReadings: Math.min(10_000, lasting / 30) }),
)
const { isGood, text } = Summary.of(outcome)
process.stdout.write(`${text}\n`)
process.exit(isGood ? 0 : 1)
