import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import * as DockerParameter from "../../src/docker/DockerParameter.ts"

const query = (name: string, value: string) => new URLSearchParams({ [name]: value })

describe("A time of Docker's clients", () => {
  const time = (value: string) =>
    Either.mapLeft(DockerParameter.time(query("since", value), "since"), (error) => error.message)

  it.each([
    ["1700000000", "1700000000.000000000"],
    ["1700000000.25", "1700000000.250000000"],
    ["1700000000.1234567891", "1700000000.123456789"],
    ["-1", "-1.000000000"],
    ["99999999999", "99999999999.000000000"],
    ["100000000000", "99999999999.000000000"],
    ["9223372036854775807", "99999999999.000000000"],
    ["-9223372036854775808", "-99999999999.000000000"],
  ])("is that of %s, and no further away than 99,999,999,999 s", (value, expected) => {
    expect(time(value)).toEqual(Either.right(expected))
  })

  it.each(["", "0"])("is none where it is %j", (value) => {
    expect(time(value)).toEqual(Either.right(undefined))
  })

  it.each([
    ["9223372036854775808", "value out of range"],
    ["9".repeat(5_000), "value out of range"],
    ["10m", "invalid syntax"],
    ["1.x", "invalid syntax"],
    ["1e3", "invalid syntax"],
  ])("is refused in the daemon's words: %s", (value, why) => {
    expect(Either.getOrThrow(Either.flip(time(value)))).toMatch(
      new RegExp(`^strconv.ParseInt: parsing .{1,103}: ${why}$`),
    )
  })
})

describe("A number of Docker's clients", () => {
  it.each([
    ["0", 0],
    ["+7", 7],
    ["2147483647", 2_147_483_647],
    ["2147483648", undefined],
    ["9".repeat(30), undefined],
    ["-1", undefined],
    ["all", undefined],
    ["", undefined],
  ])("of lines from the end is all from 2,147,483,648 on, and where it is none: %s", (value, expected) => {
    expect(DockerParameter.tail(query("tail", value))).toBe(expected)
  })
})
