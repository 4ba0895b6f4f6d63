/** The life of a follow: what it brings, and when it ends. */
import { describe, expect, it } from "vitest"
import type { Subject } from "./engineContract.ts"
import type { PlayContainer, PlaySpec } from "./Play.ts"
import { ask, askWhole, frameOf, type RawAnswer } from "./RawClient.ts"

const TALKER: PlaySpec = {
  writes: [
    ["stdout", "a\n"],
    ["stderr", "b\n"],
  ],
  later: [
    [["stdout", "c\n"]],
    [
      ["stdout", "unfinished"],
      ["stderr", "d\n"],
    ],
  ],
}

const word = (answer: RawAnswer): string => answer.chunks.map((chunk) => frameOf(chunk).payload.trim()).join("")

export const followContract = (subject: Subject): void => {
  const talker = async (spec: PlaySpec = TALKER): Promise<PlayContainer> => {
    const container = await subject.play().create(spec)
    await container.start()
    return container
  }
  const follow = (container: PlayContainer, query = "") =>
    ask(subject.play().url, `/v1.41/containers/${container.id}/logs?follow=1&stdout=1&stderr=1${query}`)

  describe.concurrent("follow", () => {
    it("brings history, then what is written, and ends whole when the container stops", async () => {
      const container = await talker()
      const answer = await follow(container)
      await answer.when(() => word(answer) === "ab")
      await container.say()
      await answer.when(() => word(answer) === "abc")
      await container.say()
      await answer.when(() => word(answer) === "abcd")
      await container.stop()
      expect(await answer.whenEnded()).toBe("whole")
      // Docker 20.10 loses the last words without newline in most follows, never in the log.
      expect(word(answer)).toMatch(/^abcd(unfinished)?$/)
      const again = await askWhole(subject.play().url, `/containers/${container.id}/logs?stdout=1&stderr=1&follow=1`)
      expect(word(again)).toBe("abcdunfinished")
      await container.remove()
    })

    it("brings only what is new with tail=0, and of history what tail says", async () => {
      const container = await talker()
      const fresh = await follow(container, "&tail=0")
      const one = await follow(container, "&tail=1")
      await one.when(() => word(one) === "b")
      await container.say()
      await fresh.when(() => word(fresh) !== "")
      await one.when(() => word(one) !== "b")
      expect([word(fresh), word(one)]).toEqual(["c", "bc"])
      fresh.close()
      one.close()
      await container.remove()
    })

    it("chooses streams in what is new, too", async () => {
      const container = await talker()
      const answer = await ask(subject.play().url, `/containers/${container.id}/logs?follow=1&stderr=1`)
      await answer.when(() => word(answer) === "b")
      await container.say()
      await container.say()
      await answer.when(() => word(answer) !== "b")
      expect(word(answer)).toBe("bd")
      answer.close()
      await container.remove()
    })

    it("applies since to what is new, too", async () => {
      const container = await talker()
      const answer = await follow(container, "&since=99999999999")
      const control = await follow(container, "&tail=0")
      await container.say()
      await control.when(() => word(control) === "c")
      await container.stop()
      await answer.whenEnded()
      expect([word(answer), answer.ending]).toEqual(["", "whole"])
      await container.remove()
    })

    it("ends at until only when a later record comes", async () => {
      const container = await talker()
      const until = (Date.now() / 1000 + 0.05).toFixed(3)
      const answer = await follow(container, `&until=${until}`)
      const past = await follow(container, "&until=1&tail=0")
      await answer.when(() => word(answer) === "ab")
      while (Date.now() / 1000 <= Number(until)) await new Promise((resolve) => setTimeout(resolve, 10))
      expect([answer.ending, past.ending]).toEqual([undefined, undefined])
      await container.say()
      expect([await answer.whenEnded(), await past.whenEnded()]).toEqual(["whole", "whole"])
      expect([word(answer), word(past)]).toEqual(["ab", ""])
      await container.remove()
    })

    it("goes on over pause and rename", async () => {
      const container = await talker()
      const answer = await follow(container)
      await answer.when(() => word(answer) === "ab")
      await container.pause()
      await container.unpause()
      await container.rename(`${container.name}-renamed`)
      await container.say()
      await answer.when(() => word(answer) === "abc")
      expect(answer.ending).toBeUndefined()
      answer.close()
      await container.remove()
    })

    it("ends at a restart; the next follow brings the whole log, old and new", async () => {
      const container = await talker()
      const answer = await follow(container)
      await answer.when(() => word(answer) === "ab")
      await container.restart()
      expect(await answer.whenEnded()).toBe("whole")
      expect(word(answer)).toBe("ab")
      const next = await follow(container)
      await next.when(() => word(next) === "abab")
      await container.say()
      await next.when(() => word(next) === "ababc")
      next.close()
      await container.remove()
    })

    it("ends when the container is removed; then there is none", async () => {
      const container = await talker()
      const answer = await follow(container)
      await answer.when(() => word(answer) === "ab")
      await container.remove()
      expect(await answer.whenEnded()).toBe("whole")
      const gone = await askWhole(subject.play().url, `/containers/${container.id}/logs?stdout=1`)
      expect([gone.status, gone.json]).toEqual([404, { message: `No such container: ${container.id}` }])
    })

    it("follows a terminal without frames", async () => {
      const container = await talker({ ...TALKER, tty: true })
      const answer = await follow(container)
      await answer.when(() => answer.text === "a\r\nb\r\n")
      await container.say()
      await answer.when(() => answer.text === "a\r\nb\r\nc\r\n")
      await container.stop()
      expect(await answer.whenEnded()).toBe("whole")
      await container.remove()
    })
  })
}
