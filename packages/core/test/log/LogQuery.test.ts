import { Either, FastCheck as fc, Schema } from "effect"
import { describe, expect, it } from "vitest"
import * as LogQuery from "../../src/log/LogQuery.ts"

const parse = (query: string) => LogQuery.parse(new URLSearchParams(query), 1_795_345_075_000)
const query = (text: string) => Either.getOrThrow(parse(text))
const refusal = (text: string) => Either.getOrThrow(Either.flip(parse(text)))

const TRUE = ["1", "true", "yes", "on", "t", "y", "TRUE", " True "]
const FALSE = ["0", "no", "false", "none", "", "No", " NONE"]

describe("the parameters of a log", () => {
  it("mean everything, once, of both streams where none is given", () => {
    expect(query("")).toEqual({ follow: false, stdout: true, stderr: true, timestamps: false, details: false })
  })

  it("know Docker's words for true and false", () => {
    for (const parameter of ["follow", "timestamps", "details"] as const) {
      for (const word of TRUE) expect(query(`${parameter}=${word}`)[parameter]).toBe(true)
      for (const word of FALSE) expect(query(`${parameter}=${word}`)[parameter]).toBe(false)
      expect(query(parameter)[parameter]).toBe(false)
    }
  })

  it("refuse words that Docker would take for true", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("follow", "timestamps", "details", "stdout", "stderr"),
        fc.oneof(fc.constantFrom("off", "2", "f", "-1", "null"), fc.string({ minLength: 1 })),
        (parameter, word) => {
          const plain = word.trim().toLowerCase()
          fc.pre(![...TRUE, ...FALSE].some((known) => known.trim().toLowerCase() === plain))
          expect(
            Either.getOrThrow(Either.flip(LogQuery.parse(new URLSearchParams({ [parameter]: word }), 0))),
          ).toMatchObject({ _tag: "BadParameter", parameter })
        },
      ),
    )
  })

  it.each([
    ["stdout=1", true, false],
    ["stderr=1", false, true],
    ["stdout=1&stderr=1", true, true],
    ["stdout=0", false, true],
    ["stderr=0", true, false],
    ["stdout=1&stderr=0", true, false],
    ["stdout=0&stderr=1", false, true],
    ["stdout=1&stdout=0", true, false],
  ])("choose the streams: %s", (text, stdout, stderr) => {
    expect(query(text)).toMatchObject({ stdout, stderr })
  })

  it("refuse to want neither stream", () => {
    expect(refusal("stdout=0&stderr=0")).toMatchObject({ parameter: "stdout", value: "0" })
  })

  it("read tail as all or a number of records", () => {
    for (const all of ["all", "", "-1"]) expect(query(`tail=${all}`).tail).toBeUndefined()
    for (const count of [0, 1, 500, 2_147_483_647]) expect(query(`tail=${count}`).tail).toBe(count)
    for (const word of ["-2", "2.5", "+2", "x", "ALL", "1e3", "2147483648", "99999999999999999999"])
      expect(refusal(`tail=${word}`).parameter).toBe("tail")
  })

  it("name what was bad, what it was, and what would be good, and cut a long value", () => {
    expect(refusal("tail=ten").message).toBe(
      `tail="ten" means nothing here: expected all, or a whole number from 0 to 2147483647`,
    )
    expect(refusal(`since=${"x".repeat(5000)}`).value).toHaveLength(100)
  })

  it("make a query that its schema takes", () => {
    const whole = query("follow=1&since=10m&until=2026-11-22T10:44:07.200217800%2B02:00&tail=5&timestamps=1&details=1")
    expect(Schema.decodeUnknownSync(LogQuery.LogQuery)(JSON.parse(JSON.stringify(whole)))).toEqual(whole)
    expect(whole).toMatchObject({ since: "1795344475.000000000", until: "1795337047.200217800", tail: 5 })
  })
})
