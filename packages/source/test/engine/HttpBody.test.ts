import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { HttpBody, type HttpHead, MAX_CHUNK_LINE, MAX_HEAD } from "../../src/engine/HttpBody.ts"

interface Seen {
  readonly heads: Array<HttpHead>
  readonly body: () => Buffer
  readonly ends: Array<string>
}

/** Pushes the pieces, then ends the socket. */
const read = (pieces: ReadonlyArray<Uint8Array>): Seen => {
  const heads: Array<HttpHead> = []
  const parts: Array<Uint8Array> = []
  const ends: Array<string> = []
  const body = new HttpBody({
    onHead: (head) => heads.push(head),
    onData: (slice) => parts.push(slice),
    onEnd: () => ends.push("end"),
    onError: (detail) => ends.push(detail),
  })
  for (const piece of pieces) body.push(piece)
  if (ends.length === 0) body.end()
  return { heads, body: () => Buffer.concat(parts), ends }
}

const cut = (bytes: Uint8Array, places: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return at.slice(1).map((to, index) => bytes.subarray(at[index], to))
}

const bytes = (text: string) => Buffer.from(text, "latin1")
const chunk = (payload: Uint8Array, extension = "") =>
  Buffer.concat([bytes(`${payload.length.toString(16)}${extension}\r\n`), payload, bytes("\r\n")])
const head = (...lines: ReadonlyArray<string>) => bytes(["HTTP/1.1 200 OK", ...lines, "", ""].join("\r\n"))
const chunkedHead = head("Transfer-Encoding: chunked")

const anyPlaces = fc.array(fc.nat(), { maxLength: 20 })
const anyPayload = fc.uint8Array({ minLength: 1, maxLength: 300 })
const anyExtension = fc.constantFrom("", ";a=b", '; name="value"', " ")

describe("HttpBody", () => {
  it("gives back a chunked body whatever its chunks, extensions, trailers and cuts", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyPayload, anyExtension), { maxLength: 20 }),
        fc.constantFrom("", "X-Sum: 1\r\n", "A: b\r\nC: d\r\n"),
        anyPlaces,
        (chunks, trailers, places) => {
          const answer = Buffer.concat([
            chunkedHead,
            ...chunks.map(([payload, extension]) => chunk(payload, extension)),
            bytes(`0\r\n${trailers}\r\n`),
          ])
          const seen = read(cut(answer, places))
          expect(seen.ends).toEqual(["end"])
          expect(seen.body()).toEqual(Buffer.concat(chunks.map(([payload]) => payload)))
        },
      ),
      { numRuns: 500 },
    )
  })

  it("takes an answer that ends anywhere before its terminating chunk for broken, never for ended", () => {
    const answer = Buffer.concat([
      chunkedHead,
      chunk(bytes("one\n")),
      chunk(bytes("two\n"), ";x"),
      bytes("0\r\nT: 1\r\n\r\n"),
    ])
    for (let length = 0; length < answer.length; length++) {
      const { ends } = read([answer.subarray(0, length)])
      expect(ends).toHaveLength(1)
      expect(ends[0]).toMatch(/broke off|before it answered/)
    }
    expect(read([answer]).ends).toEqual(["end"])
  })

  it("ends a body of promised length at that length and calls a shorter one broken", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), anyPlaces, fc.nat(), (payload, places, missing) => {
        const answer = Buffer.concat([head(`Content-Length: ${payload.length}`), payload])
        const whole = read(cut(Buffer.concat([answer, bytes("ignored")]), places))
        expect(whole.ends).toEqual(["end"])
        expect(whole.body()).toEqual(Buffer.from(payload))
        if (payload.length === 0) return
        const short = read([answer.subarray(0, answer.length - 1 - (missing % payload.length))])
        expect(short.ends).toEqual(["it broke off in the middle of the answer"])
      }),
    )
  })

  it("reads to the close where there is neither length nor chunks", () => {
    const seen = read([head("Server: x"), bytes("abc"), bytes("def")])
    expect(seen.body().toString()).toBe("abcdef")
    expect(seen.ends).toEqual(["end"])
  })

  it("tells status and headers, names in lower case", () => {
    const [first] = read([bytes("HTTP/1.0 404 Not Found\r\nApi-Version:1.41\r\nX: a:b \r\n\r\n")]).heads
    expect(first?.status).toBe(404)
    expect(first?.headers.get("api-version")).toBe("1.41")
    expect(first?.headers.get("x")).toBe("a:b")
  })

  it("refuses what is not HTTP/1.1, other codings, and lengths and sizes that are none", () => {
    const refused = [
      bytes("SSH-2.0-OpenSSH\r\n\r\n"),
      bytes("HTTP/2 200\r\n\r\n"),
      bytes("HTTP/1.1 100 Continue\r\n\r\n"),
      bytes("HTTP/1.1 101 Switching\r\n\r\n"),
      head("Transfer-Encoding: gzip, chunked"),
      head("Content-Length: -1"),
      head("Content-Length: 12a"),
      Buffer.concat([chunkedHead, bytes("zz\r\n")]),
      Buffer.concat([chunkedHead, bytes("\r\n")]),
      Buffer.concat([chunkedHead, bytes("123456789\r\n")]),
      Buffer.concat([chunkedHead, bytes("3\r\nabcd\r\n")]),
      Buffer.concat([chunkedHead, bytes("3\r\nabc\n")]),
      Buffer.concat([chunkedHead, bytes("3\n\nabc\r\n")]),
    ]
    for (const answer of refused) {
      const { ends } = read([answer])
      expect(ends).toHaveLength(1)
      expect(ends[0]).not.toMatch(/^end$|broke off/)
    }
  })

  it("holds no more than 16 KiB of headers or trailers and 4 KiB of a chunk's line", () => {
    const long = (length: number) => "x".repeat(length)
    expect(read([head(`A: ${long(MAX_HEAD - 60)}`, "Content-Length: 0")]).ends).toEqual(["end"])
    const flood = Array.from({ length: 100 }, () => bytes(long(1000)))
    expect(read([bytes("HTTP/1.1 200 OK\r\nA: "), ...flood]).ends[0]).toMatch(/16 KiB/)
    expect(read([chunkedHead, bytes("0\r\nA: "), ...flood]).ends[0]).toMatch(/16 KiB/)
    expect(read([chunkedHead, bytes(`1;${long(MAX_CHUNK_LINE - 10)}\r\nx\r\n0\r\n\r\n`)]).ends).toEqual(["end"])
    expect(read([chunkedHead, bytes("1;"), ...flood]).ends[0]).toMatch(/extension/)
  })

  it("says nothing any more once it is stopped from within a call", () => {
    const seen: Array<string> = []
    const body: HttpBody = new HttpBody({
      onHead: () => seen.push("head"),
      onData: (slice) => {
        seen.push(Buffer.from(slice).toString())
        body.stop()
      },
      onEnd: () => seen.push("end"),
      onError: () => seen.push("error"),
    })
    body.push(Buffer.concat([chunkedHead, chunk(bytes("a")), chunk(bytes("b")), bytes("0\r\n\r\n")]))
    body.end()
    expect(seen).toEqual(["head", "a"])
  })

  it("hands out views of what was pushed, not copies", () => {
    const answer = Buffer.concat([chunkedHead, chunk(bytes("abc"))])
    const views: Array<Uint8Array> = []
    const body = new HttpBody({
      onHead: () => {},
      onData: (slice) => views.push(slice),
      onEnd: () => {},
      onError: () => {},
    })
    body.push(answer)
    expect(views.map((view) => view.buffer === answer.buffer)).toEqual([true])
  })
})
