import { describe, expect, it } from "@effect/vitest"
import type { Reading } from "../src/Reading.ts"
import * as Verdict from "../src/Verdict.ts"

const MiB = 1024 * 1024

const reading = (over: Partial<Reading>): Reading => ({
  rss: 300 * MiB,
  heap: 90 * MiB,
  buffers: 50 * MiB,
  files: 900,
  fibers: 2_500,
  handles: 1_900,
  streams: 200,
  credit: 50 * MiB,
  ...over,
})

const readings = (of: (at: number) => Partial<Reading>) => Array.from({ length: 50 }, (_, at) => reading(of(at)))

const growing = (rows: ReadonlyArray<Verdict.Row>) => rows.filter(({ isLevel }) => !isLevel).map(({ what }) => what)

describe("The verdict", () => {
  it("is good over what goes up and down, and over a warm-up", () => {
    const rows = Verdict.compare(
      readings((at) => ({ heap: (at < 8 ? 20 : 90 + 20 * Math.sin(at)) * MiB, files: 900 + (at % 7) * 20 })),
    )
    expect(growing(rows)).toEqual([])
  })

  it.each([
    ["rss", 4 * MiB],
    ["heap", MiB],
    ["files", 10],
    ["fibers", 20],
  ] as const)("names %s where each reading has a little more of it", (what, each) => {
    const rows = Verdict.compare(readings((at) => ({ [what]: reading({})[what] + at * each })))
    expect(growing(rows)).toEqual([what])
    expect(Verdict.render(rows)).toMatch(new RegExp(`^${what} .* GROWS$`, "m"))
  })
})
