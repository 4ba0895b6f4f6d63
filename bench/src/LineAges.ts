/** How long lines that say when they were written have been on their way. */

/** Where they say so: in their own words, or in the time stamp that the engine gave them. */
export type SaidBy = "words" | "stamp"

/** Milliseconds. */
export interface LatencyOutcome {
  readonly p50: number
  readonly p99: number
  readonly count: number
}

const quantile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN

export const latencyOf = (millis: Array<number>): LatencyOutcome => {
  const sorted = millis.sort((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), count: sorted.length }
}

/** Milliseconds that the lines of some bytes have been on their way. */
const agesIn = (bytes: Uint8Array, by: SaidBy): ReadonlyArray<number> => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")
  if (by === "stamp") {
    const now = performance.timeOrigin + performance.now()
    return [...text.matchAll(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})Z[ "]/g)].map(
      ([, second, fraction]) => now - Date.parse(`${second}Z`) - Number(fraction) * 1_000,
    )
  }
  const now = process.hrtime.bigint()
  return [...text.matchAll(/T(\d{6,})\./g)].map(([, written]) => Number(now - BigInt(written!)) / 1e6)
}

/** How long all follows have to give their first line, and how long they then have to settle, in milliseconds. */
const FLOW_MS = 30_000
const SETTLE_MS = 1_000

/** Begins to follow, tells of all bytes that come, and gives how to stop. */
export type Follow = (onBytes: (bytes: Uint8Array) => void) => () => void

/** The ages of the lines of several follows, counted for so many seconds, from a second after every one has had a line. */
export const measure = async (
  follows: ReadonlyArray<Follow>,
  { by, seconds }: { readonly by: SaidBy; readonly seconds: number },
): Promise<LatencyOutcome> => {
  const millis: Array<number> = []
  let counts = false
  const flowing: Array<Promise<void>> = []
  const stops = follows.map((follow) => {
    let flows = (): void => undefined
    flowing.push(new Promise((resolve) => (flows = resolve)))
    return follow((bytes) => {
      for (const age of agesIn(bytes, by)) {
        flows()
        if (counts) millis.push(age)
      }
    })
  })
  await Promise.race([Promise.all(flowing), failAfter(FLOW_MS, "not every follow had a line")])
  await pause(SETTLE_MS)
  counts = true
  await pause(seconds * 1_000)
  for (const stop of stops) stop()
  return latencyOf(millis)
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const failAfter = async (ms: number, what: string): Promise<never> => {
  await pause(ms)
  throw new Error(`${what} after ${ms / 1_000} s`)
}
