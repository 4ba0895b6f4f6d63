/** The parameters of logs: what they accept, what they mean, and in which order they are applied. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Subject } from "./engineContract.ts"
import type { PlayContainer, Write } from "./Play.ts"
import { askWhole, framesOf } from "./RawClient.ts"

const WRITES: ReadonlyArray<Write> = [
  ["stdout", "1\n"],
  ["stderr", "2\n"],
  ["stdout", "3\n"],
  ["stdout", "4\n"],
  ["stderr", "5\n"],
]
const ALL = "12345"
const BOTH = "stdout=1&stderr=1"
const NO_STREAM = "Bad parameters: you must choose at least one stream"

export const parametersContract = (subject: Subject): void => {
  const { truth } = subject
  describe("parameters of logs", () => {
    let container: PlayContainer | undefined
    let silent: PlayContainer | undefined
    /** Nanoseconds of each record. */
    let times: ReadonlyArray<bigint> = []

    const ask = (query: string, reference = container?.id) =>
      askWhole(subject.play().url, `/containers/${reference}/logs?${query}`)
    /** The lines that come, as one word. */
    const lines = async (query: string): Promise<string> => {
      const got = await ask(query)
      const type = truth.logsType(truth.apiVersion, false)["content-type"]
      expect([got.status, got.headers["content-type"]]).toEqual([200, type])
      return framesOf(got)
        .map(({ payload }) => payload.trim())
        .join("")
    }
    const refusal = async (query: string, reference?: string) => {
      const got = await ask(query, reference)
      expect(got.headers["content-type"]).toBe("application/json")
      return [got.status, (got.json as { message: string }).message]
    }
    const seconds = (nanos: bigint) => `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, "0")}`
    const time = (line: number): bigint => times[line - 1] ?? 0n

    beforeAll(async () => {
      container = await subject.play().create({ writes: WRITES })
      silent = await subject.play().create({ writes: WRITES, logDriver: "none" })
      await container.start()
      await silent.start()
      times = framesOf(await ask(`${BOTH}&timestamps=1`)).map(({ payload }) => {
        const stamp = payload.slice(0, 30)
        return BigInt(Date.parse(stamp.slice(0, 19) + "Z")) * 1_000_000n + BigInt(stamp.slice(20, 29))
      })
    })
    afterAll(async () => {
      await container?.remove()
      await silent?.remove()
    })

    it.each(["", "0", "no", "No", "NONE", "none", "false", "FALSE", "%20no%20", "%09"])(
      "takes '%s' for false",
      async (value) => {
        expect(await lines(`stderr=1&stdout=${value}`)).toBe("25")
        expect(await refusal(`stdout=${value}`)).toEqual([400, NO_STREAM])
      },
    )

    it.each(["1", "true", "TRUE", "yes", "2", "off", "-1", "f", "n", "x"])("takes '%s' for true", async (value) => {
      expect(await lines(`stdout=${value}`)).toBe("134")
    })

    it.each(["", "stdout", "Stdout=1", "STDOUT=1", "stdout=0&stdout=1", "follow=1", "tail=x&since=x"])(
      "refuses '%s' for want of a stream",
      async (query) => {
        expect(await refusal(query)).toEqual([400, NO_STREAM])
      },
    )

    it("counts the first of repeated parameters", async () => {
      expect(await lines("stdout=1&stdout=0")).toBe("134")
      expect(await lines(`${BOTH}&tail=2&tail=1`)).toBe("45")
      expect(await lines("stderr=1&stdout=0&stdout=1")).toBe("25")
    })

    it.each([
      ["10m", '"10m"', "invalid syntax"],
      ["now", '"now"', "invalid syntax"],
      ["1e9", '"1e9"', "invalid syntax"],
      ["%201", '" 1"', "invalid syntax"],
      ["1.", '""', "invalid syntax"],
      [".5", '""', "invalid syntax"],
      ["1.5x", '"5x"', "invalid syntax"],
      ["1.5.6", '"5.6"', "invalid syntax"],
      ["0x10", '"0x10"', "invalid syntax"],
      ["2026-11-22T12:00:00Z", '"2026-11-22T12:00:00Z"', "invalid syntax"],
      ["99999999999999999999", '"99999999999999999999"', "value out of range"],
    ])("refuses the time %s", async (value, quoted, why) => {
      for (const name of ["since", "until"])
        expect(await refusal(`stdout=1&${name}=${value}`)).toEqual([500, `strconv.ParseInt: parsing ${quoted}: ${why}`])
    })

    it.each(["", "0", "-5", "1", "%2B5", "1.5", "1.-5", "1.123456789123", "-62135596800"])(
      "takes the time %s for long ago",
      async (value) => {
        expect(await lines(`${BOTH}&since=${value}`)).toBe(ALL)
      },
    )

    it("takes until=0 and until= for no end, and an old until for nothing", async () => {
      expect(await lines(`${BOTH}&until=0`)).toBe(ALL)
      expect(await lines(`${BOTH}&until=`)).toBe(ALL)
      expect(await lines(`${BOTH}&until=1`)).toBe("")
      expect(await lines(`${BOTH}&until=-1`)).toBe("")
      expect(await lines(`${BOTH}&since=5&until=2`)).toBe("")
      expect(await lines(`${BOTH}&since=99999999999`)).toBe("")
    })

    it("includes a record of exactly since and of exactly until, to the nanosecond", async () => {
      expect(await lines(`${BOTH}&since=${seconds(time(3))}`)).toBe("345")
      expect(await lines(`${BOTH}&since=${seconds(time(3) + 1n)}`)).toBe("45")
      expect(await lines(`${BOTH}&until=${seconds(time(3))}`)).toBe("123")
      expect(await lines(`${BOTH}&until=${seconds(time(3) - 1n)}`)).toBe("12")
      expect(await lines(`${BOTH}&since=${seconds(time(2))}&until=${seconds(time(4))}`)).toBe("234")
    })

    it("reads the fraction of a second as a decimal", async () => {
      const second = time(3) / 1_000_000_000n
      const digits = String(time(3) % 1_000_000_000n).padStart(9, "0")
      const micros = BigInt(digits.slice(0, 6)) * 1000n + second * 1_000_000_000n
      const expected = times.map((at, index) => (at >= micros ? String(index + 1) : "")).join("")
      expect(await lines(`${BOTH}&since=${second}.${digits.slice(0, 6)}`)).toBe(expected)
      expect(await lines(`${BOTH}&since=${second}.${digits}999`)).toBe("345")
    })

    it.each(["all", "", "-1", "-99999999999999999999", "x", "2.5", "+2", "99999999999999999999", "1e1", "ALL"])(
      "takes the tail '%s' for all",
      async (value) => {
        expect(await lines(`${BOTH}&tail=${value}`)).toBe(ALL)
      },
    )

    it("counts records of both streams for tail, before streams are chosen", async () => {
      expect(await lines(`${BOTH}&tail=0`)).toBe("")
      expect(await lines(`${BOTH}&tail=2`)).toBe("45")
      expect(await lines(`${BOTH}&tail=%2B2`)).toBe("45")
      expect(await lines(`${BOTH}&tail=5`)).toBe(ALL)
      expect(await lines(`${BOTH}&tail=600`)).toBe(ALL)
      expect(await lines("stdout=1&tail=1")).toBe("")
      expect(await lines("stdout=1&tail=3")).toBe("34")
    })

    it("applies tail before since, and since before until", async () => {
      expect(await lines(`${BOTH}&tail=4&until=${seconds(time(1))}`)).toBe("")
      expect(await lines(`${BOTH}&tail=4&until=${seconds(time(3))}`)).toBe("23")
      expect(await lines(`${BOTH}&tail=2&since=${seconds(time(2))}`)).toBe("45")
      expect(await lines(`${BOTH}&tail=3&since=${seconds(time(4))}`)).toBe("45")
      expect(await lines(`stderr=1&tail=4&since=${seconds(time(3))}`)).toBe("5")
    })

    it("refuses a log that its driver cannot read, after the streams, before the times", async () => {
      const message = "configured logging driver does not support reading"
      expect(await refusal("stdout=1", silent?.id)).toEqual([501, message])
      expect(await refusal("stdout=1&since=x", silent?.id)).toEqual([501, message])
      expect(await refusal("stdout=0", silent?.id)).toEqual([400, NO_STREAM])
    })

    it("refuses an unknown container, after the streams, before the times", async () => {
      expect(await refusal("stdout=1&since=x", "rdl-nobody")).toEqual([404, "No such container: rdl-nobody"])
      expect(await refusal("", "rdl-nobody")).toEqual([400, NO_STREAM])
    })
  })
}
