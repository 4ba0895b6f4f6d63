/** Versions, paths, headers and refusals. */
import { describe, expect, it } from "vitest"
import type { Subject } from "./engineContract.ts"
import { ask, askWhole, type RawAnswer } from "./RawClient.ts"

/** The headers, without those that differ from one answer to the next. */
const headersOf = ({ headers }: RawAnswer): Record<string, string> => {
  const { date, server, ...rest } = headers
  if (date !== undefined) expect(new Date(date).getTime()).not.toBeNaN()
  if (server !== undefined) expect(server).toMatch(/^Docker\/\d+\.\d+\.\d+\S* \(linux\)$/)
  return rest
}

const JSON_TYPE = { "content-type": "application/json" }

const length = (text: string) => ({ "content-length": String(Buffer.byteLength(text)) })

/** Older engines answer them with a length of 0, newer ones leave the length out; some tell of what no reader of logs needs. */
const pingHeadersOf = (answer: RawAnswer): Record<string, string> => {
  const { "builder-version": _builder, swarm: _swarm, "content-length": _length, ...rest } = headersOf(answer)
  return rest
}

export const protocolContract = (subject: Subject): void => {
  const { truth } = subject
  const ENGINE = { "api-version": truth.apiVersion, "docker-experimental": "false", ostype: "linux" }
  const PING = {
    ...ENGINE,
    "cache-control": "no-cache, no-store, must-revalidate",
    pragma: "no-cache",
    "content-type": "text/plain; charset=utf-8",
  }
  const PINGS = ["/_ping", `/v${truth.apiVersion}/_ping`, `/v${truth.minApiVersion}/_ping`]

  describe("protocol", () => {
    it.each(PINGS)("answers GET and HEAD of %s", async (path) => {
      const got = await askWhole(subject.play().url, path)
      expect([got.status, got.text, pingHeadersOf(got)]).toEqual([200, "OK", PING])
      const head = await askWhole(subject.play().url, path, "HEAD")
      expect([head.status, head.text, pingHeadersOf(head)]).toEqual([200, "", PING])
    })

    it("tells its versions", async () => {
      const got = await askWhole(subject.play().url, "/version")
      expect(headersOf(got)).toEqual({ ...ENGINE, ...JSON_TYPE, ...length(got.text) })
      expect(got.text.endsWith("}\n")).toBe(true)
      const arch = process.arch === "x64" ? "amd64" : process.arch
      expect(got.json).toMatchObject({
        ApiVersion: truth.apiVersion,
        MinAPIVersion: truth.minApiVersion,
        Os: "linux",
        Arch: arch,
        Version: expect.any(String) as unknown,
      })
      const { Version } = got.json as { Version: string }
      expect(Version.slice(0, truth.version.length)).toBe(truth.version)
      expect(got.headers["server"]).toBe(`Docker/${Version} (linux)`)
      const { Components } = got.json as { Components: ReadonlyArray<unknown> }
      expect(Components[0]).toMatchObject({
        Name: "Engine",
        Details: { ApiVersion: truth.apiVersion, MinAPIVersion: truth.minApiVersion },
      })
    })

    it("tells about its host, its clock in UTC nanoseconds", async () => {
      const before = Date.now()
      const got = await askWhole(subject.play().url, "/v1.41/info")
      const info = got.json as Record<string, unknown>
      expect(headersOf(got)).toMatchObject({ ...ENGINE, ...JSON_TYPE })
      expect(info).toMatchObject({ OSType: "linux", Architecture: process.arch === "x64" ? "x86_64" : "aarch64" })
      expect(info["SystemTime"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)
      expect(Math.abs(Date.parse(String(info["SystemTime"])) - before)).toBeLessThan(60_000)
      const text = expect.any(String) as unknown
      expect(info).toMatchObject({
        Name: text,
        ServerVersion: text,
        OperatingSystem: text,
        ID: text,
        LoggingDriver: text,
      })
    })

    it.each([
      ["GET", "/"],
      ["GET", "/nope"],
      ["GET", "/v1.41"],
      ["GET", "/v1.41/nope"],
      ["GET", "/v1.99/nope"],
      ["GET", "/containers/web"],
      ["GET", "/containers/web/"],
      ["GET", "/containers/web/logs/"],
      ["GET", "/_ping/"],
      ["POST", "/_ping"],
      ["POST", "/containers/json"],
      ["DELETE", "/version"],
    ])("does not know %s %s", async (method, path) => {
      const got = await askWhole(subject.play().url, path, method)
      const body = '{"message":"page not found"}\n'
      expect([got.status, got.text, headersOf(got)]).toEqual([404, body, { ...JSON_TYPE, ...length(body) }])
    })

    it("knows HEAD for /_ping only", async () => {
      expect((await askWhole(subject.play().url, "/version", "HEAD")).status).toBe(404)
    })

    it.each([`1.${Number(truth.apiVersion.slice(2)) + 1}`, "2", "1.100"])(
      "refuses version %s as too new, before anything else",
      async (version) => {
        const got = await askWhole(subject.play().url, `/v${version}/containers/nope/logs`)
        const body = `{"message":"client version ${version} is too new. Maximum supported API version is ${truth.apiVersion}"}\n`
        expect([got.status, got.text, headersOf(got)]).toEqual([
          400,
          body,
          { "api-version": truth.apiVersion, ostype: "linux", ...JSON_TYPE, ...length(body) },
        ])
      },
    )

    it(`refuses version ${truth.tooOldVersion} as too old`, async () => {
      const got = await askWhole(subject.play().url, `/v${truth.tooOldVersion}/version`)
      const message = `client version ${truth.tooOldVersion} is too old. Minimum supported API version is ${truth.minApiVersion}, please upgrade your client to a newer version`
      const isJson = truth.tooOldHeaders["content-type"] === "application/json"
      const body = (isJson ? JSON.stringify({ message }) : message) + "\n"
      const headers = { "api-version": truth.apiVersion, ostype: "linux", ...truth.tooOldHeaders, ...length(body) }
      expect([got.status, got.text, headersOf(got)]).toEqual([400, body, headers])
    })

    it.each([
      ["//containers/json?all=1", "/containers/json?all=1"],
      ["/containers//json", "/containers/json"],
      ["/containers/%2Fweb/logs?stdout=1", "/containers/web/logs?stdout=1"],
      ["/containers/web%2F/json", "/containers/web/json"],
      ["/containers/x/../web/json", "/containers/web/json"],
    ])("redirects %s to the clean path", async (path, clean) => {
      const got = await askWhole(subject.play().url, path)
      expect([got.status, headersOf(got), got.text]).toEqual([301, { location: clean, "content-length": "0" }, ""])
    })

    it("flushes the headers of events and of an idle follow at once", async () => {
      const play = subject.play()
      const events = await ask(play.url, "/events")
      expect(headersOf(events)).toEqual({ ...ENGINE, ...JSON_TYPE, "transfer-encoding": "chunked" })
      const container = await play.create({ writes: [["stdout", "x\n"]], later: [] })
      await container.start()
      const follow = await ask(play.url, `/containers/${container.id}/logs?follow=1&stdout=1&tail=0`)
      expect([follow.status, headersOf(follow)]).toEqual([
        200,
        { ...ENGINE, ...truth.logsType(truth.apiVersion, false), "transfer-encoding": "chunked" },
      ])
      expect([follow.chunks, follow.ending, events.ending]).toEqual([[], undefined, undefined])
      follow.close()
      events.close()
      await container.remove()
    })
  })
}
