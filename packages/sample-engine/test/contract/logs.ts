/** How a log travels: frames, chunks, timestamps, details, parts of long lines, terminals. */
import { describe, expect, it } from "vitest"
import type { Subject } from "./engineContract.ts"
import type { PlaySpec, Write } from "./Play.ts"
import { askWhole, framesOf, type RawAnswer } from "./RawClient.ts"

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z $/
const PART = 16_384

export const logsContract = (subject: Subject): void => {
  /** Runs a container to its end and reads its log. */
  const read = async (spec: PlaySpec, ...queries: ReadonlyArray<string>): Promise<ReadonlyArray<RawAnswer>> => {
    const container = await subject.play().create(spec)
    await container.start()
    const answers: Array<RawAnswer> = []
    for (const query of queries)
      answers.push(await askWhole(subject.play().url, `/v1.41/containers/${container.id}/logs?${query}`))
    await container.remove()
    return answers
  }
  const readOne = async (spec: PlaySpec, query: string): Promise<RawAnswer> => {
    const [answer] = await read(spec, query)
    if (answer === undefined) throw new Error("nothing was read")
    return answer
  }

  describe.concurrent("logs", () => {
    const TWO: ReadonlyArray<Write> = [
      ["stdout", "one\n"],
      ["stderr", "two\n"],
      ["stdout", "\n"],
      ["stdout", "no newline"],
    ]

    it("sends one frame a record and one chunk a frame", async () => {
      const answer = await readOne({ writes: TWO }, "stdout=1&stderr=1")
      expect(answer.headers["transfer-encoding"]).toBe("chunked")
      expect(framesOf(answer)).toEqual([
        { type: 1, payload: "one\n" },
        { type: 2, payload: "two\n" },
        { type: 1, payload: "\n" },
        { type: 1, payload: "no newline" },
      ])
    })

    it.each([false, true])("names the framing as this version does, with a terminal: %s", async (tty) => {
      const container = await subject.play().create({ writes: TWO, tty })
      await container.start()
      const { apiVersion, logsType } = subject.truth
      for (const version of ["1.41", "1.42", apiVersion].filter((asked) => asked <= apiVersion)) {
        const path = `/v${version}/containers/${container.id}/logs?stdout=1`
        const { headers } = await askWhole(subject.play().url, path)
        expect({ "content-type": undefined, ...logsType(version, tty) }).toEqual({
          "content-type": headers["content-type"],
        })
      }
      await container.remove()
    })

    it("sends the chosen streams only", async () => {
      const [out, err] = await read({ writes: TWO }, "stdout=1", "stderr=1&stdout=0")
      expect(out?.body.includes("two")).toBe(false)
      expect(out?.chunks).toHaveLength(3)
      expect(err?.chunks.map((bytes) => bytes.subarray(8).toString())).toEqual(["two\n"])
    })

    it("stores text without newline when the line is whole, not before", async () => {
      const answer = await readOne(
        {
          writes: [
            ["stdout", "abc"],
            ["stdout", "def\ng"],
            ["stdout", "h\n"],
          ],
        },
        "stdout=1",
      )
      expect(framesOf(answer).map(({ payload }) => payload)).toEqual(["abcdef\n", "gh\n"])
    })

    it("writes timestamps of nine digits in UTC, in the order of a stream, inside the frame", async () => {
      const before = Date.now()
      const answer = await readOne({ writes: TWO }, "stdout=1&stderr=1&timestamps=1")
      const frames = framesOf(answer)
      expect(frames.map(({ payload }) => payload.slice(31))).toEqual(["one\n", "two\n", "\n", "no newline"])
      const stamps = frames.map(({ payload }) => payload.slice(0, 31))
      for (const stamp of stamps) {
        expect(stamp).toMatch(TIMESTAMP)
        expect(Math.abs(Date.parse(stamp.trim()) - before)).toBeLessThan(60_000)
      }
      expect(stamps).toEqual([...stamps].sort())
      expect(new Set(stamps).size).toBe(4)
    })

    it("writes the attributes that the log driver keeps, sorted and escaped", async () => {
      const spec: PlaySpec = {
        name: `rdl-details-${Date.now()}`,
        writes: [["stdout", "x\n"]],
        labels: { "com.x/y": "1", k2: "v=1,k2=v é/+", unused: "3", "a!b": "(*)'~-_." },
        env: ["FOO=b a=r", "OTHER=1", "EMPTY="],
        logOptions: { labels: "com.x/y,k2,a!b,absent", env: "FOO,EMPTY", tag: "{{.Name}}" },
      }
      const [plain, stamped] = await read(spec, "stdout=1&details=1", "stdout=1&details=1&timestamps=1")
      const details = `EMPTY=,FOO=b+a%3Dr,a%21b=%28%2A%29%27~-_.,com.x%2Fy=1,k2=v%3D1%2Ck2%3Dv+%C3%A9%2F%2B,tag=${spec.name}`
      expect(plain && framesOf(plain).map(({ payload }) => payload)).toEqual([`${details} x\n`])
      expect(stamped && framesOf(stamped).map(({ payload }) => payload.slice(31))).toEqual([`${details} x\n`])
    })

    it("writes a single space for details that are none", async () => {
      const answer = await readOne({ writes: TWO, labels: { a: "1" } }, "stderr=1&details=1")
      expect(framesOf(answer)).toEqual([{ type: 2, payload: " two\n" }])
    })

    it.each([PART - 1, PART, PART + 1, 2 * PART, 40_000])("cuts a line of %i bytes at 16 KiB", async (size) => {
      const line = "a".repeat(size)
      const parts = [...Array(Math.floor((size + 1) / PART)).fill(PART), (size + 1) % PART].filter((part) => part > 0)
      const last = [...Array(Math.floor(size / PART)).fill(PART), size % PART].filter((part) => part > 0)
      const answer = await readOne(
        {
          writes: [
            ["stdout", line + "\n"],
            ["stdout", line],
          ],
        },
        "stdout=1&timestamps=1",
      )
      const frames = framesOf(answer)
      expect(frames.map(({ payload }) => payload.length - 31)).toEqual([...parts, ...last])
      expect(frames.map(({ payload }) => payload.slice(31)).join("")).toBe(line + "\n" + line)
      const stamps = frames.map(({ payload }) => payload.slice(0, 31))
      expect(new Set(stamps.slice(0, parts.length)).size).toBe(1)
      expect(new Set(stamps.slice(parts.length)).size).toBe(1)
      expect(new Set(stamps).size).toBe(2)
    })

    it("keeps NUL, ESC and CR, and replaces every byte that is no UTF-8", async () => {
      const bytes = Buffer.from([0x61, 0, 0x1b, 0x0d, 0xff, 0xe2, 0x82, 0x62, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0x0a])
      const answer = await readOne(
        {
          writes: [
            ["stdout", bytes],
            ["stdout", "é€𝄞\n"],
          ],
        },
        "stdout=1",
      )
      const texts = answer.chunks.map((chunk) => chunk.subarray(8).toString())
      expect(texts).toEqual(["a\0\x1b\r" + "\ufffd".repeat(3) + "b" + "\ufffd".repeat(5) + "\n", "é€𝄞\n"])
    })

    it("breaks a character that lies across 16 KiB", async () => {
      const line = "a".repeat(PART - 1) + "é"
      const answer = await readOne({ writes: [["stdout", line + "\n"]] }, "stdout=1")
      expect(answer.chunks.map((chunk) => chunk.subarray(8).toString())).toEqual([
        "a".repeat(PART - 1) + "\ufffd",
        "\ufffd\n",
      ])
    })

    it("keeps every byte with the local driver", async () => {
      const bytes = Buffer.from([0x61, 0xff, 0xe2, 0x82, 0x00, 0x0a])
      const answer = await readOne({ writes: [["stdout", bytes]], logDriver: "local" }, "stdout=1")
      expect(answer.chunks.map((chunk) => chunk.subarray(8))).toEqual([bytes])
    })

    it("sends a terminal's bytes without frames, all as stdout", async () => {
      const spec: PlaySpec = {
        tty: true,
        writes: [
          ["stdout", "out\n"],
          ["stderr", "err\n"],
          ["stdout", "end"],
        ],
      }
      const [out, err, stamped, details, tail] = await read(
        spec,
        "stdout=1",
        "stderr=1",
        "stdout=1&stderr=1&timestamps=1",
        "stdout=1&details=1",
        "stdout=1&tail=1",
      )
      expect(out?.text).toBe("out\r\nerr\r\nend")
      expect([err?.status, err?.text]).toEqual([200, ""])
      expect(stamped?.chunks.map((chunk) => chunk.toString().slice(31))).toEqual(["out\r\n", "err\r\n", "end"])
      expect(stamped?.text.slice(0, 31)).toMatch(TIMESTAMP)
      expect(details?.text).toBe(" out\r\n err\r\n end")
      expect(tail?.text).toBe("end")
    })

    it("answers nothing for a container that never ran", async () => {
      const container = await subject.play().create({ writes: TWO })
      const answer = await askWhole(subject.play().url, `/containers/${container.id}/logs?stdout=1&stderr=1&follow=1`)
      expect([answer.status, answer.chunks]).toEqual([200, []])
      await container.remove()
    })
  })
}
