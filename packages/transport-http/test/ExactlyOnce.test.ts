import { describe, expect, it } from "vitest"
import { FastCheck } from "effect"
import { DownQueue } from "../src/DownQueue.ts"
import { BATCH_BYTES } from "../src/HttpWire.ts"
import { UpReceiver, type Verdict } from "../src/UpReceiver.ts"
import { type Batch, UpSender } from "../src/UpSender.ts"
import { frame, numberOf, upTo } from "./world.ts"

/** A POST on its way: what it carried when it left, and what came of it. */
interface Post {
  readonly batch: Batch
  readonly seq: number
  readonly frames: ReadonlyArray<Uint8Array>
  verdict: Verdict | undefined
}

const finish = (up: UpSender, post: Post): void => {
  post.batch.isPosting = false
  if (post.verdict === undefined) return
  expect(up.acknowledge("ack" in post.verdict ? post.verdict.ack : post.verdict.expected)).toBe(true)
}

describe("frame numbers (protocol-http.md#numbers)", () => {
  it("bring each frame up once and in order, whatever is lost, repeated, cut smaller or overtaken", () => {
    const fate = FastCheck.constantFrom("arrives", "is lost", "answer is lost", "is cut", "arrives twice", "waits")
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.nat(70_000), { minLength: 1, maxLength: 60 }),
        FastCheck.array(fate, { maxLength: 60 }),
        (lengths, fates) => {
          const got: Array<number> = []
          const up = new UpSender(BATCH_BYTES, 2)
          const down = new UpReceiver(
            (frame) => got.push(numberOf(frame)),
            () => false,
          )
          const offer = (post: Post) => down.offer(post.seq, post.frames, (verdict) => (post.verdict = verdict))
          let under: Array<Post> = []
          for (const [n, length] of lengths.entries()) up.push(frame(n, length))
          for (let step = 0; !up.isIdle; step++) {
            expect(step).toBeLessThan(2_000)
            up.fill(0, () => undefined)
            const batch = up.ready(0)
            if (batch !== undefined) {
              batch.isPosting = true
              under.push({ batch, seq: batch.seq, frames: batch.frames, verdict: undefined })
            }
            // The newest goes first where the schedule lets one wait: they arrive reversed.
            const fate = fates[step] ?? "arrives"
            const post = fate === "waits" ? under.at(-1) : under[0]
            if (post === undefined) continue
            if (fate === "is cut") up.halve(post.batch)
            if (fate !== "is lost" && fate !== "is cut") offer(post)
            if (fate === "arrives twice") offer({ ...post })
            if (fate === "answer is lost") post.verdict = undefined
            under = under.filter((other) => other !== post)
            finish(up, post)
          }
          expect(got).toEqual(upTo(lengths.length))
        },
      ),
      { numRuns: 300 },
    )
  })

  it("let an acknowledgement end in the middle of a batch, and refuse one of frames never sent", () => {
    const up = new UpSender(BATCH_BYTES, 2)
    for (const n of upTo(4)) up.push(frame(n))
    up.fill(0, () => undefined)
    expect(up.acknowledge(3)).toBe(true)
    const rest = up.ready(0)
    expect([rest?.seq, rest?.frames.map(numberOf)]).toEqual([3, [3]])
    expect([up.acknowledge(5), up.acknowledge(4), up.isIdle]).toEqual([false, true, true])
  })

  it("keep what was sent down until it is acknowledged, and no longer", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(
          FastCheck.oneof(
            FastCheck.record({ send: FastCheck.nat(100_000) }),
            FastCheck.record({ heard: FastCheck.boolean() }),
          ),
        ),
        (steps) => {
          const queue = new DownQueue()
          const got: Array<number> = []
          let sent = 0
          const poll = (isHeard: boolean) => {
            expect(queue.acknowledge(got.length)).toBe(true)
            const { first, frames } = queue.batch()
            expect(first).toBe(got.length)
            if (isHeard) got.push(...frames.map(numberOf))
          }
          for (const step of steps) {
            if ("send" in step) queue.push(frame(sent++, step.send))
            else poll(step.heard)
          }
          for (const _ of upTo(steps.length + 1)) poll(true)
          expect(got).toEqual(upTo(sent))
          expect(queue.acknowledge(sent + 1)).toBe(false)
          expect([queue.acknowledge(sent), queue.bytes, queue.isEmpty]).toEqual([true, 0, true])
        },
      ),
    )
  })

  it("make bodies longer on a quick path and shorter on a slow one, between 64 KiB and 512 KiB", () => {
    const up = new UpSender(BATCH_BYTES, 1)
    const next = (tookMs: number): number => {
      for (const n of upTo(20)) up.push(frame(n, 32_768))
      up.fill(0, () => undefined)
      const batch = up.ready(0)
      const bytes = batch?.frames.reduce((sum, frame) => sum + frame.length, 0) ?? 0
      up.learn(bytes, tookMs)
      up.acknowledge((batch?.seq ?? 0) + (batch?.frames.length ?? 0))
      return bytes
    }
    for (const _ of upTo(5)) expect(next(10)).toBeLessThanOrEqual(BATCH_BYTES)
    expect(next(10)).toBeGreaterThan(BATCH_BYTES - 40_000)
    for (const _ of upTo(8)) next(5_000)
    expect(next(5_000)).toBeLessThanOrEqual(64 * 1024 + 12)
  })
})
