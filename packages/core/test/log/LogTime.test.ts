import { Either, FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as LogTime from "../../src/log/LogTime.ts"

const NOW = 1_795_345_075_123

const parse = (value: string) => LogTime.parse(new URLSearchParams({ since: value }), "since", NOW)
const time = (value: string) => Either.getOrThrow(parse(value))

/** Unix seconds that fit eleven digits and a date of four. */
const moments = fc.record({
  seconds: fc.integer({ min: -62_135_596_800, max: 99_999_999_999 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
})

describe("a moment in a log", () => {
  it("keeps every nanosecond of unix seconds, padding or cutting the fraction at nine digits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -99_999_999_999, max: 99_999_999_999 }),
        fc.stringMatching(/^\d{1,12}$/),
        (s, f) => {
          expect(time(`${s}.${f}`)).toBe(`${s}.${f.padEnd(9, "0").slice(0, 9)}`)
          expect(time(s === 0 ? "00" : `${s}`)).toBe(`${s}.000000000`)
        },
      ),
    )
  })

  it("reads RFC 3339 with any zone to the same nanosecond", () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }), (moment, offset) => {
        const local = new Date((moment.seconds + offset * 60) * 1000).toISOString()
        fc.pre(/^\d{4}-/.test(local))
        const size = Math.abs(offset)
        const zone = `${offset < 0 ? "-" : "+"}${pad(Math.floor(size / 60), 2)}:${pad(size % 60, 2)}`
        const fraction = pad(moment.nanos, 9)
        const text = local.replace(/\.\d+Z$/, `.${fraction}${zone}`)
        expect(time(text)).toBe(`${moment.seconds}.${fraction}`)
        expect(time(text.replace("+", " "))).toBe(`${moment.seconds}.${fraction}`)
      }),
    )
  })

  it("takes dates and times without zone for UTC", () => {
    expect(time("2026-11-22")).toBe("1795305600.000000000")
    expect(time("2026-11-22T15")).toBe("1795359600.000000000")
    expect(time("2026-11-22T15:04")).toBe("1795359840.000000000")
    expect(time("2026-11-22 15:04:05.5")).toBe("1795359845.500000000")
    expect(time("2024-02-29T00:00:00z")).toBe("1709164800.000000000")
    expect(time("1969-12-31T23:59:58.5Z")).toBe("-2.500000000")
  })

  it("counts durations back from now, to the nanosecond", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(100_000), fc.constantFrom(...Object.entries(NANOS))), { minLength: 1, maxLength: 4 }),
        (parts) => {
          const text = parts.map(([count, [unit]]) => `${count}${unit}`).join("")
          const nanos = parts.reduce((sum, [count, [, size]]) => sum + BigInt(count) * size, 0n)
          const expected = BigInt(NOW) * 1_000_000n - nanos
          expect(time(text)).toBe(LogTime.fromNanos(expected))
        },
      ),
    )
    expect(time("1.5h")).toBe(time("1h30m"))
    expect(time("0.000000001s")).toBe("1795345075.122999999")
    expect(time("1d")).toBe(time("24h"))
  })

  it("is unset where the parameter is absent, empty or 0", () => {
    expect(Either.getOrThrow(LogTime.parse(new URLSearchParams(), "since", NOW))).toBeUndefined()
    expect(time("")).toBeUndefined()
    expect(time("0")).toBeUndefined()
  })

  it.each([
    "now",
    "yesterday",
    " 1",
    "1 ",
    "1.",
    ".",
    "1e9",
    "+1",
    "0x10",
    "-10m",
    "10 m",
    "m",
    "10w",
    "123456789012",
    "2026-02-30",
    "2026-13-01",
    "2026-11-22T24:00",
    "2026-11-22T10:60",
    "2026-11-22T10:00:60Z",
    "2026-11-22T10:00:00+24:00",
    "26-11-22",
    "2026-11-22T10:00:00+0200",
    "9999-01-01",
    "1h\n",
    `${"0".repeat(70)}1s`,
  ])("refuses %j and says what is good", (value) => {
    const failed = parse(value)
    expect(Either.getOrThrow(Either.flip(failed))).toMatchObject({ _tag: "BadParameter", parameter: "since" })
    expect(Either.getOrThrow(Either.flip(failed)).message).toContain("RFC 3339")
  })

  it("survives the way through nanoseconds", () => {
    fc.assert(
      fc.property(moments, ({ seconds, nanos }) => {
        const text = `${seconds}.${pad(nanos, 9)}`
        expect(LogTime.fromNanos(LogTime.toNanos(LogTime.LogTime.make(text)))).toBe(text)
      }),
    )
  })
})

const NANOS = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}

const pad = (value: number, width: number): string => String(value).padStart(width, "0")
