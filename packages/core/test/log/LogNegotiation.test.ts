import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { contentType, negotiate } from "../../src/log/LogNegotiation.ts"

const format = (accept: string | undefined, query = "") =>
  Either.getOrThrow(negotiate(new URLSearchParams(query), accept)).format

describe("the format of a log", () => {
  it.each([
    [undefined, "text"],
    ["", "text"],
    ["*/*", "text"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text"],
    ["text/*", "text"],
    ["application/*", "ndjson"],
    ["application/x-ndjson", "ndjson"],
    ["application/x-ndjson, */*", "ndjson"],
    ["text/event-stream", "sse"],
    ["TEXT/Event-Stream; charset=utf-8", "sse"],
    ["application/x-ndjson, text/plain", "ndjson"],
    ["text/plain, application/x-ndjson", "text"],
    ["text/plain;q=0.5, application/x-ndjson;q=0.6", "ndjson"],
    ["text/plain;q=0, text/*", "sse"],
    ["text/*, text/plain;q=0", "sse"],
    ["application/vnd.docker.multiplexed-stream", "multiplexed"],
    ["application/vnd.docker.raw-stream", "raw"],
    ["application/vnd.rdl.log-frames", "frames"],
  ])("for Accept %j is %s", (accept, expected) => {
    expect(format(accept)).toBe(expected)
  })

  it("is looked for in the first 64 ranges of the header", () => {
    const behind = (others: number) => `${"image/png,".repeat(others)}application/x-ndjson, text/plain;q=0.1`
    expect(format(behind(63))).toBe("ndjson")
    expect(format(`text/plain;q=0.1, ${behind(63)}`)).toBe("text")
  })

  it("is what the parameter says, whatever the header says", () => {
    for (const name of ["text", "ndjson", "sse", "multiplexed", "raw", "frames"])
      expect(format("image/png", `format=${name}`)).toBe(name)
  })

  it.each(["application/json", "image/*", "text/plain;q=0", "text/plain;q=7", "nonsense"])(
    "is none where nothing acceptable is offered: %s",
    (accept) => {
      const refusal = Either.getOrThrow(Either.flip(negotiate(new URLSearchParams(), accept)))
      expect(refusal).toMatchObject({ _tag: "BadParameter", parameter: "Accept", value: accept })
    },
  )

  it("refuses a format and a host label that it does not know", () => {
    for (const parameter of ["format", "host"])
      expect(
        Either.getOrThrow(Either.flip(negotiate(new URLSearchParams({ [parameter]: "x" }), undefined))),
      ).toMatchObject({ parameter, value: "x" })
  })

  it("puts the host label before the line unless told otherwise", () => {
    const host = (query: string) => Either.getOrThrow(negotiate(new URLSearchParams(query), undefined)).host
    expect(["", "host=", "host=prefix", "host=suffix", "host=none"].map(host)).toEqual([
      "prefix",
      "prefix",
      "prefix",
      "suffix",
      "none",
    ])
  })

  it("has a cursor on every JSON line where that is asked for", () => {
    const rendering = (query: string) => Either.getOrThrow(negotiate(new URLSearchParams(query), undefined))
    expect(rendering("format=ndjson&cursors=1")).toEqual({ format: "ndjson", host: "prefix", cursors: true })
    expect(rendering("format=ndjson&cursors=0")).toEqual({ format: "ndjson", host: "prefix" })
    expect(Either.isLeft(negotiate(new URLSearchParams("cursors=perhaps"), undefined))).toBe(true)
  })

  it("says what the engine's bytes are by the container, not by the wish", () => {
    for (const wish of ["multiplexed", "raw"] as const) {
      expect(contentType(wish, false)).toBe("application/vnd.docker.multiplexed-stream")
      expect(contentType(wish, true)).toBe("application/vnd.docker.raw-stream")
    }
    expect(contentType("frames", true)).toBe("application/vnd.rdl.log-frames")
  })
})
